// What every implementation of hub/store/store.ts promises, as tests: run
// against each of them by store.test.ts. Revisions are taken relative to the
// store's first one, since etcd's empty store is already at revision 1.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Entry, Store, StoreError, StoreErrorCode, StoreEvent } from '../../hub/store/store.ts';

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

type Collector = { events: StoreEvent[]; until(count: number): Promise<StoreEvent[]>; stop(): void };

/** Watches and keeps what arrives; `until` waits for that many events. */
function collect(store: Store, prefix: string, after: number): Collector {
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

async function put(store: Store, ...keys: string[]): Promise<number> {
  for (const key of keys) await store.write({ key, value: `${key}-value` });
  return store.revision();
}

async function keysOf(store: Store, prefix: string, revision?: number): Promise<string[]> {
  const { entries } = await store.list({ prefix, ...(revision === undefined ? {} : { revision }) });
  return entries.map(({ key }) => key);
}

/** Runs the whole contract against the stores that `open` makes, a fresh and empty one each time. */
export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  const test = (title: string, body: (store: Store, opened: OpenedStore) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async () => {
      const opened = await open();
      try {
        await body(opened.store, opened);
      } finally {
        await opened.close();
      }
    });
  };
  describe(`${name}: writes`, () => testWrites(test));
  describe(`${name}: lists`, () => testLists(test));
  describe(`${name}: watches`, () => testWatches(test));
  describe(`${name}: compaction`, () => testCompaction(test));
  describe(`${name}: concurrent writers`, () => testConcurrency(test));
  describe(`${name}: close and reopen`, () => testReopen(test));
  it(`${name}: any sequence of operations gives what a plain model gives`, { timeout: 120_000 }, () => testModel(open));
}

type Test = (title: string, body: (store: Store, opened: OpenedStore) => Promise<void>) => void;

function testWrites(test: Test): void {
  test('an empty store holds nothing', async (store) => {
    assert.equal(await store.get('a'), undefined);
    assert.deepEqual(await store.list({ prefix: '' }), { entries: [], revision: store.revision(), remaining: 0 });
  });

  test('create, update, delete and create again, each one revision', async (store) => {
    const base = store.revision();
    const steps: { value: string | undefined; expect?: number; createRevision: number }[] = [
      { value: 'one', expect: 0, createRevision: base + 1 },
      { value: 'two', expect: base + 1, createRevision: base + 1 },
      { value: '', createRevision: base + 1 },
      { value: undefined, expect: base + 3, createRevision: 0 },
      { value: 'again', expect: 0, createRevision: base + 5 },
      { value: 'again', createRevision: base + 5 },
      { value: undefined, createRevision: 0 },
    ];
    for (const [index, { createRevision, ...write }] of steps.entries()) {
      const modRevision = base + index + 1;
      assert.equal(await store.write({ key: 'k', ...write }), modRevision);
      assert.equal(store.revision(), modRevision);
      const entry =
        write.value === undefined ? undefined : { key: 'k', value: write.value, createRevision, modRevision };
      assert.deepEqual(await store.get('k'), entry);
    }
  });

  test('a write whose compare fails says what there is, and changes nothing', async (store) => {
    await put(store, 'k');
    const present = await store.write({ key: 'k', value: 'v' });
    const cases: { key: string; value?: string; expect: number; current: number }[] = [
      { key: 'k', value: 'x', expect: 0, current: present },
      { key: 'k', value: 'x', expect: present - 1, current: present },
      { key: 'k', value: 'x', expect: present + 1, current: present },
      { key: 'k', expect: 0, current: present },
      { key: 'k', expect: present + 1, current: present },
      { key: 'absent', value: 'x', expect: present, current: 0 },
      { key: 'absent', expect: present, current: 0 },
    ];
    for (const { key, value, expect, current } of cases) {
      await assert.rejects(store.write({ key, value, expect }), storeError('compare-failed', current));
    }
    assert.equal(store.revision(), present);
    assert.deepEqual(await keysOf(store, ''), ['k']);
    assert.equal((await store.get('k'))?.value, 'v');
    assert.equal(await store.write({ key: 'next', value: 'v' }), present + 1);
  });

  test('deleting what does not exist writes nothing', async (store) => {
    const revision = await put(store, 'a');
    assert.equal(await store.write({ key: 'absent', value: undefined }), revision);
    assert.equal(await store.write({ key: 'absent', value: undefined, expect: 0 }), revision);
    assert.equal(store.revision(), revision);
  });

  test('keys and values come back as they went in', async (store) => {
    const texts = [
      '{"a":"b\\n"}',
      'line\nline\r\n',
      '$set',
      'a.b.c',
      '__proto__',
      'ünï\u2028\u0000 ✓',
      '😀',
      'x'.repeat(1 << 20),
    ];
    for (const [index, text] of texts.entries()) {
      await store.write({ key: `value/${index}`, value: text });
      await store.write({ key: `key/${text.slice(0, 100)}`, value: String(index) });
    }
    for (const [index, text] of texts.entries()) {
      assert.equal((await store.get(`value/${index}`))?.value, text);
      assert.equal((await store.get(`key/${text.slice(0, 100)}`))?.value, String(index));
    }
    assert.equal((await keysOf(store, 'key/')).length, texts.length);
  });
}

function testLists(test: Test): void {
  test('a prefix takes its keys and no others, in order', async (store) => {
    await put(store, 'pods/b/2', 'pods/a/1', 'pods/a', 'pods0', 'pod', 'pods/a/10', 'pods/', 'services/a', 'pods/B/1');
    const cases: [prefix: string, keys: string[]][] = [
      ['pods/', ['pods/', 'pods/B/1', 'pods/a', 'pods/a/1', 'pods/a/10', 'pods/b/2']],
      ['pods/a/', ['pods/a/1', 'pods/a/10']],
      ['pods/a', ['pods/a', 'pods/a/1', 'pods/a/10']],
      ['pods/c', []],
      ['zzz', []],
      ['', ['pod', 'pods/', 'pods/B/1', 'pods/a', 'pods/a/1', 'pods/a/10', 'pods/b/2', 'pods0', 'services/a']],
    ];
    for (const [prefix, keys] of cases) assert.deepEqual(await keysOf(store, prefix), keys, prefix);
  });

  test('limit, after and remaining', async (store) => {
    await put(store, 'a', 'p/1', 'p/2', 'p/3', 'p/4', 'z');
    const cases: [limit: number | undefined, after: string | undefined, keys: string[], remaining: number][] = [
      [2, undefined, ['p/1', 'p/2'], 2],
      [2, 'p/2', ['p/3', 'p/4'], 0],
      [1, 'p/2', ['p/3'], 1],
      [4, undefined, ['p/1', 'p/2', 'p/3', 'p/4'], 0],
      [9, undefined, ['p/1', 'p/2', 'p/3', 'p/4'], 0],
      [undefined, 'p/3', ['p/4'], 0],
      [undefined, 'p/4', [], 0],
      [1, 'p/2x', ['p/3'], 1],
      [1, 'a', ['p/1'], 3],
      [1, 'z', [], 0],
    ];
    for (const [limit, after, keys, remaining] of cases) {
      const result = await store.list({
        prefix: 'p/',
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
      });
      assert.deepEqual(
        result.entries.map(({ key }) => key),
        keys,
        `limit ${limit} after ${after}`,
      );
      assert.equal(result.remaining, remaining, `limit ${limit} after ${after}`);
      assert.equal(result.revision, store.revision());
    }
  });

  test('pages at one revision are one consistent list, whatever is written meanwhile', async (store) => {
    const names = Array.from({ length: 25 }, (_, index) => `p/${String(index).padStart(2, '0')}`);
    const revision = await put(store, ...names);
    const { entries: expected } = await store.list({ prefix: 'p/' });
    const seen: Entry[] = [];
    let after = '';
    for (let page = 0; page < 10; page += 1) {
      const result = await store.list({ prefix: 'p/', limit: 7, after, revision });
      assert.equal(result.revision, revision);
      seen.push(...result.entries);
      assert.equal(result.remaining, names.length - seen.length);
      if (result.remaining === 0) break;
      after = seen.at(-1)?.key ?? '';
      await store.write({ key: after, value: 'changed' });
      await store.write({ key: `p/${page}-new`, value: 'new' });
      await store.write({ key: names.at(-1 - page) ?? '', value: undefined });
    }
    assert.deepEqual(seen, expected);
  });

  test('every past revision can be read until it is compacted', async (store) => {
    const base = store.revision();
    const changes: Change[] = [];
    for (const [index, [key, value]] of (
      [
        ['a', '1'],
        ['b', '1'],
        ['a', '2'],
        ['a', undefined],
        ['c', '1'],
        ['a', '3'],
        ['b', undefined],
      ] as const
    ).entries()) {
      await store.write({ key, value });
      changes.push({ key, value, revision: base + index + 1 });
    }
    for (let count = 0; count <= changes.length; count += 1) {
      const result = await store.list({ prefix: '', revision: base + count });
      assert.deepEqual(result, { entries: stateAfter(changes.slice(0, count)), revision: base + count, remaining: 0 });
    }
    await assert.rejects(store.list({ prefix: '', revision: store.revision() + 1 }), storeError('future-revision'));
  });

  test('a snapshot is every live entry at one revision', async (store) => {
    await put(store, 'b', 'a', 'c');
    await store.write({ key: 'b', value: undefined });
    const expected = await store.list({ prefix: '' });
    assert.deepEqual(
      expected.entries.map(({ key }) => key),
      ['a', 'c'],
    );
    assert.deepEqual(await store.snapshot(), expected);
  });
}

function testWatches(test: Test): void {
  test('delivers what was missed and what comes, in order, once, with what was there before', async (store) => {
    const base = store.revision();
    const steps: [key: string, value: string | undefined][] = [
      ['p/a', '1'],
      ['other', '1'],
      ['p/b', '1'],
      ['p/a', '2'],
      ['p/a', undefined],
      ['p/a', '3'],
      ['other', undefined],
      ['p/b', undefined],
    ];
    const changes = steps.map(([key, value], index): Change => ({ key, value, revision: base + index + 1 }));
    const expected = eventsOf(changes);
    const ofPrefix = expected.filter((event) => (event.type === 'put' ? event.entry.key : event.key).startsWith('p/'));
    const collectors: { collector: Collector; wanted: StoreEvent[] }[] = [];
    for (let done = 0; done <= steps.length; done += 1) {
      for (let after = base; after <= base + done; after += 1) {
        const wanted = ofPrefix.filter((event) => event.revision > after);
        collectors.push({ collector: collect(store, 'p/', after), wanted });
      }
      const step = steps[done];
      if (step !== undefined) await store.write({ key: step[0], value: step[1] });
    }
    const sentinel = await store.write({ key: 'p/sentinel', value: '' });
    for (const { collector, wanted } of collectors) {
      const events = await collector.until(wanted.length + 1);
      assert.deepEqual(events.slice(0, -1), wanted);
      assert.equal(events.at(-1)?.revision, sentinel);
      collector.stop();
    }
  });

  test('a write that changes nothing is no event', async (store) => {
    const { until, stop } = collect(store, '', store.revision());
    const created = await store.write({ key: 'a', value: '1' });
    await store.write({ key: 'absent', value: undefined });
    await assert.rejects(store.write({ key: 'a', value: '2', expect: 0 }));
    const sentinel = await store.write({ key: 'z', value: '' });
    assert.deepEqual(
      (await until(2)).map(({ revision }) => revision),
      [created, sentinel],
    );
    stop();
  });

  test('ends with its signal, also from within its own listener', async (store) => {
    const stopped = collect(store, '', store.revision());
    const stoppingItself = new AbortController();
    const own: StoreEvent[] = [];
    store.watch({ prefix: '', after: store.revision(), signal: stoppingItself.signal }, (events) => {
      own.push(...events);
      stoppingItself.abort();
    });
    const never = new AbortController();
    never.abort();
    store.watch({ prefix: '', after: store.revision(), signal: never.signal }, () => assert.fail('was never wanted'));
    const witness = collect(store, '', store.revision());
    await put(store, 'a');
    await stopped.until(1);
    await witness.until(1);
    stopped.stop();
    await put(store, 'b', 'c');
    await witness.until(3);
    assert.deepEqual([stopped.events.length, own.length], [1, 1]);
    witness.stop();
  });

  test('a watch that another listener ends gets no more events', async (store) => {
    const controller = new AbortController();
    let afterAbort = 0;
    const options = { prefix: '', after: store.revision() };
    const both = [0, 1].map((): (() => void) => () => {
      if (controller.signal.aborted) afterAbort += 1;
      controller.abort();
    });
    for (const listener of both) store.watch({ ...options, signal: controller.signal }, listener);
    const witness = collect(store, '', store.revision());
    await put(store, 'a', 'b');
    await witness.until(2);
    assert.equal(afterAbort, 0);
    witness.stop();
  });

  test('a listener may write and watch; every watcher still sees one order', async (store) => {
    const base = store.revision();
    const controller = new AbortController();
    const nested: StoreEvent[] = [];
    store.watch({ prefix: '', after: base, signal: controller.signal }, (events) => {
      for (const event of events) {
        if (event.revision > base + 3) continue;
        void store.write({ key: `echo/${event.revision}`, value: '' });
        if (event.revision === base + 1) {
          store.watch({ prefix: '', after: base, signal: controller.signal }, (batch) => nested.push(...batch));
        }
      }
    });
    const second = collect(store, '', base);
    await store.write({ key: 'a', value: '' });
    const expected = [1, 2, 3, 4].map((step) => base + step);
    assert.deepEqual(
      (await second.until(4)).map(({ revision }) => revision),
      expected,
    );
    const late = collect(store, '', base);
    await late.until(4);
    assert.deepEqual(
      nested.map(({ revision }) => revision),
      expected,
    );
    controller.abort();
    second.stop();
    late.stop();
  });

  test('a watch after a revision that is not there yet never delivers earlier ones', async (store) => {
    const base = store.revision();
    let ahead: Collector;
    try {
      ahead = collect(store, '', base + 2);
    } catch (error) {
      storeError('future-revision')(error);
      return;
    }
    await put(store, 'a', 'b', 'c');
    assert.deepEqual(
      (await ahead.until(1)).map(({ revision }) => revision),
      [base + 3],
    );
    ahead.stop();
  });

  test('many events arrive complete', async (store) => {
    const base = store.revision();
    const count = 500;
    const { until, stop } = collect(store, 'k/', base);
    await Promise.all(
      Array.from({ length: count }, (_, index) => store.write({ key: `k/${index % 50}`, value: `${index}` })),
    );
    const events = await until(count);
    assert.deepEqual(
      events.map(({ revision }) => revision),
      Array.from({ length: count }, (_, index) => base + index + 1),
    );
    stop();
  });
}

function testCompaction(test: Test): void {
  test('older revisions are gone, the state as of the compaction is not', async (store) => {
    const base = store.revision();
    const changes: Change[] = [];
    const steps: [string, string | undefined][] = [
      ['old', 'kept as it is'],
      ['a', '1'],
      ['dead', '1'],
      ['a', '2'],
      ['dead', undefined],
      ['dies-later', '1'],
      ['b', '1'],
      ['a', '3'],
      ['dies-later', undefined],
      ['dead', 'reborn'],
    ];
    for (const [index, [key, value]] of steps.entries()) {
      await store.write({ key, value });
      changes.push({ key, value, revision: base + index + 1 });
    }
    const compacted = base + 7;
    await store.compact(compacted);
    assert.equal(store.compactRevision(), compacted);
    assert.equal(store.revision(), base + steps.length);
    for (let revision = compacted; revision <= store.revision(); revision += 1) {
      const { entries } = await store.list({ prefix: '', revision });
      assert.deepEqual(entries, stateAfter(changes.slice(0, revision - base)), `at ${revision - base}`);
    }
    await assert.rejects(store.list({ prefix: '', revision: compacted - 1 }), storeError('compacted'));
    const signal = AbortSignal.abort();
    assert.throws(
      () => store.watch({ prefix: '', after: compacted - 1, signal }, () => undefined),
      storeError('compacted'),
    );
    const { until, stop } = collect(store, '', compacted);
    assert.deepEqual(
      await until(3),
      eventsOf(changes).filter((event) => event.revision > compacted),
    );
    stop();
  });

  test('to an older revision or the same it does nothing, to a future one it is an error', async (store) => {
    const revision = await put(store, 'a', 'b', 'c');
    await store.compact(revision - 1);
    await store.compact(revision - 1);
    await store.compact(revision - 2);
    assert.equal(store.compactRevision(), revision - 1);
    await assert.rejects(store.compact(revision + 1), storeError('future-revision'));
    assert.equal(store.compactRevision(), revision - 1);
  });

  test('two compactions at once, to the same revision, disturb neither each other nor writers', async (store) => {
    const revision = await put(store, 'a', 'b', 'c');
    const results = await Promise.all([
      store.write({ key: 'd', value: '' }),
      store.compact(revision),
      store.compact(revision),
      store.write({ key: 'e', value: '' }),
    ]);
    assert.deepEqual([results[0], results[3]], [revision + 1, revision + 2]);
    assert.equal(store.compactRevision(), revision);
  });

  test('a deleted key leaves nothing behind, and can be created again', async (store) => {
    await put(store, 'a', 'b');
    await store.write({ key: 'a', value: undefined });
    await store.compact(store.revision());
    assert.deepEqual(await keysOf(store, ''), ['b']);
    assert.equal(await store.get('a'), undefined);
    const revision = await store.write({ key: 'a', value: 'new', expect: 0 });
    assert.equal((await store.get('a'))?.createRevision, revision);
  });

  test('runs beside writers', async (store) => {
    const base = store.revision();
    const changes: Change[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let turn = 0; turn < 40; turn += 1) {
          const key = `w${writer}/${turn % 5}`;
          const value = turn % 7 === 6 ? undefined : `${turn}`.padEnd(50, '.');
          changes.push({ key, value, revision: await store.write({ key, value }) });
          if (writer === 0 && turn % 10 === 9) await store.compact(store.revision() - 20);
        }
      }),
    );
    changes.sort((a, b) => a.revision - b.revision);
    assert.equal(store.revision(), base + changes.length);
    for (const revision of [store.compactRevision(), store.revision()]) {
      const { entries } = await store.list({ prefix: '', revision });
      assert.deepEqual(entries, stateAfter(changes.slice(0, revision - base)));
    }
  });
}

function testConcurrency(test: Test): void {
  test('of many writes that expect the same revision one wins', async (store) => {
    let expect = 0;
    for (let round = 0; round < 10; round += 1) {
      const writes = Array.from({ length: 16 }, (_, writer) =>
        store.write({ key: 'k', value: `${round}/${writer}`, expect }),
      );
      const results = await Promise.allSettled(writes);
      const won = results.flatMap((result, writer) =>
        result.status === 'fulfilled' ? [{ writer, revision: result.value }] : [],
      );
      assert.equal(won.length, 1);
      const revision = won[0]?.revision ?? 0;
      for (const result of results) {
        if (result.status === 'rejected') storeError('compare-failed', revision)(result.reason);
      }
      const entry = await store.get('k');
      assert.deepEqual([entry?.modRevision, entry?.value], [revision, `${round}/${won[0]?.writer}`]);
      assert.equal(store.revision(), revision);
      expect = revision;
    }
  });

  test('whoever is told that the compare failed finds the winner when it reads', async (store) => {
    const base = await store.write({ key: 'k', value: 'first' });
    const winner = store.write({ key: 'k', value: 'second', expect: base });
    await assert.rejects(
      store.write({ key: 'k', value: 'third', expect: base }),
      storeError('compare-failed', base + 1),
    );
    // Otherwise a loop of read, change and compare spins without ever letting the winner's write finish.
    assert.equal((await store.get('k'))?.modRevision, base + 1);
    await winner;
  });

  test('a delete that resolves has happened, even when another one was first', async (store) => {
    await store.write({ key: 'k', value: 'v' });
    const first = store.write({ key: 'k', value: undefined });
    const second = await store.write({ key: 'k', value: undefined });
    assert.equal(await store.get('k'), undefined);
    assert.equal(second, await first);
  });

  test('no increment is lost', async (store) => {
    const workers = 8;
    const turns = 20;
    await Promise.all(
      Array.from({ length: workers }, async () => {
        let done = 0;
        for (let attempt = 0; attempt < 20_000 && done < turns; attempt += 1) {
          const entry = await store.get('counter');
          const value = String(Number(entry?.value ?? '0') + 1);
          await store.write({ key: 'counter', value, expect: entry?.modRevision ?? 0 }).then(() => {
            done += 1;
          }, storeError('compare-failed'));
          await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal(done, turns);
      }),
    );
    assert.equal((await store.get('counter'))?.value, String(workers * turns));
  });

  test('writers of different keys share no revision', async (store) => {
    const base = store.revision();
    const writes = Array.from({ length: 300 }, (_, index) => store.write({ key: `k${index}`, value: '', expect: 0 }));
    const revisions = (await Promise.all(writes)).sort((a, b) => a - b);
    assert.deepEqual(
      revisions,
      Array.from({ length: 300 }, (_, index) => base + index + 1),
    );
    assert.equal(store.revision(), base + 300);
  });
}

function testReopen(test: Test): void {
  test('a closed store refuses to write and to compact', async (store) => {
    await put(store, 'a', 'b');
    await store.close();
    await assert.rejects(store.write({ key: 'c', value: '' }), storeError('closed'));
    await assert.rejects(store.compact(store.revision()), storeError('closed'));
  });

  test('close waits for the writes before it', async (store) => {
    const base = store.revision();
    const writes = Array.from({ length: 50 }, (_, index) => store.write({ key: `k${index}`, value: '' }));
    const closed = store.close();
    assert.equal((await Promise.all(writes)).length, 50);
    await closed;
    assert.equal(store.revision(), base + 50);
  });

  test('a reopened store has the same entries, revisions and history', async (first, { reopen }) => {
    if (reopen === undefined) return;
    let store = first;
    const base = store.revision();
    const changes: Change[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (let turn = 0; turn < 12; turn += 1) {
        const key = `k${(turn * 5 + round) % 9}`;
        if (turn % 4 === 3 && (await store.get(key)) === undefined) continue;
        const value = turn % 4 === 3 ? undefined : `${round}/${turn}`;
        changes.push({ key, value, revision: await store.write({ key, value }) });
      }
      if (round % 2 === 1) await store.compact(store.revision() - 8);
      const compacted = store.compactRevision();
      store = await reopen();
      assert.deepEqual([store.revision(), store.compactRevision()], [base + changes.length, compacted]);
      for (let revision = compacted; revision <= store.revision(); revision += 1) {
        const { entries } = await store.list({ prefix: '', revision });
        assert.deepEqual(entries, stateAfter(changes.slice(0, revision - base)));
      }
      const history = eventsOf(changes).filter((event) => event.revision > compacted);
      const { until, stop } = collect(store, '', compacted);
      assert.deepEqual(await until(history.length), history);
      stop();
      await assert.rejects(store.list({ prefix: '', revision: compacted - 1 }), storeError('compacted'));
    }
  });

  test('what was deleted stays deleted after compactions and reopens', async (first, { reopen }) => {
    if (reopen === undefined) return;
    let store = first;
    const filler = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn += 1)
        await store.write({ key: `filler/${turn % 3}`, value: `${turn}`.padEnd(60, '.') });
    };
    await put(store, 'victim');
    await filler(30);
    const readable = store.revision();
    await store.write({ key: 'victim', value: undefined });
    await filler(30);
    // The value is still readable at this revision, so that it outlives the first compaction ...
    await store.compact(readable);
    for (let round = 0; round < 8; round += 1) {
      await filler(15);
      // ... and the deletion is what the later ones may forget, but never before the value.
      await store.compact(store.revision() - round);
      store = await reopen();
      assert.equal(await store.get('victim'), undefined, `round ${round}`);
      assert.deepEqual(await keysOf(store, ''), ['filler/0', 'filler/1', 'filler/2']);
    }
  });
}

type Operation =
  | { kind: 'write'; key: string; value: string | undefined; compare: 'none' | 'right' | 'wrong' }
  | { kind: 'burst'; writes: { key: string; value: string | undefined }[] }
  | { kind: 'list'; prefix: string; limit: number | undefined; after: string; back: number }
  | { kind: 'watch'; back: number }
  | { kind: 'compact'; back: number }
  | { kind: 'reopen' };

const key = fc.constantFrom('a', 'a/b', 'a/c', 'ab', 'b', 'b/a', 'c');
const value = fc.option(fc.string({ maxLength: 60 }), { nil: undefined, freq: 3 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      key,
      value,
      compare: fc.constantFrom('none', 'right', 'right', 'wrong'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('burst'), writes: fc.array(fc.record({ key, value }), { maxLength: 8 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('list'),
      prefix: fc.constantFrom('', 'a', 'a/', 'b/'),
      limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      after: fc.constantFrom('', 'a', 'a/bb', 'b'),
      back: fc.nat(30),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('watch'), back: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact'), back: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reopen') }) },
);

async function testModel(open: () => Promise<OpenedStore>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 80, size: 'max' }), async (operations) => {
      const opened = await open();
      try {
        await new ModelRun(opened).run(operations);
      } finally {
        await opened.close();
      }
    }),
    { numRuns: 40, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: false },
  );
}

/** One sequence of operations, done to a store and to a list of changes. */
class ModelRun {
  #opened: OpenedStore;
  #store: Store;
  #base: number;
  #compacted: number;
  #changes: Change[] = [];
  #watching: { collector: Collector; after: number }[] = [];

  constructor(opened: OpenedStore) {
    this.#opened = opened;
    this.#store = opened.store;
    this.#base = opened.store.revision();
    this.#compacted = this.#base;
  }

  async run(operations: Operation[]): Promise<void> {
    for (const step of operations) {
      await this.#step(step);
      assert.equal(this.#store.revision(), this.#base + this.#changes.length);
      assert.deepEqual((await this.#store.list({ prefix: '' })).entries, this.#at(this.#store.revision()));
    }
    await this.#settleWatches();
  }

  #at(revision: number): Entry[] {
    return stateAfter(this.#changes.slice(0, revision - this.#base));
  }

  #step(step: Operation): Promise<void> {
    switch (step.kind) {
      case 'write':
        return this.#write(step);
      case 'burst':
        return this.#burst(step.writes);
      case 'list':
        return this.#list(step);
      case 'watch':
        return this.#watch(step.back);
      case 'compact':
        return this.#compact(step.back);
      case 'reopen':
        return this.#reopen();
    }
  }

  async #write({ key, value, compare }: Operation & { kind: 'write' }): Promise<void> {
    const entry = this.#at(this.#store.revision()).find((candidate) => candidate.key === key);
    assert.deepEqual(await this.#store.get(key), entry);
    const current = entry?.modRevision ?? 0;
    if (compare === 'wrong') {
      await assert.rejects(
        this.#store.write({ key, value, expect: current + 1 }),
        storeError('compare-failed', current),
      );
      return;
    }
    const revision = await this.#store.write({ key, value, ...(compare === 'right' ? { expect: current } : {}) });
    if (value !== undefined || entry !== undefined)
      this.#changes.push({ key, value, revision: this.#store.revision() });
    assert.equal(revision, this.#store.revision());
  }

  async #burst(writes: { key: string; value: string | undefined }[]): Promise<void> {
    const before = this.#store.revision();
    const acknowledged = await Promise.all(
      writes.map(async (write) => ({ ...write, revision: await this.#store.write(write) })),
    );
    const { until, stop } = collect(this.#store, '', before);
    const changes = (await until(this.#store.revision() - before)).map(toChange);
    stop();
    // Which of them came first is the store's affair; a delete of what is not there changes nothing.
    for (const change of changes) assert.ok(acknowledged.some((write) => isDeepStrictEqual(write, change)));
    for (const write of acknowledged.filter(({ value }) => value !== undefined)) {
      assert.equal(changes.filter((change) => isDeepStrictEqual(write, change)).length, 1);
    }
    this.#changes.push(...changes);
  }

  async #list({ prefix, limit, after, back }: Operation & { kind: 'list' }): Promise<void> {
    const revision = this.#store.revision() - back;
    const options = { prefix, after, revision, ...(limit === undefined ? {} : { limit }) };
    if (revision < this.#compacted) {
      if (revision >= 0) await assert.rejects(this.#store.list(options), storeError('compacted'));
      return;
    }
    const all = this.#at(revision).filter((entry) => entry.key.startsWith(prefix) && entry.key > after);
    const entries = all.slice(0, limit);
    assert.deepEqual(await this.#store.list(options), { entries, revision, remaining: all.length - entries.length });
  }

  async #watch(back: number): Promise<void> {
    const after = Math.max(this.#compacted, this.#store.revision() - back);
    this.#watching.push({ collector: collect(this.#store, '', after), after });
  }

  async #settleWatches(): Promise<void> {
    const all = eventsOf(this.#changes);
    for (const { collector, after } of this.#watching.splice(0)) {
      const expected = all.filter((event) => event.revision > after);
      assert.deepEqual(await collector.until(expected.length), expected);
      collector.stop();
    }
  }

  async #compact(back: number): Promise<void> {
    const revision = this.#store.revision() - back;
    if (revision <= this.#compacted) return;
    await this.#store.compact(revision);
    this.#compacted = revision;
    assert.equal(this.#store.compactRevision(), revision);
    await this.#checkHistory();
  }

  async #reopen(): Promise<void> {
    if (this.#opened.reopen === undefined) return;
    await this.#settleWatches();
    this.#store = await this.#opened.reopen();
    assert.equal(this.#store.compactRevision(), Math.max(this.#compacted, this.#store.compactRevision()));
    await this.#checkHistory();
  }

  async #checkHistory(): Promise<void> {
    for (let revision = this.#compacted; revision <= this.#store.revision(); revision += 1) {
      const { entries } = await this.#store.list({ prefix: '', revision });
      assert.deepEqual(entries, this.#at(revision), `at revision ${revision}`);
    }
    await this.#watch(Number.POSITIVE_INFINITY);
    await this.#settleWatches();
  }
}
