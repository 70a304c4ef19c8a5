// The block map of an image: which of its blocks hold something, and their sums, so
// that writing a card skips the holes. The format is bmaptool's, version 2.0.
// https://docs.yoctoproject.org/dev-manual/bmaptool.html
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const blockBytes = 4096;
/** Long ranges are split: a wrong sum says where. */
const maximumRangeBlocks = 4096;
const chunkBlocks = 256;

type Range = { first: number; last: number; sha256: string };

/** Ranges of blocks that are not all zeros, in order. */
function mappedRanges(file: number, blocks: number, bytes: number): Range[] {
  const ranges: Range[] = [];
  const chunk = Buffer.alloc(chunkBlocks * blockBytes);
  const zeros = Buffer.alloc(blockBytes);
  let open: { first: number; hash: ReturnType<typeof createHash> } | undefined;
  const close = (last: number): void => {
    if (open !== undefined) ranges.push({ first: open.first, last, sha256: open.hash.digest('hex') });
    open = undefined;
  };
  for (let block = 0; block < blocks; block += chunkBlocks) {
    const length = readSync(file, chunk, 0, chunk.length, block * blockBytes);
    for (let index = 0; index * blockBytes < length; index += 1) {
      const data = chunk.subarray(
        index * blockBytes,
        Math.min((index + 1) * blockBytes, length, bytes - block * blockBytes),
      );
      const number = block + index;
      if (data.equals(zeros.subarray(0, data.length))) close(number - 1);
      else {
        if (open !== undefined && number - open.first >= maximumRangeBlocks) close(number - 1);
        open ??= { first: number, hash: createHash('sha256') };
        open.hash.update(data);
      }
    }
  }
  close(blocks - 1);
  return ranges;
}

/** The text of the block map of a file. */
export function makeBlockMap(path: string, bytes: number): string {
  const file = openSync(path, 'r');
  const blocks = Math.ceil(bytes / blockBytes);
  try {
    const ranges = mappedRanges(file, blocks, bytes);
    const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return blockMapText(bytes, blocks, mapped, ranges);
  } finally {
    closeSync(file);
  }
}

function blockMapText(bytes: number, blocks: number, mapped: number, ranges: readonly Range[]): string {
  const rows = ranges.map(({ first, last, sha256 }) => {
    const numbers = first === last ? `${first}` : `${first}-${last}`;
    return `        <Range chksum="${sha256}"> ${numbers} </Range>`;
  });
  const text = (checksum: string): string =>
    [
      '<?xml version="1.0" ?>',
      '<bmap version="2.0">',
      `    <ImageSize> ${bytes} </ImageSize>`,
      `    <BlockSize> ${blockBytes} </BlockSize>`,
      `    <BlocksCount> ${blocks} </BlocksCount>`,
      `    <MappedBlocksCount> ${mapped} </MappedBlocksCount>`,
      '    <ChecksumType> sha256 </ChecksumType>',
      `    <BmapFileChecksum> ${checksum} </BmapFileChecksum>`,
      '    <BlockMap>',
      ...rows,
      '    </BlockMap>',
      '</bmap>',
      '',
    ].join('\n');
  // The file's own sum is taken with zeros in its place.
  return text(
    createHash('sha256')
      .update(text('0'.repeat(64)))
      .digest('hex'),
  );
}
