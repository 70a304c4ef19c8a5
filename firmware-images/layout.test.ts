// Where partitions lie: aligned, in order, apart, and as sfdisk takes them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { boards } from './boards.ts';
import { grubLayout, sfdiskScript } from './layout.ts';

const mebibyte = 1 << 20;
const sizes = fc.record({
  bootBytes: fc.integer({ min: 1, max: 500 * mebibyte }),
  rootBytes: fc.integer({ min: 1, max: 500 * mebibyte }),
  dataBytes: fc.integer({ min: 1, max: 500 * mebibyte }),
});

describe('the layout of a board with GRUB', () => {
  it('has room for everything, aligned to mebibytes, without overlaps', () => {
    fc.assert(
      fc.property(sizes, (wanted) => {
        const { partitions, bytes } = grubLayout(wanted);
        assert.deepEqual(
          partitions.map(({ name, number }) => [name, number]),
          [
            ['boot', 1],
            ['root-a', 2],
            ['root-b', 3],
            ['data', 4],
          ],
        );
        const expected = [wanted.bootBytes, wanted.rootBytes, wanted.rootBytes, wanted.dataBytes];
        let end = mebibyte;
        for (const [index, partition] of partitions.entries()) {
          assert.equal(partition.startBytes, end);
          assert.equal(partition.bytes % mebibyte, 0);
          assert.ok(partition.bytes >= (expected[index] ?? 0));
          end += partition.bytes;
        }
        // The backup of the table has 33 sectors at the end.
        assert.ok(bytes - end >= 34 * 512);
      }),
      { seed: 1 },
    );
  });

  it('is what sfdisk makes of its script', () => {
    const directory = mkdtempSync(join(tmpdir(), 'skerry-layout-'));
    try {
      const file = join(directory, 'disk');
      const layout = grubLayout({ bootBytes: 3 * mebibyte, rootBytes: 5 * mebibyte, dataBytes: 2 * mebibyte });
      writeFileSync(file, '');
      truncateSync(file, layout.bytes);
      const environment = {
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
        encoding: 'utf8',
      } as const;
      const input = sfdiskScript(boards['qemu-arm64'], layout);
      execFileSync('sfdisk', ['--quiet', '--no-tell-kernel', file], { ...environment, input });
      const { partitiontable } = JSON.parse(execFileSync('sfdisk', ['--json', file], environment));
      assert.equal(partitiontable.label, 'gpt');
      assert.deepEqual(
        partitiontable.partitions.map(({ name, start, size }: Record<string, unknown>) => [name, start, size]),
        layout.partitions.map(({ name, startBytes, bytes }) => [name, startBytes / 512, bytes / 512]),
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
