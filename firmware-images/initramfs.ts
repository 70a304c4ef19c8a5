// The first root of a device: busybox, dmsetup, the modules that lead to the real
// root, and firmware-images/files/initramfs/init.
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Board } from './boards.ts';
import { neededLibraries } from './libraries.ts';
import { readDependencies } from './modules.ts';
import { lines, runTool } from './tools.ts';

export type InitramfsOptions = {
  board: Board;
  /** The finished root, from which everything is taken. */
  root: string;
  kernelVersion: string;
  /** Scratch directory, made anew. */
  directory: string;
  /** Where the archive goes. */
  file: string;
};

const programs = ['usr/bin/busybox', 'usr/sbin/dmsetup'];

/** Writes the archive (newc cpio, compressed with zstd, which all of Debian's kernels read). @throws ToolError */
export async function buildInitramfs(options: InitramfsOptions): Promise<void> {
  const { root, directory, file, kernelVersion, board } = options;
  rmSync(directory, { recursive: true, force: true });
  for (const path of ['bin', 'lib/modules']) mkdirSync(join(directory, path), { recursive: true });
  cpSync(join(root, 'usr/bin/busybox'), join(directory, 'bin/busybox'));
  for (const program of programs.slice(1)) copyWithLibraries(root, program, directory);
  copyModules(root, kernelVersion, board.initramfsModules, directory);
  await runTool('depmod', ['-b', directory, kernelVersion]);
  cpSync(join(import.meta.dirname, 'files/initramfs/init'), join(directory, 'init'));
  if (board.boot.kind === 'pi')
    for (const name of ['initramfs-start', 'start-partition'])
      cpSync(join(import.meta.dirname, 'files/pi', name), join(directory, name));
  writeFileSync(join(directory, 'modules'), `${board.initramfsModules.join('\n')}\n`);
  const pack =
    'find . -print0 | LC_ALL=C sort -z | cpio --null --create --quiet --format=newc --owner=0:0 --reproducible | zstd -q -19 -f -o "$1"';
  await runTool('sh', ['-c', pack, 'sh', file], { directory });
}

function copyWithLibraries(root: string, program: string, directory: string): void {
  // Programs are found by /bin, libraries and their loader where they are in the root.
  cpSync(join(root, program), join(directory, 'bin', program.split('/').at(-1) ?? ''));
  for (const library of neededLibraries(root, program)) {
    const target = join(directory, library);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(realpathSync(join(root, library)), target);
  }
}

/** Modules with all that they depend on; what is built into the kernel needs none. @throws Error when one is unknown */
function copyModules(root: string, kernelVersion: string, names: readonly string[], directory: string): void {
  const folder = join('usr/lib/modules', kernelVersion);
  const dependencies = readDependencies(join(root, folder));
  const nameOf = (path: string): string => (path.split('/').at(-1) ?? '').replace(/\.ko$/, '').replaceAll('-', '_');
  const byName = new Map([...dependencies.keys()].map((path) => [nameOf(path), path]));
  const builtIn = new Set(lines(readFileSync(join(root, folder, 'modules.builtin'), 'utf8')).map(nameOf));
  const target = join(directory, 'lib/modules', kernelVersion);
  for (const name of names.map((item) => item.replaceAll('-', '_'))) {
    if (builtIn.has(name)) continue;
    const path = byName.get(name);
    if (path === undefined) throw new Error(`the kernel ${kernelVersion} has no module ${name}`);
    for (const file of [path, ...(dependencies.get(path) ?? [])]) {
      if (existsSync(join(target, file))) continue;
      mkdirSync(dirname(join(target, file)), { recursive: true });
      cpSync(join(root, folder, file), join(target, file));
    }
  }
  for (const file of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
    if (existsSync(join(root, folder, file))) cpSync(join(root, folder, file), join(target, file));
}
