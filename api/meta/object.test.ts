// Copies of JSON values.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cloneJson } from './object.ts';

it('copies what there is, to the last part, and shares nothing', () => {
  const value = { a: [1, { b: null }, 'x'], c: { d: true }, e: undefined };
  const copy = cloneJson(value);
  assert.deepEqual(copy, value);
  assert.notEqual(copy.a, value.a);
  assert.notEqual(copy.a[1], value.a[1]);
  assert.notEqual(copy.c, value.c);
});

it('copies a key that would be the prototype as the key that it is', () => {
  const copy = cloneJson(JSON.parse('{"__proto__": {"polluted": true}}') as object);
  assert.deepEqual(Object.keys(copy), ['__proto__']);
  assert.equal((copy as { polluted?: boolean }).polluted, undefined);
});
