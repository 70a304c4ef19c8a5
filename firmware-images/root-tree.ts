// The root file system of a board as a directory: Debian packages unpacked, what
// a device never uses taken out, our own files and the agent put in.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import type { Board } from './boards.ts';
import type { DebianPackage } from './debian.ts';
import { readDependencies } from './modules.ts';
import { recipeFile } from './recipe-files.ts';
import { lines, runTool } from './tools.ts';

export type RootTreeOptions = {
  /** Made anew. */
  directory: string;
  board: Board;
  packages: readonly DebianPackage[];
  /** Path of the agent's executable. */
  agent: string;
  version: string;
  builtAtSeconds: number;
  /** Partition -> number, as the layout has them. */
  partitions: Readonly<Record<string, number>>;
};

/** What no device reads. Copyrights stay: licenses ask for them. */
const unusedPaths = [
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/i18n',
  'usr/share/bash-completion',
  'usr/share/zsh',
  'usr/share/fish',
  'usr/share/lintian',
  'usr/share/bug',
  'usr/share/initramfs-tools',
  'usr/share/perl5',
  'usr/share/gcc',
  'usr/share/gdb',
  'usr/share/grub',
  'usr/lib/grub',
  'usr/lib/systemd',
  'usr/include',
  'usr/games',
  'var',
  'boot',
];

/** Of these packages only the named programs are wanted: busybox has the others. */
const onlyPrograms: Record<string, readonly string[]> = { 'util-linux': ['usr/bin/flock', 'usr/bin/partx'] };

/** Where packages still name the old directories. */
const mergedDirectories = { bin: 'usr/bin', sbin: 'usr/sbin', lib: 'usr/lib' };

/** What changes on a device lies outside of its read-only root. */
const ownLinks = {
  'etc/resolv.conf': '/run/resolv.conf',
  'etc/machine-id': '/data/machine-id',
  'etc/mtab': '/proc/self/mounts',
  'etc/dropbear': '/data/ssh',
};

const ownDirectories = ['proc', 'sys', 'dev', 'run', 'tmp', 'var', 'data', 'boot', 'root', 'etc/containers', 'home'];

export type RootTree = {
  /** Kernel image, outside of the root. */
  kernel: string;
  kernelVersion: string;
  /** Directory of the kernel's device trees; a maker's may stand in a folder of its own. */
  deviceTrees: string;
  /** Everything of the boot loader's or firmware's packages, for who lays out the boot partition. */
  bootFiles: string;
};

/** Builds the tree. @throws ToolError, Error when a package does not have what is expected of it */
export async function buildRootTree(options: RootTreeOptions): Promise<RootTree> {
  const { directory, packages, board } = options;
  rmSync(directory, { recursive: true, force: true });
  const bootFiles = `${directory}.boot`;
  rmSync(bootFiles, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [link, target] of Object.entries(mergedDirectories)) {
    mkdirSync(join(directory, target), { recursive: true });
    symlinkSync(target, join(directory, link));
  }
  for (const item of packages) await unpack(item, directory);
  // Where programs of amd64 look for their loader.
  if (existsSync(join(directory, 'usr/lib64'))) symlinkSync('usr/lib64', join(directory, 'lib64'));
  keepBootFiles(directory, bootFiles);
  const kernelVersion = kernelVersionOf(directory);
  const { kernel, deviceTrees } = keepKernel(directory, bootFiles, kernelVersion);
  for (const path of unusedPaths) rmSync(join(directory, path), { recursive: true, force: true });
  removeDocumentation(join(directory, 'usr/share/doc'));
  keepFirmware(join(directory, 'usr/lib/firmware'), board.keptFirmware);
  await prepareModules(directory, kernelVersion, board.keptModules);
  await addOwnFiles(options);
  return { kernel, kernelVersion, deviceTrees, bootFiles };
}

async function unpack({ name, file }: DebianPackage, directory: string): Promise<void> {
  const wanted = onlyPrograms[name];
  if (wanted === undefined) {
    // Through tar, which follows our links from lib to usr/lib where dpkg-deb -x would replace them.
    await runTool('sh', [
      '-c',
      'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
      'sh',
      file,
      directory,
    ]);
    return;
  }
  const part = `${directory}.part`;
  await runTool('dpkg-deb', ['-x', file, part]);
  for (const path of wanted) cpSync(join(part, path), join(directory, path));
  rmSync(part, { recursive: true, force: true });
}

/** What the boot loader reads does not belong into the root. */
function keepBootFiles(directory: string, bootFiles: string): void {
  for (const path of ['usr/lib/grub', 'usr/lib/raspi-firmware']) moveTree(join(directory, path), join(bootFiles, path));
}

function moveTree(from: string, to: string): void {
  if (!existsSync(from)) return;
  cpSync(from, to, { recursive: true });
  rmSync(from, { recursive: true });
}

/**
 * Kernel and device trees, for the boot partition. Debian's kernels up to 6.18 have them in /boot and beside the
 * modules, newer ones among the modules.
 * @throws Error when there is no kernel
 */
function keepKernel(directory: string, bootFiles: string, version: string): { kernel: string; deviceTrees: string } {
  const modules = join(directory, 'usr/lib/modules', version);
  const beside = join(directory, `usr/lib/linux-image-${version}`);
  const [kernel, deviceTrees] = [join(bootFiles, 'vmlinuz'), join(bootFiles, 'device-trees')];
  moveTree(join(modules, 'vmlinuz'), kernel);
  moveTree(join(directory, `boot/vmlinuz-${version}`), kernel);
  if (!existsSync(kernel)) throw new Error(`the packages have no kernel ${version}`);
  moveTree(join(modules, 'dtb'), deviceTrees);
  // In newer packages a link to what has just gone.
  moveTree(beside, deviceTrees);
  for (const path of [beside, join(directory, 'boot'), join(modules, 'System.map'), join(modules, 'config')])
    rmSync(path, { recursive: true, force: true });
  return { kernel, deviceTrees };
}

function removeDocumentation(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (!entry.isDirectory() && entry.name !== 'copyright') rmSync(join(entry.parentPath, entry.name), { force: true });
}

/** Firmware of chips that the board does not have goes; Debian names what it has alternatives of with a suffix. */
function keepFirmware(directory: string, kept: readonly RegExp[] | undefined): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory))
    if (name.endsWith('-debian')) renameSync(join(directory, name), join(directory, name.slice(0, -'-debian'.length)));
  if (kept === undefined) return;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !kept.some((pattern) => pattern.test(relative(directory, path)))) rmSync(path);
  }
}

/** Whether the rules take a module out, by its path below the folder `kernel`. */
function isUnwanted(path: string, kept: Board['keptModules']): boolean {
  const rule = Object.entries(kept).find(([folder]) => path.startsWith(`${folder}/`));
  if (rule === undefined) return false;
  const name = path.slice(rule[0].length + 1).replace(/\.xz$/, '');
  return !rule[1].some((part) => name === part || name.startsWith(`${part}/`));
}

/** Takes out of folders of modules what is not named and what nothing that stays depends on. */
function keepModules(modules: string, kept: Board['keptModules']): void {
  const dependencies = readDependencies(modules);
  const wanted = [...dependencies.keys()].filter((path) => !isUnwanted(path.replace(/^kernel\//, ''), kept));
  const staying = new Set(wanted.flatMap((path) => [path, ...(dependencies.get(path) ?? [])]));
  for (const path of dependencies.keys()) if (!staying.has(path)) rmSync(join(modules, path));
}

/** @throws Error when there is not exactly one kernel */
function kernelVersionOf(directory: string): string {
  const [version, ...others] = readdirSync(join(directory, 'usr/lib/modules'));
  if (version === undefined || others.length > 0) throw new Error('expected one kernel in the packages');
  return version;
}

/** Modules without their own compression (the file system has one, and busybox' modprobe reads only plain ones). */
async function prepareModules(directory: string, version: string, kept: Board['keptModules']): Promise<void> {
  const modules = join(directory, 'usr/lib/modules', version);
  await runTool('depmod', ['-b', directory, version]);
  keepModules(modules, kept);
  await runTool('sh', ['-c', 'find "$1" -name "*.ko.xz" -print0 | xargs -0 -r -n 64 -P 2 xz -d', 'sh', modules]);
  await runTool('depmod', ['-b', directory, version]);
}

async function addOwnFiles(options: RootTreeOptions): Promise<void> {
  const { directory, board, version, builtAtSeconds, partitions } = options;
  for (const path of ownDirectories) mkdirSync(join(directory, path), { recursive: true });
  cpSync(recipeFile('common'), directory, { recursive: true });
  for (const name of board.boot.kind === 'pi' ? ['boot-state', 'start-partition'] : ['boot-state'])
    cpSync(recipeFile(join(board.boot.kind, name)), join(directory, 'usr/lib/skerry', name));
  cpSync(options.agent, join(directory, 'usr/bin/skerry-agent'));
  chmodSync(join(directory, 'usr/bin/skerry-agent'), 0o755);
  for (const [path, target] of Object.entries(ownLinks)) {
    rmSync(join(directory, path), { recursive: true, force: true });
    symlinkSync(target, join(directory, path));
  }
  const own: Record<string, string> = {
    'etc/os-release': osRelease(version),
    'etc/skerry/version': `${version}\n`,
    'etc/skerry/board': `${board.name}\n`,
    'etc/skerry/built-at': `${builtAtSeconds}\n`,
    'etc/skerry/partitions': Object.entries(partitions)
      .map(([name, number]) => `${name} ${number}\n`)
      .join(''),
    ...(board.boot.kind === 'grub' ? { 'etc/skerry/gpt': '' } : {}),
    'etc/ssl/certs/ca-certificates.crt': certificates(directory),
  };
  for (const [path, text] of Object.entries(own)) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  linkBusybox(directory, await busyboxPrograms());
}

/** https://www.freedesktop.org/software/systemd/man/latest/os-release.html */
function osRelease(version: string): string {
  return [
    'ID=skerry',
    'ID_LIKE=debian',
    'NAME=Skerry',
    `VERSION_ID=${version}`,
    `PRETTY_NAME="Skerry ${version} (Debian trixie)"`,
    '',
  ].join('\n');
}

/** One file of all authorities, as update-ca-certificates makes it. */
function certificates(directory: string): string {
  const folder = join(directory, 'usr/share/ca-certificates/mozilla');
  return readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8').trimEnd())
    .join('\n')
    .concat('\n');
}

/** Of this machine's busybox: the same source package, which runs here whatever the board's processor is. */
async function busyboxPrograms(): Promise<string[]> {
  return lines(await runTool('busybox', ['--list']));
}

/** Programs that a package brings have precedence over busybox' small ones. */
function linkBusybox(directory: string, programs: readonly string[]): void {
  for (const program of programs) {
    const places = ['usr/bin', 'usr/sbin'].map((folder) => join(directory, folder, program));
    if (places.some((place) => existsSync(place))) continue;
    symlinkSync('/usr/bin/busybox', places[0] ?? '');
  }
  for (const program of ['init', 'modprobe', 'reboot', 'poweroff', 'halt'])
    if (!existsSync(join(directory, 'usr/sbin', program)))
      symlinkSync('/usr/bin/busybox', join(directory, 'usr/sbin', program));
}
