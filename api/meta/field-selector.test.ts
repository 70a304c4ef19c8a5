// Field selectors, after
// https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
// and the parser in apimachinery (pkg/fields).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FieldSelectorError, matchesFields, parseFieldSelector } from './field-selector.ts';

type Fields = Record<string, string>;

const cases: [selector: string, yes: Fields[], no: Fields[]][] = [
  ['', [{}, { a: 'b' }], []],
  ['metadata.name=my-service', [{ 'metadata.name': 'my-service' }], [{}, { 'metadata.name': 'x' }]],
  ['metadata.name==my-service', [{ 'metadata.name': 'my-service' }], [{ 'metadata.name': 'x' }]],
  ['metadata.namespace!=default', [{}, { 'metadata.namespace': 'x' }], [{ 'metadata.namespace': 'default' }]],
  [
    'status.phase!=Running,spec.restartPolicy=Always',
    [{ 'status.phase': 'Failed', 'spec.restartPolicy': 'Always' }],
    [{ 'status.phase': 'Running', 'spec.restartPolicy': 'Always' }, { 'spec.restartPolicy': 'Never' }],
  ],
  ['spec.nodeName=', [{}, { 'spec.nodeName': '' }], [{ 'spec.nodeName': 'a' }]],
  ['spec.nodeName!=', [{ 'spec.nodeName': 'a' }], [{}, { 'spec.nodeName': '' }]],
  ['a=b\\,c', [{ a: 'b,c' }], [{ a: 'b' }]],
  ['a=b\\=c,d=e', [{ a: 'b=c', d: 'e' }], [{ a: 'b', d: 'e' }]],
  ['a=b\\\\', [{ a: 'b\\' }], [{ a: 'b' }]],
  ['a=b,', [{ a: 'b' }], [{}]],
];

describe('field selectors', () => {
  for (const [selector, yes, no] of cases) {
    it(`"${selector}" selects what it should`, () => {
      const terms = parseFieldSelector(selector);
      for (const fields of yes) assert.equal(matchesFields(terms, fields), true, JSON.stringify(fields));
      for (const fields of no) assert.equal(matchesFields(terms, fields), false, JSON.stringify(fields));
    });
  }

  for (const selector of ['metadata.name', 'a=b,c', 'a<b', 'a=b=c', 'a=b\\', 'a=b\\c', '!a']) {
    it(`"${selector}" is refused`, () => assert.throws(() => parseFieldSelector(selector), FieldSelectorError));
  }

  it('names the term that it can not understand', () => {
    assert.throws(() => parseFieldSelector('a=b,oops'), /oops/);
  });
});
