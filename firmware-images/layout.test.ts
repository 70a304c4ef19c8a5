// Layouts: partitions in order, aligned, apart, with the numbers that firmware and
// scripts know them by; and sfdisk makes of the script what the layout says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { boards } from './boards.ts';
import { type Layout, layoutOf, partitionNumbers, sfdiskScript } from './layout.ts';
import { boardNames } from './manifest.ts';

const mebibyte = 1 << 20;
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const size = fc.integer({ min: 1, max: 1 << 30 });
const sizes = { bootBytes: 64 * mebibyte, slotBootBytes: 65 * mebibyte, rootBytes: 3e6, dataBytes: 5e6 };

type Row = { start: number; size: number; type: string };

/** What sfdisk reads from a disk with this table, after `more` has been done to it. */
function tableOf(script: string, bytes: number, more: (disk: string) => void = () => {}): Row[] {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-layout-'));
  try {
    const disk = join(directory, 'disk.img');
    const file = openSync(disk, 'w');
    ftruncateSync(file, bytes);
    closeSync(file);
    execFileSync('sfdisk', ['--quiet', disk], { input: script, env: environment });
    more(disk);
    const text = execFileSync('sfdisk', ['--json', disk], { encoding: 'utf8', env: environment });
    return (JSON.parse(text) as { partitiontable: { partitions: Row[] } }).partitiontable.partitions;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function rowsOf({ partitions, extended }: Layout): { start: number; size: number }[] {
  return [...partitions, ...(extended === undefined ? [] : [extended])]
    .sort((left, right) => left.number - right.number)
    .map(({ startBytes, bytes }) => ({ start: startBytes / 512, size: bytes / 512 }));
}

describe('layouts', () => {
  it('give every partition room of its own, aligned, within the image', () => {
    fc.assert(
      fc.property(fc.constantFrom(...boardNames), size, size, size, size, (name, boot, slot, root, data) => {
        const given = { bootBytes: boot, slotBootBytes: slot, rootBytes: root, dataBytes: data };
        const { partitions, bytes, extended } = layoutOf(boards[name], given);
        let end = mebibyte;
        for (const { startBytes, bytes: length, number } of partitions) {
          // The sector that describes a logical partition lies before it.
          assert.ok(startBytes >= end + (number > 4 ? mebibyte : 0));
          assert.equal(startBytes % mebibyte, 0);
          end = startBytes + length;
        }
        assert.ok(end <= bytes);
        if (extended !== undefined) assert.equal(extended.startBytes + extended.bytes, end);
      }),
    );
  });

  it('have the boot partition with skerry.yaml first, and data last, where it can grow', () => {
    for (const board of Object.values(boards)) {
      const { partitions } = layoutOf(board, sizes);
      assert.deepEqual([partitions[0]?.name, partitions[0]?.number, partitions.at(-1)?.name], ['boot', 1, 'data']);
    }
  });

  it('put what a Pi is started from among the four partitions that its firmware knows', () => {
    assert.deepEqual(partitionNumbers(boards['rpi-arm64']), {
      boot: 1,
      'boot-a': 2,
      'boot-b': 3,
      extended: 4,
      'root-a': 5,
      'root-b': 6,
      data: 7,
    });
  });
});

describe('sfdisk', () => {
  for (const name of ['rpi-arm64', 'generic-amd64'] as const)
    it(`makes the table of ${name} as it was laid out`, () => {
      const layout = layoutOf(boards[name], sizes);
      const rows = tableOf(sfdiskScript(boards[name], layout), layout.bytes);
      assert.deepEqual(
        rows.map(({ start, size: length }) => ({ start, size: length })),
        rowsOf(layout),
      );
    });

  it('gives FAT partitions the type that the ROM of a Pi 3 knows', () => {
    const layout = layoutOf(boards['rpi-arm64'], sizes);
    const types = tableOf(sfdiskScript(boards['rpi-arm64'], layout), layout.bytes).map(({ type }) => type);
    assert.deepEqual(types, ['c', 'c', 'c', '5', '83', '83', '83']);
  });

  it('grows the data partition of a Pi within its extended one, as prepare-data does it', () => {
    const board = boards['rpi-arm64'];
    const layout = layoutOf(board, sizes);
    const cardBytes = layout.bytes + 300 * mebibyte;
    const rows = tableOf(sfdiskScript(board, layout), cardBytes, (disk) => {
      for (const name of ['extended', 'data'])
        execFileSync('sfdisk', ['-q', '--no-reread', '--force', '-N', String(partitionNumbers(board)[name]), disk], {
          input: ', +\n',
          env: environment,
        });
    });
    const ends = rows.map(({ start, size: length }) => (start + length) * 512);
    assert.deepEqual([ends[3], ends[6]], [cardBytes, cardBytes]);
    assert.deepEqual(
      rows.map(({ start }) => start),
      rowsOf(layout).map(({ start }) => start),
    );
  });
});
