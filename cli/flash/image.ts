// Opens an image: NAME.img or NAME.img.zst, or NAME.json; finds the manifest and
// the block map beside it, checks that they fit each other, and says what could
// not be checked without them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ImageManifest } from '../../firmware-images/manifest.ts';
import { readManifest } from '../../firmware-images/manifest-reader.ts';
import { CommandError } from '../errors.ts';
import { type BlockMap, type Extent, readBlockMap } from './block-map.ts';
import { maximumBlockMapBytes } from './limits.ts';
import { type Partition, type PartitionTable, sectorBytes } from './partition-table.ts';
import type { Span } from './plan.ts';
import { zstdContentBytes } from './zstd.ts';

export type Image = {
  /** The file that is read. */
  path: string;
  compressed: boolean;
  /** Size of the whole disk. */
  bytes: number;
  /** What of it holds data; all of it when there is no block map. */
  extents: Extent[];
  manifest?: ImageManifest;
  /** What could not be checked, a line each. */
  notes: string[];
};

/** The image is damaged, incomplete, or not what is said of it. */
export class ImageError extends CommandError {}

type Paths = { image: string; manifest: string; blockMap: string };

/** IMAGE may be the manifest, the image or the compressed image: the others stand beside it. */
function pathsOf(given: string): Paths {
  const stem = given.replace(/\.(json|img|img\.zst)$/, '');
  if (stem === given) throw new ImageError(`${given}: expected NAME.img, NAME.img.zst or NAME.json`);
  const manifest = `${stem}.json`;
  if (!given.endsWith('.json')) return { image: given, manifest, blockMap: `${stem}.img.bmap` };
  const { image, compressed, blockMap } = loadManifest(manifest);
  const beside = (name: string): string => join(dirname(given), name);
  const raw = beside(image.file);
  const chosen = compressed !== undefined && !existsSync(raw) ? beside(compressed.file) : raw;
  return { image: chosen, manifest, blockMap: beside(blockMap.file) };
}

function load<T>(path: string, read: (text: string) => T): T {
  try {
    if (statSync(path).size > maximumBlockMapBytes) throw new Error(`expected at most ${maximumBlockMapBytes} bytes`);
    return read(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ImageError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function loadManifest(path: string): ImageManifest {
  return load(path, readManifest);
}

/** @throws ImageError when the map is not the one that the manifest speaks of */
function loadBlockMap(path: string, manifest: ImageManifest | undefined): BlockMap {
  const { text, map } = load(path, (content) => ({ text: content, map: readBlockMap(content) }));
  if (manifest === undefined) return map;
  if (createHash('sha256').update(text).digest('hex') !== manifest.blockMap.sha256)
    throw new ImageError(`${path}: is not the block map that the manifest speaks of (SHA-256 differs)`);
  if (map.imageBytes !== manifest.image.bytes)
    throw new ImageError(
      `${path}: is for an image of ${map.imageBytes} bytes, the manifest's has ${manifest.image.bytes}`,
    );
  return map;
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function checkFileSize(path: string, found: number, expected: number, teller: string): void {
  if (found === expected) return;
  const what = found < expected ? 'is cut off' : 'is another image';
  throw new ImageError(`${path}: ${what}: it has ${found} bytes, ${teller} says ${expected}`);
}

/** Size of the disk in a compressed image: by manifest, by block map, else by what zstd wrote at its start. */
async function compressedImageBytes(path: string, known: number | undefined): Promise<number> {
  const told = zstdContentBytes(await firstBytes(path, 18));
  if (told === undefined && known === undefined)
    throw new ImageError(`${path}: does not tell its size: its manifest or block map is needed beside it`);
  if (told !== undefined && known !== undefined) checkFileSize(`${path} (unpacked)`, told, known, 'what is beside it');
  return known ?? told ?? 0;
}

/**
 * Finds the image and what stands beside it.
 * @throws ImageError
 */
export async function openImage(given: string): Promise<Image> {
  const paths = pathsOf(given);
  if (!existsSync(paths.image)) throw new ImageError(`${paths.image}: there is no such file`);
  const file = statSync(paths.image);
  if (!file.isFile()) throw new ImageError(`${paths.image}: expected a file`);
  const manifest = existsSync(paths.manifest) ? loadManifest(paths.manifest) : undefined;
  const map = existsSync(paths.blockMap) ? loadBlockMap(paths.blockMap, manifest) : undefined;
  const compressed = paths.image.endsWith('.zst');
  const known = manifest?.image.bytes ?? map?.imageBytes;
  if (compressed && manifest?.compressed !== undefined)
    checkFileSize(paths.image, file.size, manifest.compressed.bytes, basename(paths.manifest));
  if (!compressed && known !== undefined) checkFileSize(paths.image, file.size, known, 'what is beside it');
  const bytes = compressed ? await compressedImageBytes(paths.image, known) : file.size;
  if (bytes === 0 || bytes % sectorBytes !== 0)
    throw new ImageError(`${paths.image}: no disk image: ${bytes} bytes are no whole number of sectors`);
  return {
    path: paths.image,
    compressed,
    bytes,
    extents: map?.extents ?? [{ startBytes: 0, bytes, ...(manifest && { sha256: manifest.image.sha256 }) }],
    ...(manifest && { manifest }),
    notes: notesOf(paths, manifest, map),
  };
}

function notesOf(paths: Paths, manifest: ImageManifest | undefined, map: BlockMap | undefined): string[] {
  const notes: string[] = [];
  if (manifest === undefined) notes.push(`no ${basename(paths.manifest)} beside the image: its board is not known`);
  if (map === undefined) notes.push(`no ${basename(paths.blockMap)} beside the image: all of it is read`);
  if (manifest === undefined && map === undefined)
    notes.push('damage of the image itself cannot be seen, only that the drive holds what the file holds');
  return notes;
}

/** Whether a partition of the table is this one, or has it inside. */
function isPlaceOf(found: Partition, { startBytes, bytes }: Span): boolean {
  if (found.mayHoldOthers)
    return found.startBytes <= startBytes && startBytes + bytes <= found.startBytes + found.bytes;
  return found.startBytes === startBytes && found.bytes === bytes;
}

/**
 * Checks an image against its partition table.
 * @throws ImageError when it is cut off, or its manifest speaks of other partitions
 */
export function checkPartitions({ path, bytes, manifest }: Image, table: PartitionTable): void {
  if (table.endBytes > bytes)
    throw new ImageError(`${path}: is cut off: its partitions end at ${table.endBytes}, the image at ${bytes} bytes`);
  for (const { name, startBytes, bytes: size } of manifest?.partitions ?? [])
    if (!table.partitions.some((found) => isPlaceOf(found, { startBytes, bytes: size })))
      throw new ImageError(`${path}: has no partition ${name} where its manifest says: is it another image?`);
}

/** The partition with skerry.yaml: by the manifest, else the first that may hold FAT. */
export function bootPartition(
  { manifest }: Image,
  table: PartitionTable,
): { startBytes: number; bytes: number } | undefined {
  return manifest?.partitions.find(({ name }) => name === 'boot') ?? table.partitions.find(({ mayBeFat }) => mayBeFat);
}
