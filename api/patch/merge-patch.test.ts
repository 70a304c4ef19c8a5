// JSON merge patch: the table of RFC 7386, appendix A, and that nothing but the
// result is touched.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { applyMergePatch } from './merge-patch.ts';

const table: [original: unknown, patch: unknown, result: unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];
for (const [original, patch, result] of table) {
  it(`${JSON.stringify(original)} and ${JSON.stringify(patch)}`, () => {
    const [target, asked] = [structuredClone(original), structuredClone(patch)];
    assert.deepEqual(applyMergePatch(target, asked), result);
    assert.deepEqual([target, asked], [original, patch]);
  });
}

it('treats __proto__ as a name like any other', () => {
  const result = applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}')) as object;
  assert.deepEqual(Object.keys(result), ['__proto__']);
  assert.equal(Object.getPrototypeOf(result), Object.prototype);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});
