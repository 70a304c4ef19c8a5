// The store's contract, reads: lists with prefix, limit and pages, reads of the
// past, and snapshots.
import assert from 'node:assert/strict';
import type { Entry } from '../../../hub/store/store.ts';
import { type Change, keysOf, put, stateAfter, storeError, type Test } from './support.ts';

export function testLists(test: Test): void {
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
