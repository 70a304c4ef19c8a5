// One executable: a program's JavaScript inside the Node of its architecture, as
// a single executable application (https://nodejs.org/api/single-executable-applications.html).
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Architecture } from './node-base.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

export type ExecutableInput = {
  architecture: Architecture;
  nodeVersion: string;
  /** Node's program for the architecture, stripped. */
  node: string;
  /** The program as one CommonJS file. Its path becomes part of the executable. */
  script: string;
  output: string;
  /** A directory for what lies between. */
  work: string;
};

/** Writes the executable. @throws Error with what the tool said */
export async function makeExecutable(input: ExecutableInput): Promise<void> {
  await (input.architecture === 'armv7' ? makeWithPostject(input) : makeWithPkg(input));
  chmodSync(input.output, 0o755);
}

/**
 * pkg downloads its Node unless its cache, which it looks for in HOME alone, has it: this HOME has. It asks for the
 * archive, too, but reads it only when the marker of an unpacked one is missing.
 */
async function makeWithPkg(input: ExecutableInput): Promise<void> {
  const { architecture, nodeVersion, node, script, output, work } = input;
  const name = `node-v${nodeVersion}-linux-${architecture}`;
  const cache = join(work, '.pkg-cache/sea');
  mkdirSync(join(cache, name, 'bin'), { recursive: true });
  linkSync(node, join(cache, name, 'bin/node'));
  for (const marker of [`${name}.tar.gz`, `${name}.tar.gz.ok`, `${name}/bin/node.ok`])
    writeFileSync(join(cache, marker), '');
  const target = `node${nodeVersion}-linux-${architecture}`;
  const pkg = fileURLToPath(import.meta.resolve('@yao-pkg/pkg/lib-es5/bin.js'));
  // The Node of the lockfile is the executable's own version: it can make the blob for every architecture.
  await execute(join(root, 'node_modules/.bin/node'), [pkg, '--sea', script, '-t', target, '-o', output], {
    cwd: work,
    env: { ...process.env, HOME: work, TMPDIR: work },
  });
}

/** pkg knows no 32-bit ARM, and the blob of a 64-bit Node is none for it: its own Node makes it, emulated. */
async function makeWithPostject({ node, script, output, work }: ExecutableInput): Promise<void> {
  const [config, blob] = [join(work, 'sea-config.json'), join(work, 'sea.blob')];
  writeFileSync(config, JSON.stringify({ main: script, output: blob, disableExperimentalSEAWarning: true }));
  await execute('qemu-arm-static', ['-L', '/usr/arm-linux-gnueabihf', node, '--experimental-sea-config', config]);
  copyFileSync(node, output);
  // The mark that Node looks for, in two pieces: see the documentation of single executable applications.
  const fuse = ['NODE_SEA', 'FUSE_fce680ab2cc467b6e072b8b5df1996b2'].join('_');
  const postject = fileURLToPath(import.meta.resolve('postject/dist/cli.js'));
  await execute(process.execPath, [postject, output, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse]);
}
