// Builds the image of a board from Debian's packages, the agent's executable and
// firmware-images/files: no mounts, nothing configured, nothing run of the board's processor.
import {
  copyFileSync,
  cpSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
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
import { buildInitramfs } from './initramfs.ts';
import { describeFile } from './inspect.ts';
import { growthFactor, grubLayout, type Layout } from './layout.ts';
import { checkLibraries } from './libraries.ts';
import type { BoardName, ImageManifest } from './manifest.ts';
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
const minimumBootBytes = 96 * mebibyte;
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
  if (board.boot.kind !== 'grub') throw new Error(`images for ${board.name} are not built yet`);
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
  const partitions = Object.fromEntries(
    grubLayout({ bootBytes: 1, rootBytes: 1, dataBytes: 1 }).partitions.map(({ name, number }) => [name, number]),
  );
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
  const bootDirectory = layOutBoot(work, board, options, { tree, initramfs, root });
  const layout = await assemble(work, board, options, { root, bootDirectory });
  progress('writing sums, block map and manifest');
  return finish(work, board, options, layout, packages);
}

async function fetchPackages(board: Board, { cacheDirectory, mirror }: BuildOptions): Promise<DebianPackage[]> {
  const { debian: architecture } = board.architecture;
  const archive = new DebianArchive({
    directory: join(cacheDirectory, `${suite}-${architecture}`),
    mirror,
    suite,
    architecture,
    components: ['main', 'non-free-firmware'],
  });
  await archive.update();
  const bootLoader = board.boot.kind === 'grub' ? [board.boot.package] : [];
  return archive.fetch([...commonPackages, board.kernel, ...bootLoader, ...board.packages], leftOutPackages);
}

type Parts = { tree: RootTree; initramfs: string; root: VerifiedRoot };

/** Files of the boot partition, as a directory. */
function layOutBoot(work: string, board: Board, { config }: BuildOptions, { tree, initramfs, root }: Parts): string {
  const directory = join(work, 'boot');
  if (board.boot.kind !== 'grub') throw new Error(`${board.name} has no boot partition yet`);
  for (const folder of ['EFI/BOOT', 'EFI/debian', 'slots/a']) mkdirSync(join(directory, folder), { recursive: true });
  copyFileSync(join(tree.bootFiles, board.boot.image), join(directory, 'EFI/BOOT', board.boot.fileName));
  // Debian's image of GRUB looks for its configuration here.
  copyFileSync(join(import.meta.dirname, 'files/grub/grub.cfg'), join(directory, 'EFI/debian/grub.cfg'));
  writeFileSync(join(directory, 'grubenv'), grubEnvironment({ active: 'a', a_tries: '3', b_tries: '0' }));
  copyFileSync(tree.kernel, join(directory, 'slots/a/vmlinuz'));
  copyFileSync(initramfs, join(directory, 'slots/a/initrd'));
  const kernelArguments = [...board.kernelArguments, 'panic=10', 'quiet', `skerry.verity=${root.parameter}`];
  writeFileSync(join(directory, 'slots/a/slot.cfg'), `set arguments="${kernelArguments.join(' ')}"\n`);
  writeFileSync(join(directory, deviceConfigName), writeDeviceConfig(config));
  return directory;
}

/** https://www.gnu.org/software/grub/manual/grub/html_node/Environment-block.html */
function grubEnvironment(values: Readonly<Record<string, string>>): string {
  const rows = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
  return `# GRUB Environment Block\n${rows.join('')}`.padEnd(1024, '#');
}

function directoryBytes(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

async function assemble(
  work: string,
  board: Board,
  options: BuildOptions,
  { root, bootDirectory }: { root: VerifiedRoot; bootDirectory: string },
): Promise<Layout> {
  const { builtAtSeconds, preload } = options;
  const data = join(work, 'data');
  mkdirSync(join(data, 'preload'), { recursive: true });
  for (const [index, { archive }] of preload.entries()) cpSync(archive, join(data, 'preload', `${index}.tar`));
  const slotBytes = directoryBytes(['vmlinuz', 'initrd'].map((name) => join(bootDirectory, 'slots/a', name)));
  const layout = grubLayout({
    // Two slots, and a third while one is replaced.
    bootBytes: Math.max(minimumBootBytes, 3 * slotBytes + 16 * mebibyte),
    rootBytes: root.bytes * growthFactor,
    // Unpacked they take about twice the archives' size until the partition has grown.
    dataBytes: minimumDataBytes + directoryBytes(preload.map(({ archive }) => archive)) * 1.1,
  });
  const sizeOf = (name: string): number => layout.partitions.find((partition) => partition.name === name)?.bytes ?? 0;
  const files = { boot: join(work, 'boot.img'), 'root-a': root.file, data: join(work, 'data.img') };
  await makeFat({ file: files.boot, bytes: sizeOf('boot'), label: 'SKERRY', directory: bootDirectory, builtAtSeconds });
  await makeExt4({ file: files.data, bytes: sizeOf('data'), label: 'data', directory: data, builtAtSeconds });
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
