// Duplicate fields of JSON text are found with their paths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duplicateFields } from './duplicate-fields.ts';

const cases: [string, string[]][] = [
  ['{}', []],
  ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', []],
  ['{"a":1,"a":2,"a":3}', ['a', 'a']],
  ['{"spec":{"list":[{"n":"x"},{"n":"y","n":"z"}],"on":true,"on":false}}', ['spec.list[1].n', 'spec.on']],
  ['{"a":"{\\"x\\":1,\\"x\\":2}","b":["k","k"],"\\u0061":1}', ['a']],
  ['["a",{"b" : 1 , "b":{"c":null,"c":[]}}]', ['[1].b', '[1].b.c']],
];

for (const [text, expected] of cases) test(text, () => assert.deepEqual(duplicateFields(text), expected));
