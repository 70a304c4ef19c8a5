// What the embedded store makes of a full disk: writes fail and say so, reads
// go on, and nothing that was refused is there afterwards.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { NedbStore } from '../../hub/store/nedb/nedb-store.ts';
import { storeError } from '../contract/store/support.ts';
import { assertHolds, openStore, reopenAndCheck, temporary, writeAll } from './support.ts';

const run = promisify(execFile);

describe('nedb store, full disk', () => {
  const valueBytes = 1024;

  const onTinyDisk = (title: string, body: (directory: string) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async (test) => {
      const directory = await temporary(test);
      try {
        await run('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', directory]);
      } catch (error) {
        test.skip(`a tmpfs can't be mounted here: ${(error as Error).message}`);
        return;
      }
      try {
        await body(directory);
      } finally {
        await run('umount', ['-l', directory]);
      }
    });
  };

  /** Takes all the space there is, but for this many bytes. */
  const fill = (directory: string, leaveBytes: number): string => {
    const path = join(directory, 'ballast');
    const page = Buffer.alloc(4096);
    writeFileSync(path, '');
    try {
      for (let pages = 0; pages < 1000; pages += 1) writeFileSync(path, page, { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
    truncateSync(path, Math.max(0, statSync(path).size - leaveBytes));
    return path;
  };

  const data = (index: number): [string, string] => [`k${index % 20}`, `${index}/`.padEnd(valueBytes, 'x')];

  const failingWrites = async (store: NedbStore, count: number): Promise<void> => {
    const writes = Array.from({ length: count }, (_, index) =>
      store.write({ key: `refused/${index}`, value: 'y'.repeat(valueBytes) }),
    );
    for (const result of await Promise.allSettled(writes)) {
      assert.equal(result.status, 'rejected');
      storeError('no-space')(result.reason);
    }
  };

  onTinyDisk(
    'on a full disk writes fail with no-space, reads go on, and all heals when there is space',
    async (directory) => {
      const store = await openStore(join(directory, 'data'), 32 << 10);
      const changes = await writeAll(
        store,
        Array.from({ length: 60 }, (_, index) => data(index)),
      );
      for (let round = 0; round < 5; round += 1) {
        const ballast = fill(directory, round * 4096);
        const before = store.revision();
        // More than fits, so that the failing batch gets partly into the file.
        await failingWrites(store, 40);
        await failingWrites(store, 40);
        assert.equal(store.revision(), before);
        await assertHolds(store, changes, `round ${round}, full`);
        await rm(ballast);
        changes.push(...(await writeAll(store, [data(100 + round)])));
        await assertHolds(store, changes, `round ${round}, healed`);
      }
      await store.close();
      await reopenAndCheck(join(directory, 'data'), changes, changes.length, 'reopened');
    },
  );

  onTinyDisk('what a full disk refused is not there after a restart', async (directory) => {
    const data0 = join(directory, 'data');
    const store = await openStore(data0);
    const changes = await writeAll(
      store,
      Array.from({ length: 60 }, (_, index) => data(index)),
    );
    const ballast = fill(directory, 12 << 10);
    await failingWrites(store, 40);
    await store.close();
    await rm(ballast);
    await reopenAndCheck(data0, changes, changes.length, 'reopened');
  });

  onTinyDisk('starts on a full disk: reads first, writes when there is space', async (directory) => {
    const data0 = join(directory, 'data');
    const first = await openStore(data0);
    const changes = await writeAll(
      first,
      Array.from({ length: 40 }, (_, index) => data(index)),
    );
    await first.close();
    const ballast = fill(directory, 0);
    const store = await openStore(data0);
    await assertHolds(store, changes, 'started full');
    await failingWrites(store, 3);
    await rm(ballast);
    changes.push(...(await writeAll(store, [data(1)])));
    await store.close();
    await reopenAndCheck(data0, changes, changes.length, 'reopened');
  });

  onTinyDisk('a compaction that runs out of space loses nothing and can be done again', async (directory) => {
    const data0 = join(directory, 'data');
    const store = await openStore(data0, 16 << 10);
    const changes = await writeAll(
      store,
      Array.from({ length: 200 }, (_, index) => data(index)),
    );
    const ballast = fill(directory, 8 << 10);
    await store.compact(150).catch(storeError('no-space'));
    await assertHolds(store, changes, 'after the first try');
    await rm(ballast);
    await store.compact(190);
    await assertHolds(store, changes, 'after the second try');
    await store.close();
    await reopenAndCheck(data0, changes, changes.length, 'reopened');
  });
});
