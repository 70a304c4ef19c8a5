// A small disk image as firmware-images builds them: a FAT boot partition with
// skerry.yaml, a partition of noise and one that is almost empty, with its block
// map, manifest and compressed form. Made by sfdisk, mkfs.vfat and mtools.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { deviceConfigName, writeDeviceConfig } from '../../api/device/config.ts';
import type { ImageManifest } from '../../firmware-images/manifest.ts';

const mapBlockBytes = 4096;
const mebibyte = 1 << 20;
const tableGapBytes = 1 << 16;

export type DiskImage = { path: string; compressed: string; blockMap: string; manifest: string; bytes: number };
export type DiskImageOptions = {
  /** Of the whole disk; at least 9. */
  mebibytes?: number;
  /** Of noise in the second partition. */
  noiseMebibytes?: number;
  label?: 'gpt' | 'dos';
  seed?: number;
};

/** Noise that is the same for a seed: xorshift32, four bytes a step. */
export function noise(bytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed | 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}

function sumOf(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function run(program: string, args: string[], input = ''): void {
  execFileSync(program, args, {
    input,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  });
}

/** Ranges of blocks that are not zeros, as bmaptool has them. */
function mappedRanges(data: Buffer): [number, number][] {
  const zero = Buffer.alloc(mapBlockBytes);
  const ranges: [number, number][] = [];
  for (let block = 0; block * mapBlockBytes < data.length; block += 1) {
    if (data.subarray(block * mapBlockBytes, (block + 1) * mapBlockBytes).equals(zero)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === block - 1) last[1] = block;
    else ranges.push([block, block]);
  }
  return ranges;
}

/** The text of a block map in version 2.0. */
export function blockMapOf(data: Buffer): string {
  const ranges = mappedRanges(data);
  const lines = ranges.map(([first, last]) => {
    const sum = sumOf(data.subarray(first * mapBlockBytes, (last + 1) * mapBlockBytes));
    return `        <Range chksum="${sum}"> ${first === last ? first : `${first}-${last}`} </Range>`;
  });
  const blocks = Math.ceil(data.length / mapBlockBytes);
  const mapped = ranges.reduce((count, [first, last]) => count + last - first + 1, 0);
  const text = (sum: string): string =>
    `<?xml version="1.0" ?>\n<!-- a block map -->\n<bmap version="2.0">\n    <ImageSize> ${data.length} </ImageSize>\n    <BlockSize> ${mapBlockBytes} </BlockSize>\n    <BlocksCount> ${blocks} </BlocksCount>\n    <MappedBlocksCount> ${mapped} </MappedBlocksCount>\n    <ChecksumType> sha256 </ChecksumType>\n    <BmapFileChecksum> ${sum} </BmapFileChecksum>\n    <BlockMap>\n${lines.join('\n')}\n    </BlockMap>\n</bmap>\n`;
  return text(sumOf(text('0'.repeat(64))));
}

type Layout = {
  bootStart: number;
  bootBytes: number;
  noiseStart: number;
  noiseBytes: number;
  dataStart: number;
  dataBytes: number;
};

/** @param gap bytes before the second and the third partition, for the tables of an extended one */
function layoutOf(mebibytes: number, noiseMebibytes: number, gap: number): Layout {
  const noiseStart = 6 * mebibyte + gap;
  const noiseBytes = noiseMebibytes * mebibyte;
  const dataStart = noiseStart + noiseBytes + gap;
  return {
    bootStart: mebibyte,
    bootBytes: 5 * mebibyte,
    noiseStart,
    noiseBytes,
    dataStart,
    dataBytes: (mebibytes - 1) * mebibyte - dataStart,
  };
}

function makeDisk(path: string, directory: string, options: Required<DiskImageOptions>): Layout {
  const gap = options.label === 'dos' ? tableGapBytes : 0;
  const layout = layoutOf(options.mebibytes, options.noiseMebibytes, gap);
  writeFileSync(path, '');
  truncateSync(path, options.mebibytes * mebibyte);
  const fat = options.label === 'gpt' ? 'U' : 'c';
  const extendedStart = layout.noiseStart - gap;
  const rows = [
    [layout.bootStart, layout.bootBytes, fat],
    // As on a Raspberry Pi, whose firmware wants the first partitions for itself.
    ...(options.label === 'dos'
      ? [[extendedStart, layout.dataStart + layout.dataBytes - extendedStart, '5'] as const]
      : []),
    [layout.noiseStart, layout.noiseBytes, 'L'],
    [layout.dataStart, layout.dataBytes, 'L'],
  ] as const;
  const script = rows.map(([start, bytes, type]) => `start=${start / 512}, size=${bytes / 512}, type=${type}`);
  run('sfdisk', ['--quiet', path], `label: ${options.label}\n${script.join('\n')}\n`);
  const boot = join(directory, 'boot.fat');
  writeFileSync(boot, '');
  truncateSync(boot, layout.bootBytes);
  run('mkfs.vfat', ['-n', 'BOOT', '-s', '1', boot]);
  run('mcopy', ['-i', boot, '-', `::${deviceConfigName}`], writeDeviceConfig({ labels: { built: 'in' } }));
  const file = openSync(path, 'r+');
  writeSync(file, readFileSync(boot), 0, layout.bootBytes, layout.bootStart);
  writeSync(file, noise(layout.noiseBytes, options.seed), 0, layout.noiseBytes, layout.noiseStart);
  writeSync(file, Buffer.from('something small'), 0, 15, layout.dataStart + mebibyte / 2);
  closeSync(file);
  return layout;
}

/** Makes NAME.img with all that stands beside it. */
export function makeDiskImage(directory: string, name = 'card', given: DiskImageOptions = {}): DiskImage {
  const options = { mebibytes: 16, noiseMebibytes: 4, label: 'gpt', seed: 1, ...given } as const;
  const path = join(directory, `${name}.img`);
  const layout = makeDisk(path, directory, options);
  const data = readFileSync(path);
  const [compressed, blockMap, manifest] = [`${path}.zst`, `${path}.bmap`, join(directory, `${name}.json`)];
  const packed = zstdCompressSync(data, {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: data.length,
  });
  writeFileSync(compressed, packed);
  writeFileSync(blockMap, blockMapOf(data));
  const content: ImageManifest = {
    formatVersion: 1,
    board: 'rpi-arm64',
    version: '0.1.0',
    builtAt: '2026-11-01T00:00:00Z',
    image: { file: basename(path), bytes: data.length, sha256: sumOf(data) },
    compressed: { file: basename(compressed), bytes: statSync(compressed).size, sha256: sumOf(packed) },
    blockMap: { file: basename(blockMap), bytes: statSync(blockMap).size, sha256: sumOf(readFileSync(blockMap)) },
    partitions: [
      { name: 'boot', startBytes: layout.bootStart, bytes: layout.bootBytes, fileSystem: 'fat' },
      { name: 'root-a', startBytes: layout.noiseStart, bytes: layout.noiseBytes, fileSystem: 'squashfs' },
      { name: 'data', startBytes: layout.dataStart, bytes: layout.dataBytes, fileSystem: 'ext4' },
    ],
    packages: [],
    preloaded: [],
  };
  writeFileSync(manifest, JSON.stringify(content));
  return { path, compressed, blockMap, manifest, bytes: data.length };
}

/** What a drive's or a file's boot partition holds under this name. */
export function readBootFile(device: string, name: string): string {
  return execFileSync('mtype', ['-i', `${device}@@${mebibyte}`, `::${name}`], {
    encoding: 'utf8',
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  });
}

/** Whether a drive or a file says of itself that it is a disk with partitions. */
export function hasPartitionTable(device: string): boolean {
  try {
    const table = execFileSync('sfdisk', ['--dump', device], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /start=/.test(table);
  } catch {
    return false;
  }
}
