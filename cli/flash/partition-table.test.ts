// Partition tables: those that sfdisk writes are read, every damaged byte of a GPT is seen.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PartitionTableError, readPartitionTable } from './partition-table.ts';

const mebibyte = 1 << 20;

/** The first MiB of a disk of 8 MiB that sfdisk has divided. */
function divided(script: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-test-'));
  try {
    const path = join(directory, 'disk.img');
    writeFileSync(path, '');
    truncateSync(path, 8 * mebibyte);
    execFileSync('sfdisk', ['--quiet', path], { input: script });
    return readFileSync(path).subarray(0, mebibyte);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('a partition table', () => {
  const gpt = divided('label: gpt\nstart=2048, size=4096, type=U\nstart=6144, size=2048, type=L\n');
  const mbr = divided('label: dos\nstart=2048, size=4096, type=c\nstart=6144, size=2048, type=83\n');
  const partitions = [
    { startBytes: mebibyte, bytes: 2 * mebibyte, mayBeFat: true, mayHoldOthers: false },
    { startBytes: 3 * mebibyte, bytes: mebibyte, mayBeFat: false, mayHoldOthers: false },
  ];

  it('tells the partitions, and where the image must end', () => {
    assert.deepEqual(readPartitionTable(gpt), { kind: 'gpt', partitions, endBytes: 8 * mebibyte });
    assert.deepEqual(readPartitionTable(mbr), { kind: 'mbr', partitions, endBytes: 4 * mebibyte });
  });

  it('of a Raspberry Pi tells what holds others', () => {
    const pi = divided(
      'label: dos\nstart=2048, size=4096, type=c\nstart=6144, size=8192, type=5\nstart=8192, size=2048\n',
    );
    assert.deepEqual(readPartitionTable(pi).partitions, [
      partitions[0],
      { startBytes: 3 * mebibyte, bytes: 4 * mebibyte, mayBeFat: false, mayHoldOthers: true },
    ]);
  });

  it('is missed where there is none', () => {
    assert.throws(() => readPartitionTable(Buffer.alloc(mebibyte)), /no disk image: it has no partition table/);
    assert.throws(() => readPartitionTable(Buffer.alloc(3)), /no disk image/);
    const empty = Buffer.alloc(mebibyte);
    empty.writeUInt16LE(0xaa55, 510);
    assert.throws(() => readPartitionTable(empty), /no disk image: its partition table is empty/);
  });

  it('of a GPT is refused when a byte of it is damaged', () => {
    const summed: [number, number][] = [
      [512, 512 + 92],
      [1024, 1024 + 128 * 128],
    ];
    for (const [from, to] of summed)
      for (let at = from; at < to; at += from === 512 ? 1 : 37) {
        const damaged = Buffer.from(gpt);
        damaged[at] = (damaged[at] ?? 0) ^ 1;
        assert.throws(() => readPartitionTable(damaged), PartitionTableError, `byte ${at}`);
      }
  });

  it('survives rubbish', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 2048 }), fc.nat(600), (bytes, at) => {
        const head = Buffer.from(mbr);
        Buffer.from(bytes).copy(head, at);
        head.writeUInt16LE(0xaa55, 510);
        try {
          readPartitionTable(head);
        } catch (error) {
          if (!(error instanceof PartitionTableError)) throw error;
        }
      }),
      { seed: 5, numRuns: 1000 },
    );
  });
});
