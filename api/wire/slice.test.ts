// Hashes and digests of slices: equal content gives equal digests, whatever the
// order, and any difference shows.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject } from '../meta/object.ts';
import { differenceOf, digestOf, hashObject } from './slice.ts';

const object = (data: object): KubeObject => ({ metadata: { name: 'a' }, data });

it('hashes content, not order', () => {
  assert.equal(hashObject(object({ a: 1, b: { c: 2, d: 3 } })), hashObject(object({ b: { d: 3, c: 2 }, a: 1 })));
  assert.match(hashObject(object({})), /^[-\w]{16}$/);
});

it('hashes differ with any content', () => {
  const contents = [
    {},
    { a: 1 },
    { a: '1' },
    { a: null },
    { a: [1, 2] },
    { a: [2, 1] },
    { a: { b: 1 } },
    { b: 1 },
    { a: '' },
  ];
  assert.equal(new Set(contents.map((content) => hashObject(object(content)))).size, contents.length);
});

it('digests do not depend on the order of keys', () => {
  assert.equal(digestOf({ 'pods/a/b': 'x', 'nodes/n': 'y' }), digestOf({ 'nodes/n': 'y', 'pods/a/b': 'x' }));
  assert.match(digestOf({}), /^[-\w]{22}$/);
});

it('digests differ with keys and hashes', () => {
  const manifests = [
    {},
    { a: 'x' },
    { a: 'y' },
    { b: 'x' },
    { a: 'x', b: 'x' },
    { a: 'x', b: 'y' },
    { a: 'y', b: 'x' },
  ];
  assert.equal(new Set(manifests.map(digestOf)).size, manifests.length);
});

const differences: [from: Record<string, string>, to: Record<string, string>, upserts: string[], deletes: string[]][] =
  [
    [{}, {}, [], []],
    [{}, { a: '1' }, ['a'], []],
    [{ a: '1' }, { a: '1' }, [], []],
    [{ a: '1' }, { a: '2' }, ['a'], []],
    [{ a: '1' }, {}, [], ['a']],
    [{ a: '1', b: '1', c: '1' }, { b: '2', c: '1', d: '1' }, ['b', 'd'], ['a']],
  ];
for (const [from, to, upserts, deletes] of differences) {
  it(`from ${JSON.stringify(from)} to ${JSON.stringify(to)}`, () =>
    assert.deepEqual(differenceOf(from, to), { upserts, deletes }));
}
