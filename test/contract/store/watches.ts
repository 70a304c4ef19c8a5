// The store's contract, watches: every change after a revision, once and in
// order, whatever listeners do.
import assert from 'node:assert/strict';
import type { StoreEvent } from '../../../hub/store/store.ts';
import { type Change, type Collector, collect, eventsOf, put, storeError, type Test } from './support.ts';

export function testWatches(test: Test): void {
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
