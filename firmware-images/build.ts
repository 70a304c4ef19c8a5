// Builds the image of a board from Debian's packages, the agent's executable and
// firmware-images/files: no mounts, nothing configured, nothing run of the board's processor.
import {
  cpSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { type DeviceConfig, deviceConfigName, writeDeviceConfig } from '../api/device/config.ts';
import { makeBlockMap } from './block-map.ts';
import { type Board, boards, commonPackages, leftOutPackages } from './boards.ts';
import { DebianArchive, type DebianPackage } from './debian.ts';
import { makeExt4, makeFat, writeDisk } from './disk.ts';
import { layOutGrubBoot } from './grub-boot.ts';
import { buildInitramfs } from './initramfs.ts';
import { describeFile } from './inspect.ts';
import { growthFactor, type Layout, layoutOf, partitionNumbers } from './layout.ts';
import { checkLibraries } from './libraries.ts';
import type { BoardName, ImageManifest } from './manifest.ts';
import { layOutPiBoot } from './pi-boot.ts';
import { buildRootTree, type RootTree } from './root-tree.ts';
import { requireTools } from './tools.ts';
import { packRoot, type VerifiedRoot } from './verity.ts';

export type BuildOptions = {
  board: BoardName;
  version: string;
  /** Path of the agent's executable for the board's processor. */
  agent: string;
  /** Images of containers: what they are called, and their archives as of `docker save`. */
  preload: readonly { name: string; archive: string }[];
  config: DeviceConfig;
  /** Where the image goes. */
  outputDirectory: string;
  /** Packages that were fetched are kept here. */
  cacheDirectory: string;
  mirror: string | undefined;
  /** A device's clock never goes before it. */
  builtAtSeconds: number;
  compress: boolean;
  /** Told what is being done. */
  progress: (step: string) => void;
};

const suite = 'trixie';
const mebibyte = 1 << 20;
/** Smaller ones are not FAT32. */
const minimumFatBytes = 64 * mebibyte;
const minimumBootBytes = 96 * mebibyte;
/** What a computer shows for a partition. */
const fatLabels: Readonly<Record<string, string>> = { boot: 'SKERRY', 'boot-a': 'SKERRY-A' };
const minimumDataBytes = 64 * mebibyte;
const compressionLevel = 9;

/** Builds an image; resolves with its manifest's path. @throws ToolError, Error that says what is missing */
export async function buildImage(options: BuildOptions): Promise<{ manifest: ImageManifest; path: string }> {
  requireTools([
    'apt-get',
    'dpkg-deb',
    'mksquashfs',
    'veritysetup',
    'mkfs.vfat',
    'mcopy',
    'mke2fs',
    'sfdisk',
    'cpio',
    'busybox',
    'depmod',
    'xz',
    'zstd',
  ]);
  const board = boards[options.board];
  mkdirSync(options.cacheDirectory, { recursive: true });
  const work = mkdtempSync(join(options.cacheDirectory, 'build-'));
  try {
    return await buildIn(work, board, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function buildIn(
  work: string,
  board: Board,
  options: BuildOptions,
): Promise<{ manifest: ImageManifest; path: string }> {
  const { progress, builtAtSeconds } = options;
  progress('fetching packages');
  const packages = await fetchPackages(board, options);
  progress(`unpacking ${packages.length} packages`);
  const partitions = partitionNumbers(board);
  const tree = await buildRootTree({ ...options, directory: join(work, 'root'), board, packages, partitions });
  checkLibraries(join(work, 'root'));
  progress('building the initramfs');
  const initramfs = join(work, 'initrd');
  await buildInitramfs({
    board,
    root: join(work, 'root'),
    kernelVersion: tree.kernelVersion,
    directory: join(work, 'initramfs'),
    file: initramfs,
  });
  progress('packing the root');
  const root = await packRoot(join(work, 'root'), join(work, 'root.img'), builtAtSeconds);
  progress('putting the disk together');
  const bootDirectories = layOutBoot(work, board, options, { tree, initramfs, root });
  const layout = await assemble(work, board, options, { root, bootDirectories });
  progress('writing sums, block map and manifest');
  return finish(work, board, options, layout, packages);
}

async function fetchPackages(board: Board, { cacheDirectory, mirror }: BuildOptions): Promise<DebianPackage[]> {
  const { debian: architecture } = board.architecture;
  const archive = new DebianArchive({
    directory: join(cacheDirectory, `${suite}-${architecture}`),
    mirror,
    suites: board.kernelSuite === undefined ? [suite] : [suite, board.kernelSuite],
    architecture,
    components: ['main', 'non-free-firmware'],
  });
  await archive.update();
  const bootLoader = board.boot.kind === 'grub' ? [board.boot.package] : [];
  const leftOut = new Set<string>(leftOutPackages);
  const kernel = board.kernelSuite === undefined ? board.kernel : `${board.kernel}/${board.kernelSuite}`;
  const names = [...commonPackages, kernel, ...bootLoader, ...board.packages];
  return archive.fetch(names, (name) => !leftOut.has(name));
}

type Parts = { tree: RootTree; initramfs: string; root: VerifiedRoot };

/** Partition -> directory of its files. */
type BootDirectories = { boot: string; 'boot-a'?: string };

/** Files of the boot partitions, as directories. */
function layOutBoot(
  work: string,
  board: Board,
  { config }: BuildOptions,
  { tree, initramfs, root }: Parts,
): BootDirectories {
  const kernelArguments = [
    ...board.kernelArguments,
    'panic=10',
    'oops=panic',
    'quiet',
    `skerry.verity=${root.parameter}`,
  ];
  const slot = { ...tree, initramfs, arguments: kernelArguments };
  const boot = join(work, 'boot');
  const slotBoot = join(work, 'boot-a');
  if (board.boot.kind === 'grub') layOutGrubBoot(boot, board.boot, slot);
  else layOutPiBoot({ boot, slot: slotBoot }, board.boot, slot, partitionNumbers(board));
  writeFileSync(join(boot, deviceConfigName), writeDeviceConfig(config));
  return board.boot.kind === 'grub' ? { boot } : { boot, 'boot-a': slotBoot };
}

function directoryBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** The boot partition has two slots, and a third while one is replaced; a partition that is a slot has room to grow. */
function bootSizes(directories: BootDirectories): { bootBytes: number; slotBootBytes: number } {
  const { boot, 'boot-a': slot } = directories;
  if (slot === undefined)
    return { bootBytes: Math.max(minimumBootBytes, 3 * directoryBytes(boot) + 16 * mebibyte), slotBootBytes: 0 };
  return { bootBytes: minimumFatBytes, slotBootBytes: Math.max(minimumFatBytes, directoryBytes(slot) * growthFactor) };
}

async function assemble(
  work: string,
  board: Board,
  options: BuildOptions,
  { root, bootDirectories }: { root: VerifiedRoot; bootDirectories: BootDirectories },
): Promise<Layout> {
  const { builtAtSeconds, preload } = options;
  const data = join(work, 'data');
  mkdirSync(join(data, 'preload'), { recursive: true });
  for (const [index, { archive }] of preload.entries()) cpSync(archive, join(data, 'preload', `${index}.tar`));
  const layout = layoutOf(board, {
    ...bootSizes(bootDirectories),
    rootBytes: root.bytes * growthFactor,
    // Unpacked they take about twice the archives' size until the partition has grown.
    dataBytes: minimumDataBytes + directoryBytes(join(data, 'preload')) * 1.1,
  });
  const sizeOf = (name: string): number => layout.partitions.find((partition) => partition.name === name)?.bytes ?? 0;
  const files: Record<string, string> = { 'root-a': root.file, data: join(work, 'data.img') };
  for (const [name, directory] of Object.entries(bootDirectories)) {
    files[name] = join(work, `${name}.img`);
    await makeFat({
      file: files[name],
      bytes: sizeOf(name),
      label: fatLabels[name] ?? name,
      directory,
      builtAtSeconds,
    });
  }
  await makeExt4({
    file: join(work, 'data.img'),
    bytes: sizeOf('data'),
    label: 'data',
    directory: data,
    builtAtSeconds,
  });
  await writeDisk(join(work, 'disk.img'), board, layout, files);
  return layout;
}

async function finish(
  work: string,
  board: Board,
  options: BuildOptions,
  layout: Layout,
  packages: readonly DebianPackage[],
): Promise<{ manifest: ImageManifest; path: string }> {
  const { outputDirectory, version } = options;
  const name = `skerry-${board.name}-${version}`;
  const disk = join(work, 'disk.img');
  writeFileSync(join(work, 'disk.bmap'), makeBlockMap(disk, layout.bytes));
  const produced: Record<string, string> = { [`${name}.img`]: disk, [`${name}.img.bmap`]: join(work, 'disk.bmap') };
  if (options.compress) {
    options.progress('compressing');
    const compressor = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: compressionLevel } });
    await pipeline(createReadStream(disk), compressor, createWriteStream(join(work, 'disk.zst')));
    produced[`${name}.img.zst`] = join(work, 'disk.zst');
  }
  const manifest: ImageManifest = {
    formatVersion: 1,
    board: board.name,
    version,
    builtAt: new Date(options.builtAtSeconds * 1000).toISOString().replace('.000Z', 'Z'),
    image: await describeFile(disk, `${name}.img`),
    ...(options.compress ? { compressed: await describeFile(join(work, 'disk.zst'), `${name}.img.zst`) } : {}),
    blockMap: await describeFile(join(work, 'disk.bmap'), `${name}.img.bmap`),
    partitions: layout.partitions.map(({ number: _, ...partition }) => partition),
    packages: packages.map(({ file: _, ...item }) => item),
    preloaded: options.preload.map(({ name }) => name),
  };
  const manifestFile = join(work, 'manifest.json');
  writeFileSync(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`);
  produced[`${name}.json`] = manifestFile;
  mkdirSync(outputDirectory, { recursive: true });
  // The manifest comes last: an image without one was not finished.
  for (const [file, path] of Object.entries(produced)) moveFile(path, join(outputDirectory, file));
  return { manifest, path: join(outputDirectory, `${name}.json`) };
}

/** Also to another file system, and whole or not at all. */
function moveFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    cpSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}
