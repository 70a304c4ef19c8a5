// The store's contract, compaction and reopening: what is forgotten, what must
// stay, and that both look the same after a close.
import assert from 'node:assert/strict';
import { type Change, collect, eventsOf, keysOf, put, stateAfter, storeError, type Test } from './support.ts';

export function testCompaction(test: Test): void {
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

export function testReopen(test: Test): void {
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
