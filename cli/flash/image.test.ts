// An image against its own partition table: that of UEFI boards, and the older one
// of a Raspberry Pi, which has most of its partitions inside of an extended one.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ImageManifest } from '../../firmware-images/manifest.ts';
import { checkPartitions, type Image } from './image.ts';
import type { PartitionTable } from './partition-table.ts';

const mebibyte = 1 << 20;

function imageWith(partitions: Record<string, [startMebibytes: number, mebibytes: number]>): Image {
  const rows = Object.entries(partitions).map(([name, [start, size]]) => ({
    name,
    startBytes: start * mebibyte,
    bytes: size * mebibyte,
    fileSystem: 'raw' as const,
  }));
  const manifest = { partitions: rows } as unknown as ImageManifest;
  return { path: 'card.img', compressed: false, bytes: 100 * mebibyte, extents: [], notes: [], manifest };
}

function tableWith(rows: [startMebibytes: number, mebibytes: number, mayHoldOthers?: true][]): PartitionTable {
  const partitions = rows.map(([start, size, mayHoldOthers = false]) => ({
    startBytes: start * mebibyte,
    bytes: size * mebibyte,
    mayBeFat: false,
    mayHoldOthers,
  }));
  return { kind: 'mbr', partitions, endBytes: 100 * mebibyte };
}

it('is right when each partition of the manifest is in the table, or in an extended partition of it', () => {
  const image = imageWith({ boot: [1, 9], 'root-a': [21, 20], data: [50, 50] });
  checkPartitions(
    image,
    tableWith([
      [1, 9],
      [21, 20],
      [50, 50],
    ]),
  );
  checkPartitions(
    image,
    tableWith([
      [1, 9],
      [20, 80, true],
    ]),
  );
});

it('is another image when one lies elsewhere, or sticks out of the extended partition', () => {
  const problem = /card.img: has no partition data where its manifest says/;
  const image = imageWith({ boot: [1, 9], data: [50, 50] });
  const tables = [
    tableWith([[1, 9]]),
    tableWith([
      [1, 9],
      [20, 79, true],
    ]),
    tableWith([
      [1, 9],
      [20, 80],
    ]),
  ];
  for (const table of tables) assert.throws(() => checkPartitions(image, table), problem);
});
