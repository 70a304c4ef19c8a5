// The sorted set behind every list: order, prefixes and pages, also across
// the borders of its chunks, against a plain sorted array.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { SortedKeys } from './sorted-keys.ts';

function filled(keys: Iterable<string>): SortedKeys {
  const sorted = new SortedKeys();
  for (const key of keys) sorted.add(key);
  return sorted;
}

it('takes a range by prefix and by the key before it', () => {
  const sorted = filled(['b/2', 'a', 'b/1', 'c', 'b', 'b/10', 'b0', 'b/1']);
  const cases: [prefix: string, after: string | undefined, keys: string[]][] = [
    ['', undefined, ['a', 'b', 'b/1', 'b/10', 'b/2', 'b0', 'c']],
    ['b/', undefined, ['b/1', 'b/10', 'b/2']],
    ['b/', 'b/1', ['b/10', 'b/2']],
    ['b/', 'b/11', ['b/2']],
    ['b/', 'a', ['b/1', 'b/10', 'b/2']],
    ['b/', 'b/2', []],
    ['b/', 'c', []],
    ['d', undefined, []],
    ['b/10x', undefined, []],
  ];
  for (const [prefix, after, keys] of cases)
    assert.deepEqual([...sorted.range(prefix, after)], keys, `${prefix} ${after}`);
});

it('is empty at first, and again when all is removed', () => {
  const sorted = new SortedKeys();
  assert.deepEqual([...sorted.range('')], []);
  sorted.remove('absent');
  sorted.add('a');
  sorted.remove('b');
  sorted.remove('a');
  assert.deepEqual([...sorted.range('')], []);
  sorted.add('c');
  assert.deepEqual([...sorted.range('')], ['c']);
});

it('keeps order over thousands of keys, in whatever order they come and go', () => {
  const count = 5000;
  const name = (index: number): string => `k${String(index).padStart(5, '0')}`;
  // 1,237 and 5,000 have no common divisor: every index comes once, in a scattered order.
  const scattered = Array.from({ length: count }, (_, index) => name((index * 1237) % count));
  const ascending = [...scattered].sort();
  for (const order of [scattered, ascending, ascending.toReversed()]) {
    const sorted = filled(order);
    assert.deepEqual([...sorted.range('')], ascending);
    assert.deepEqual([...sorted.range('k012', 'k01250')], ascending.slice(1251, 1300));
    for (const key of order) if (Number(key.slice(1)) % 7 !== 0) sorted.remove(key);
    assert.deepEqual(
      [...sorted.range('')],
      ascending.filter((_, index) => index % 7 === 0),
    );
  }
});

it('agrees with a sorted array', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 6 });
  const step = fc.record({ add: fc.boolean(), key });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), key, key, (steps, prefix, after) => {
      const sorted = new SortedKeys();
      const model = new Set<string>();
      for (const { add, key } of steps) {
        if (key === '') continue;
        if (add) sorted.add(key);
        else sorted.remove(key);
        if (add) model.add(key);
        else model.delete(key);
      }
      const expected = [...model].sort().filter((key) => key.startsWith(prefix) && key > after);
      assert.deepEqual([...sorted.range(prefix, after)], expected);
    }),
  );
});
