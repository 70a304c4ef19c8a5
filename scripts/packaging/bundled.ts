// Which packages of others an executable really holds, with what the lockfile
// says of them: for the bill of materials and the licences that go with it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import type { Lockfile } from './node-base.ts';

export type BundledPackage = {
  /** Below the repository: `node_modules/mqtt`. */
  path: string;
  name: string;
  version: string;
  /** As npm writes it: `sha512-` and base64. */
  integrity: string;
  /** SPDX expression; some packages have only a text. */
  license: string | undefined;
};

const folder = 'node_modules/';

/** `node_modules/a/node_modules/@b/c` of a file in it; undefined for our own files. */
export function packagePathOf(file: string): string | undefined {
  // The tree may be a link into another one.
  const first = file.indexOf(folder);
  if (first < 0) return undefined;
  const last = file.lastIndexOf(folder) + folder.length;
  const [scope = '', name = ''] = file.slice(last).split('/');
  return file.slice(first, last) + (scope.startsWith('@') ? `${scope}/${name}` : scope);
}

/**
 * The packages of which code is in the bundle, each version once.
 * @throws Error naming a package that the lockfile does not pin
 */
export function bundledPackages(metafile: Metafile, lockfile: Lockfile): BundledPackage[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const paths = inputs.flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [packagePathOf(file)].filter((path) => path !== undefined) : [],
  );
  const found = [...new Set(paths)].sort().map((path) => {
    const { version, integrity, license } = lockfile.packages[path] ?? {};
    if (version === undefined || integrity === undefined)
      throw new Error(`package-lock.json: expected version and integrity of ${path}`);
    return { path, name: path.slice(path.lastIndexOf(folder) + folder.length), version, integrity, license };
  });
  // The same package may lie below several others.
  return [...new Map(found.map((item) => [`${item.name}@${item.version}`, item])).values()];
}

/** What the authors of the packages want to be told with every copy. */
export function licenseTexts(root: string, packages: readonly BundledPackage[]): string {
  return packages
    .map(({ path, name, version, license }) => {
      const directory = join(root, path);
      const files = existsSync(directory) ? readdirSync(directory) : [];
      const file = files.find((entry) => /^(licen[cs]e|copying)/i.test(entry));
      const text =
        file === undefined ? '(its package holds no more than this name)' : readFileSync(join(directory, file), 'utf8');
      return `${'-'.repeat(79)}\n${name} ${version}${license === undefined ? '' : `: ${license}`}\n\n${text.trim()}\n`;
    })
    .join('\n');
}
