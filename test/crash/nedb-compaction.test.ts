// What the embedded store makes of a kill and a power cut at every step that
// changes something on its disk, above all while it compacts.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { createSystemDisk, type Disk } from '../../platform/disk.ts';
import type { Change } from '../contract/store/support.ts';
import { last, openStore, reopenAndCheck, segments, temporary, writeAll } from './support.ts';

/** A crash at a moment: the files as they were, how much of each was durable, and what had been acknowledged. */
type CrashPoint = { directory: string; what: string; acknowledged: number; durableBytes: Map<string, number> };

/** A disk that keeps a copy of a directory from before each step that changes something on it. */
class RecordingDisk {
  readonly points: CrashPoint[] = [];
  /** How much of each file fdatasync has vouched for. */
  readonly durableBytes = new Map<string, number>();
  readonly disk: Disk;
  acknowledged = 0;
  recording = false;
  #directory: string;
  #copies: string;

  constructor(directory: string, copies: string) {
    this.#directory = directory;
    this.#copies = copies;
    const real = createSystemDisk();
    this.disk = {
      ...real,
      write: async (path, content, options) => {
        this.#point(`before writing ${basename(path)}`);
        await real.write(path, content, options);
      },
      remove: async (path) => {
        if (existsSync(path)) this.#point(`before removing ${basename(path)}`);
        await real.remove(path);
        if (this.recording) this.#point(`after removing ${basename(path)}`);
      },
      open: async (path) => {
        const file = await real.open(path);
        return {
          ...file,
          sync: async () => {
            this.#point(`before fdatasync of ${basename(path)}`);
            await file.sync();
            this.durableBytes.set(basename(path), await file.sizeBytes());
            this.#point(`after fdatasync of ${basename(path)}`);
          },
          truncate: async (lengthBytes) => {
            this.#point(`before truncating ${basename(path)}`);
            await file.truncate(lengthBytes);
            this.durableBytes.set(basename(path), lengthBytes);
          },
        };
      },
    };
  }

  #point(what: string): void {
    if (!this.recording || this.points.length >= 400) return;
    const directory = join(this.#copies, String(this.points.length));
    cpSync(this.#directory, directory, { recursive: true });
    this.points.push({ directory, what, acknowledged: this.acknowledged, durableBytes: new Map(this.durableBytes) });
  }
}

/** Takes from the files what a power cut may take: all that no fdatasync has vouched for. */
function cutPower(directory: string, durableBytes: Map<string, number>): void {
  for (const path of segments(directory)) {
    const durable = durableBytes.get(basename(path)) ?? 0;
    if (statSync(path).size > durable) truncateSync(path, durable);
  }
}

describe('nedb store, crash points', () => {
  it('survives a kill and a power cut at every step of compactions beside writers', {
    timeout: 120_000,
  }, async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const recorder = new RecordingDisk(directory, join(root, 'copies'));
    const store = await openStore(directory, 300, recorder.disk);
    const changes: Change[] = [];
    const write = async (key: string, value: string | undefined): Promise<void> => {
      const revision = await store.write({ key, value });
      recorder.acknowledged = Math.max(recorder.acknowledged, revision);
      changes.push({ key, value, revision });
    };
    for (let turn = 0; turn < 40; turn += 1)
      await write(`k${turn % 6}`, turn % 6 === 5 && turn % 4 === 3 ? undefined : `v${turn}`);
    const doomed = store.revision();
    await write('k0', undefined);
    recorder.recording = true;
    const writer = async (name: string): Promise<void> => {
      for (let turn = 0; turn < 6; turn += 1)
        await write(`${name}${turn % 2}`, turn === 4 ? undefined : `beside ${turn}`);
    };
    await Promise.all([writer('x'), writer('y'), store.compact(doomed)]);
    await Promise.all([writer('x'), store.compact(store.revision() - 2)]);
    recorder.recording = false;
    await store.close();
    changes.sort((a, b) => a.revision - b.revision);
    assert.ok(
      recorder.points.some(({ what }) => what.startsWith('after removing')),
      'no segment was ever reclaimed',
    );
    for (const { directory: copy, what, acknowledged, durableBytes } of recorder.points) {
      const powerless = `${copy}-power`;
      cpSync(copy, powerless, { recursive: true });
      await reopenAndCheck(copy, changes, acknowledged, `killed ${what}`);
      cutPower(powerless, durableBytes);
      await reopenAndCheck(powerless, changes, acknowledged, `power cut ${what}`);
      await rm(powerless, { recursive: true });
    }
    await reopenAndCheck(directory, changes, changes.length, 'closed');
  });

  it('makes what it found at its start durable before it writes more', async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const before = await openStore(directory);
    const changes = await writeAll(before, [['a', '1']]);
    const killed = last(segments(directory));
    const acknowledgedBytes = statSync(killed).size;
    // The process is killed between its append and its fdatasync: the line is in the page cache only.
    changes.push(...(await writeAll(before, [['a', '2']])));
    await before.close();
    const recorder = new RecordingDisk(directory, join(root, 'copies'));
    recorder.durableBytes.set(basename(killed), acknowledgedBytes);
    const store = await openStore(directory, 1 << 20, recorder.disk);
    assert.equal(store.revision(), 2);
    changes.push(...(await writeAll(store, [['a', '3']])));
    await store.close();
    cutPower(directory, recorder.durableBytes);
    await reopenAndCheck(directory, changes, 3, 'power cut after the restart');
  });
});

describe('nedb store, leftovers of a compaction', () => {
  it('a segment that should have been removed does no harm and goes with the next compaction', async (test) => {
    const directory = await temporary(test);
    const before = await openStore(directory, 300);
    await writeAll(
      before,
      Array.from({ length: 30 }, (_, index) => [`k${index % 5}`, `value ${index}`]),
    );
    const { entries } = await before.list({ prefix: '' });
    const oldest = segments(directory)[0] ?? '';
    const content = readFileSync(oldest);
    await before.compact(28);
    await before.close();
    assert.ok(!existsSync(oldest), 'the oldest segment was not reclaimed');
    // The power went between the note that the segment is empty and the removal of its file.
    writeFileSync(oldest, content);
    for (let round = 0; round < 3; round += 1) {
      const store = await openStore(directory, 300);
      assert.deepEqual((await store.list({ prefix: 'k' })).entries, entries);
      await writeAll(
        store,
        Array.from({ length: 10 }, (_, index) => ['more', `${round}/${index}`]),
      );
      await store.compact(store.revision());
      await store.close();
    }
    assert.ok(!existsSync(oldest));
  });
});
