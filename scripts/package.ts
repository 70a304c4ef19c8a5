// npm run package: the executables that need no Node on the machine, and what
// goes with them, in dist/packages.
import { copyFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createSystemDisk } from '../platform/disk.ts';
import { lockDirectory } from '../platform/lock.ts';
import { agentProgram, bundleProgram, fullProgram, type Program } from './packaging/bundle.ts';
import { makeExecutable } from './packaging/executable.ts';
import { type Architecture, architectures, fetchNodeBase, nodeBaseOf, unpackNodeBase } from './packaging/node-base.ts';

const root = join(import.meta.dirname, '..');
/** The same for everyone, since an executable tells the path of the script it was made from. */
const workDirectory = '/var/tmp/skerry-package';

type ProgramName = 'agent' | 'full';
const programs: Record<ProgramName, { name: string; program: Program; architectures: readonly Architecture[] }> = {
  agent: { name: 'skerry-agent', program: agentProgram, architectures },
  full: { name: 'skerry', program: fullProgram, architectures: ['arm64', 'x64'] },
};

const usage = `Usage: npm run package -- [options]

Makes the executables of Skerry in dist/packages.

  --only NAME      agent or full; may be repeated (default both)
  --arch ARCH      ${architectures.join(', ')}; may be repeated (default all)
  --output DIR     where they go (default dist/packages)
  --cache DIR      where packages of Node are kept (default ~/.cache/skerry/node)
`;

type Settings = { only: ProgramName[]; arch: Architecture[]; output: string; cache: string };

/** @throws Error naming the option and what was expected */
function chosen<Name extends string>(flag: string, given: string[] | undefined, known: readonly Name[]): Name[] {
  for (const name of given ?? [])
    if (!(known as readonly string[]).includes(name))
      throw new Error(`--${flag}: expected one of ${known.join(', ')}, found ${JSON.stringify(name)}`);
  return known.filter((name) => given === undefined || given.includes(name));
}

function readSettings(args: string[]): Settings | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true },
      arch: { type: 'string', multiple: true },
      output: { type: 'string', default: join(root, 'dist/packages') },
      cache: { type: 'string', default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'skerry/node') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    only: chosen('only', values.only, Object.keys(programs) as ProgramName[]),
    arch: chosen('arch', values.arch, architectures),
    output: resolve(values.output),
    cache: resolve(values.cache),
  };
}

async function buildExecutable(
  programName: ProgramName,
  architecture: Architecture,
  settings: Settings,
): Promise<void> {
  const { name, program } = programs[programName];
  const base = nodeBaseOf(architecture);
  const archive = await fetchNodeBase(base, settings.cache);
  const work = join(workDirectory, name);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const [node, script, made] = [join(work, 'node'), join(work, `${name}.cjs`), join(work, 'executable')];
  await bundleProgram(program, script);
  await unpackNodeBase(archive, node, work);
  await makeExecutable({ architecture, nodeVersion: base.version, node, script, output: made, work });
  mkdirSync(settings.output, { recursive: true });
  const output = join(settings.output, `${name}-linux-${architecture}`);
  copyFileSync(made, `${output}.new`);
  renameSync(`${output}.new`, output);
  rmSync(work, { recursive: true });
  process.stdout.write(`${output} ${(statSync(output).size / 1e6).toFixed(1)} MB\n`);
}

async function main(): Promise<number> {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  mkdirSync(workDirectory, { recursive: true, mode: 0o700 });
  const unlock = await lockDirectory(createSystemDisk(), workDirectory, 'build of packages');
  try {
    for (const name of settings.only)
      for (const architecture of settings.arch)
        if (programs[name].architectures.includes(architecture)) await buildExecutable(name, architecture, settings);
  } finally {
    await unlock();
  }
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`package: ${(error as Error).message}\n`);
    process.exit(1);
  },
);
