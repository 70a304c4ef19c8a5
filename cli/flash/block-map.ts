// Reads block maps: which ranges of an image hold data, with the SHA-256 of each,
// as bmaptool writes them beside an image (XML, version 2.0). What is in no range
// reads as zeros in the image.
// https://github.com/yoctoproject/bmaptool (bmaptool/BmapCreate.py has the format)
import { createHash } from 'node:crypto';
import { maximumBlockMapBytes, maximumBlockMapRanges } from './limits.ts';

/** A range of an image, in bytes. */
export type Extent = {
  startBytes: number;
  bytes: number;
  /** Of the range's content, lower case hexadecimal; undefined when nobody said it. */
  sha256?: string;
};

export type BlockMap = { imageBytes: number; extents: Extent[] };

/** The block map is damaged, or is none. */
export class BlockMapError extends Error {}

const sumPattern = /^[0-9a-f]{64}$/;

/** The text of the only element with this name, without white space around it. */
function element(text: string, name: string): string {
  const found = [...text.matchAll(new RegExp(`<${name}>([^<>]{0,200})</${name}>`, 'g'))];
  if (found.length !== 1) throw new BlockMapError(`${name}: expected one element, found ${found.length}`);
  return (found[0]?.[1] ?? '').trim();
}

function count(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new BlockMapError(`${name}: expected a whole number of at least ${least}, found ${JSON.stringify(text)}`);
  return value;
}

/** The file's own sum is made with zeros in its place. */
function checkOwnSum(text: string): void {
  const sum = element(text, 'BmapFileChecksum');
  const zeroed = text.replace(sum, '0'.repeat(64));
  if (!sumPattern.test(sum) || createHash('sha256').update(zeroed).digest('hex') !== sum)
    throw new BlockMapError('BmapFileChecksum: does not fit the content: the block map is damaged');
}

/** Block numbers of a range: `a-b`, both within, or `a` alone. */
function blocksOf(text: string): [number, number] {
  const match = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(text.trim());
  if (match === null) throw new BlockMapError(`Range: expected FIRST-LAST, found ${JSON.stringify(text.slice(0, 40))}`);
  const first = count(match[1] ?? '', 'Range', 0);
  return [first, match[2] === undefined ? first : count(match[2], 'Range', first)];
}

function readExtents(text: string, blockBytes: number, imageBytes: number): Extent[] {
  const extents: Extent[] = [];
  let freeBlock = 0;
  for (const [, attributes = '', content = ''] of text.matchAll(/<Range\b([^<>]{0,400})>([^<>]{0,100})<\/Range>/g)) {
    const [first, last] = blocksOf(content);
    const sha256 = /^\s+chksum\s*=\s*["']([0-9a-f]{64})["']\s*$/.exec(attributes)?.[1];
    if (sha256 === undefined) throw new BlockMapError(`Range ${content.trim()}: expected a chksum of 64 digits`);
    const startBytes = first * blockBytes;
    const endBytes = Math.min((last + 1) * blockBytes, imageBytes);
    if (first < freeBlock || startBytes >= imageBytes || last > Math.ceil(imageBytes / blockBytes) - 1)
      throw new BlockMapError(`Range ${content.trim()}: not behind the one before it, or beyond the image's end`);
    if (extents.length >= maximumBlockMapRanges)
      throw new BlockMapError(`expected at most ${maximumBlockMapRanges} ranges`);
    extents.push({ startBytes, bytes: endBytes - startBytes, sha256 });
    freeBlock = last + 1;
  }
  return extents;
}

/**
 * Reads the text of a .bmap file.
 * @throws BlockMapError naming the element and what was expected
 */
export function readBlockMap(text: string): BlockMap {
  if (text.length > maximumBlockMapBytes)
    throw new BlockMapError(`expected at most ${maximumBlockMapBytes} characters, found ${text.length}`);
  const version = /<bmap\s+version\s*=\s*["']([^"']{0,20})["']/.exec(text)?.[1];
  if (version === undefined || !/^2\.\d+$/.test(version))
    throw new BlockMapError(`bmap: expected version 2.0, found ${version === undefined ? 'none' : version}`);
  const checksumType = element(text, 'ChecksumType');
  if (checksumType !== 'sha256') throw new BlockMapError(`ChecksumType: expected sha256, found ${checksumType}`);
  checkOwnSum(text);
  const imageBytes = count(element(text, 'ImageSize'), 'ImageSize', 1);
  const blockBytes = count(element(text, 'BlockSize'), 'BlockSize', 512);
  const mappedBlocks = count(element(text, 'MappedBlocksCount'), 'MappedBlocksCount', 0);
  const extents = readExtents(text, blockBytes, imageBytes);
  const found = extents.reduce((sum, { bytes }) => sum + Math.ceil(bytes / blockBytes), 0);
  if (found !== mappedBlocks)
    throw new BlockMapError(`MappedBlocksCount: ${mappedBlocks}, but the ranges have ${found} blocks`);
  return { imageBytes, extents };
}
