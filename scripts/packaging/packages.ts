// Makes what is asked for of the executables, their bills of materials, the
// licences of what is inside, and the Debian packages.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { agentProgram, bundleProgram, fullProgram, type Program } from './bundle.ts';
import { type BundledPackage, bundledPackages, licenseTexts } from './bundled.ts';
import { debianFileName, debianPackages, makeDebianPackage } from './debian.ts';
import { makeExecutable } from './executable.ts';
import {
  type Architecture,
  architectures,
  fetchNodeBase,
  nodeBaseOf,
  nodeLicense,
  readLockfile,
  unpackNodeBase,
} from './node-base.ts';
import { sbomOf } from './sbom.ts';
import { sha256Of } from './sums.ts';

const root = join(import.meta.dirname, '..', '..');
/** The same on every machine, since an executable tells the path of the script that it was made from. */
export const workDirectory = '/var/tmp/skerry-package';

export const programNames = ['agent', 'full'] as const;
export type ProgramName = (typeof programNames)[number];

type Product = { name: 'skerry-agent' | 'skerry'; program: Program; architectures: readonly Architecture[] };
const products: Record<ProgramName, Product> = {
  agent: { name: 'skerry-agent', program: agentProgram, architectures },
  full: { name: 'skerry', program: fullProgram, architectures: ['arm64', 'x64'] },
};

export type PackagesOptions = {
  programs: readonly ProgramName[];
  architectures: readonly Architecture[];
  /** Whether to make Debian packages, too. */
  debian: boolean;
  output: string;
  /** Where packages of Node are kept. */
  cache: string;
  /** Told of every file that is made. */
  onFile: (path: string, sizeBytes: number) => void;
};

type Manifest = { version: string; license: string };

/** Seconds since 1970 that stand for the time of the build: of the last commit, unless SOURCE_DATE_EPOCH says another. */
function buildTime(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  return Number(given ?? execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root }).toString());
}

/**
 * Makes the packages, one after the other.
 * @throws Error saying which tool is missing or what it refused
 */
export async function makePackages(options: PackagesOptions): Promise<void> {
  for (const programName of options.programs) {
    const product = products[programName];
    const chosen = product.architectures.filter((architecture) => options.architectures.includes(architecture));
    if (chosen.length === 0) continue;
    const work = join(workDirectory, product.name);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const script = join(work, `${product.name}.cjs`);
    const metafile = await bundleProgram(product.program, script);
    for (const architecture of chosen) await makeFor(product, architecture, { options, work, script, metafile });
    rmSync(work, { recursive: true });
  }
}

type Bundle = { options: PackagesOptions; work: string; script: string; metafile: Metafile };

async function makeFor(
  { name }: Product,
  architecture: Architecture,
  { options, work: parent, script, metafile }: Bundle,
): Promise<void> {
  const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const packages = bundledPackages(metafile, readLockfile());
  const base = nodeBaseOf(architecture);
  const archive = await fetchNodeBase(base, options.cache);
  const work = join(parent, architecture);
  mkdirSync(work);
  const [node, made] = [join(work, 'node'), join(work, 'executable')];
  await unpackNodeBase(archive, node, work);
  await makeExecutable({ architecture, nodeVersion: base.version, node, script, output: made, work });
  const file = `${name}-linux-${architecture}`;
  const deliver = (path: string, fileName: string): void => {
    const target = join(options.output, fileName);
    copyFileSync(path, `${target}.new`);
    renameSync(`${target}.new`, target);
    options.onFile(target, statSync(target).size);
  };
  mkdirSync(options.output, { recursive: true });
  deliver(made, file);
  const sbom = join(work, 'sbom');
  writeFileSync(sbom, sbomOf({ name: file, version, license, node: base, packages, sha256: await sha256Of(made) }));
  deliver(sbom, `${file}.cdx.json`);
  const licenses = await licensesOf(license, packages, archive);
  writeFileSync(join(work, 'licenses'), licenses);
  deliver(join(work, 'licenses'), `${file}.licenses.txt`);
  const described = debianPackages.find((item) => item.name === name);
  if (options.debian && described !== undefined) {
    const deb = join(work, 'package.deb');
    const epochSeconds = buildTime();
    await makeDebianPackage({
      package: described,
      architecture,
      version,
      executable: made,
      licenses,
      epochSeconds,
      output: deb,
      work,
    });
    deliver(deb, debianFileName(name, version, architecture));
  }
  rmSync(work, { recursive: true });
}

async function licensesOf(license: string, packages: readonly BundledPackage[], archive: string): Promise<string> {
  return [
    `Skerry is licensed under ${license}; its text is in the file LICENSE of the source.`,
    'The executable contains Node.js and the packages below, whose licences follow.\n',
    licenseTexts(root, packages),
    `${'-'.repeat(79)}\nNode.js\n\n${await nodeLicense(archive)}`,
  ].join('\n');
}
