// The store's contract as a property: any sequence of operations gives what a
// plain model gives.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Entry, Store } from '../../../hub/store/store.ts';
import {
  type Change,
  type Collector,
  collect,
  eventsOf,
  type OpenedStore,
  stateAfter,
  storeError,
  toChange,
} from './support.ts';

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

export async function testModel(open: () => Promise<OpenedStore>): Promise<void> {
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
