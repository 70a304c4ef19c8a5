// What the parts of the store's contract share: a plain model of what a store
// must hold after a list of changes, and a watch that keeps what arrives.
import assert from 'node:assert/strict';
import type { Entry, Store, StoreError, StoreErrorCode, StoreEvent } from '../../../hub/store/store.ts';

export type OpenedStore = {
  store: Store;
  /** Closes the store and opens it again on the same data; absent where nothing outlives a close. */
  reopen?: () => Promise<Store>;
  close(): Promise<void>;
};

/** A change as the model knows it; no value: the key was deleted. */
export type Change = { revision: number; key: string; value: string | undefined };

const eventTimeoutMs = 10_000;

/** What the keys hold after these changes, in order of key. */
export function stateAfter(changes: readonly Change[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { key, value, revision } of changes) {
    if (value === undefined) entries.delete(key);
    else {
      const createRevision = entries.get(key)?.createRevision ?? revision;
      entries.set(key, { key, value, createRevision, modRevision: revision });
    }
  }
  return [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The event that each change must be watched as. */
export function eventsOf(changes: readonly Change[]): StoreEvent[] {
  const entries = new Map<string, Entry>();
  return changes.flatMap(({ key, value, revision }): StoreEvent[] => {
    const previous = entries.get(key);
    if (value === undefined) {
      entries.delete(key);
      return previous === undefined ? [] : [{ type: 'delete', revision, key, previous }];
    }
    const entry = { key, value, createRevision: previous?.createRevision ?? revision, modRevision: revision };
    entries.set(key, entry);
    return [{ type: 'put', revision, entry, previous }];
  });
}

/** The change that an event tells of. */
export function toChange(event: StoreEvent): Change {
  const { revision } = event;
  return event.type === 'put'
    ? { key: event.entry.key, value: event.entry.value, revision }
    : { key: event.key, value: undefined, revision };
}

/** For assert.throws and assert.rejects: a StoreError of this code, for compare-failed with the key's revision. */
export function storeError(code: StoreErrorCode, current?: number): (error: unknown) => boolean {
  return (error) => {
    const { name, code: got, current: gotCurrent } = error as StoreError;
    assert.deepEqual({ name, code: got }, { name: 'StoreError', code }, String(error));
    if (current !== undefined) assert.equal(gotCurrent, current);
    return true;
  };
}

export type Collector = { events: StoreEvent[]; until(count: number): Promise<StoreEvent[]>; stop(): void };

/** Watches and keeps what arrives; `until` waits for that many events. */
export function collect(store: Store, prefix: string, after: number): Collector {
  const controller = new AbortController();
  const events: StoreEvent[] = [];
  let wake = (): void => undefined;
  store.watch({ prefix, after, signal: controller.signal }, (batch) => {
    assert.ok(batch.length > 0, 'a listener is never called for nothing');
    events.push(...batch);
    wake();
  });
  const until = async (count: number): Promise<StoreEvent[]> => {
    const timeout = AbortSignal.timeout(eventTimeoutMs);
    while (events.length < count) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        timeout.onabort = () => reject(new Error(`${events.length} of ${count} events came`));
      });
    }
    return events;
  };
  return { events, until, stop: () => controller.abort() };
}

export async function put(store: Store, ...keys: string[]): Promise<number> {
  for (const key of keys) await store.write({ key, value: `${key}-value` });
  return store.revision();
}

export async function keysOf(store: Store, prefix: string, revision?: number): Promise<string[]> {
  const { entries } = await store.list({ prefix, ...(revision === undefined ? {} : { revision }) });
  return entries.map(({ key }) => key);
}

/** Adds a test that gets a fresh store of its own. */
export type Test = (title: string, body: (store: Store, opened: OpenedStore) => Promise<void>) => void;
