// What the crash tests of the embedded store share: opening it on a directory
// of the test's own, and proving that it holds exactly what was written.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NedbStore } from '../../hub/store/nedb/nedb-store.ts';
import type { StoreEvent } from '../../hub/store/store.ts';
import { createSystemDisk, type Disk } from '../../platform/disk.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { type Change, eventsOf, stateAfter } from '../contract/store/support.ts';

export async function openStore(
  directory: string,
  segmentBytes = 1 << 20,
  disk: Disk = createSystemDisk(),
): Promise<NedbStore> {
  const store = new NedbStore({ directory, segmentBytes }, { disk, log: createMemoryLog([]) });
  await store.start();
  return store;
}

/** A directory that goes when the test ends. */
export async function temporary(test: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skerry-crash-'));
  test.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export function segments(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /^segment-\d+\.db$/.test(name));
  return names.sort().map((name) => join(directory, name));
}

export function last<T>(items: readonly T[]): T {
  const item = items.at(-1);
  assert.ok(item !== undefined);
  return item;
}

/** Writes one after the other and returns what was written. */
export async function writeAll(
  store: NedbStore,
  writes: [key: string, value: string | undefined][],
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const [key, value] of writes) changes.push({ key, value, revision: await store.write({ key, value }) });
  return changes;
}

/** All events that the store still has. */
export function history(store: NedbStore): StoreEvent[] {
  const events: StoreEvent[] = [];
  const controller = new AbortController();
  store.watch({ prefix: '', after: store.compactRevision(), signal: controller.signal }, (batch) =>
    events.push(...batch),
  );
  controller.abort();
  return events;
}

/** Proves that the store is exactly these changes, from revision 1 on, as far as it remembers. */
export async function assertHolds(store: NedbStore, changes: readonly Change[], message: string): Promise<void> {
  assert.equal(store.revision(), changes.length, message);
  for (const revision of [store.compactRevision(), store.revision()]) {
    const { entries } = await store.list({ prefix: '', revision });
    assert.deepEqual(entries, stateAfter(changes.slice(0, revision)), `${message}: state at ${revision}`);
  }
  const expected = eventsOf(changes).filter((event) => event.revision > store.compactRevision());
  assert.deepEqual(history(store), expected, `${message}: history`);
}

/** Opens a directory that must be whole, looks at it, and proves that it can be written and opened again. */
export async function reopenAndCheck(
  directory: string,
  changes: readonly Change[],
  acknowledged: number,
  message: string,
): Promise<void> {
  const store = await openStore(directory);
  const found = store.revision();
  assert.ok(
    found >= acknowledged,
    `${message}: revision ${found} is less than ${acknowledged}, which was acknowledged`,
  );
  const expected = changes.slice(0, found);
  await assertHolds(store, expected, message);
  assert.equal(await store.write({ key: 'after-the-crash', value: message }), found + 1);
  await store.close();
  const again = await openStore(directory);
  await assertHolds(
    again,
    [...expected, { key: 'after-the-crash', value: message, revision: found + 1 }],
    `${message}, opened again`,
  );
  await again.close();
}
