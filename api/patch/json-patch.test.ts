// JSON patch: the examples of RFC 6902, appendix A, as far as they patch
// objects, and what is refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../meta/object.ts';
import { applyJsonPatch } from './json-patch.ts';
import { PatchError } from './patch-error.ts';

describe('applies', () => {
  const cases: [title: string, target: JsonObject, patch: object[], result: JsonObject][] = [
    ['A.1 add a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
    [
      'A.2 add an element',
      { foo: ['bar', 'baz'] },
      [{ op: 'add', path: '/foo/1', value: 'qux' }],
      { foo: ['bar', 'qux', 'baz'] },
    ],
    ['A.3 remove a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [
      'A.4 remove an element',
      { foo: ['bar', 'qux', 'baz'] },
      [{ op: 'remove', path: '/foo/1' }],
      { foo: ['bar', 'baz'] },
    ],
    [
      'A.5 replace a value',
      { baz: 'qux', foo: 'bar' },
      [{ op: 'replace', path: '/baz', value: 'boo' }],
      { baz: 'boo', foo: 'bar' },
    ],
    [
      'A.6 move a value',
      { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
      [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
      { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
    ],
    [
      'A.7 move an element',
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [
      'A.8 test a value',
      { baz: 'qux', foo: ['a', 2, 'c'] },
      [
        { op: 'test', path: '/baz', value: 'qux' },
        { op: 'test', path: '/foo/1', value: 2 },
      ],
      { baz: 'qux', foo: ['a', 2, 'c'] },
    ],
    [
      'A.10 add a nested member',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [
      'A.11 unknown members are ignored',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
      { foo: 'bar', baz: 'qux' },
    ],
    ['A.14 escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [
      'A.16 append',
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
    ['copy', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    [
      'a label with a slash',
      { labels: { 'a/b': '1' } },
      [{ op: 'replace', path: '/labels/a~1b', value: '2' }],
      { labels: { 'a/b': '2' } },
    ],
    ['nothing', { a: 1 }, [], { a: 1 }],
  ];
  for (const [title, target, patch, result] of cases) {
    it(title, () => {
      const before = structuredClone(target);
      assert.deepEqual(applyJsonPatch(target, patch), result);
      assert.deepEqual(target, before);
    });
  }
});

describe('refuses', () => {
  const cases: [title: string, target: JsonObject, patch: unknown][] = [
    ['A.9 a test that fails', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }]],
    ['A.12 a target that is not there', { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }]],
    ['A.15 a string is no number', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }]],
    ['a test of what has no text', { a: 1 }, [{ op: 'test', path: '/a', value: { toString: null } }]],
    ['removing what is not there', {}, [{ op: 'remove', path: '/a' }]],
    ['replacing what is not there', {}, [{ op: 'replace', path: '/a', value: 1 }]],
    ['moving what is not there', {}, [{ op: 'move', from: '/a', path: '/b' }]],
    ['an index behind the end', { a: [1] }, [{ op: 'add', path: '/a/3', value: 1 }]],
    ['no array', {}, { op: 'add', path: '/a', value: 1 }],
    ['no operation', {}, [null]],
    ['an unknown operation', {}, [{ op: 'spam', path: '/a' }]],
    ['no path', {}, [{ op: 'add', value: 1 }]],
    ['a path that does not begin with a slash', { a: 1 }, [{ op: 'test', path: 'a', value: 1 }]],
    ['a source that does not begin with a slash', { a: 1 }, [{ op: 'copy', from: 'a', path: '/b' }]],
    ['too many operations', {}, Array.from({ length: 10_001 }, () => ({ op: 'add', path: '/a', value: 1 }))],
  ];
  for (const [title, target, patch] of cases) {
    it(title, () => {
      const before = structuredClone(target);
      assert.throws(() => applyJsonPatch(target, patch), PatchError);
      assert.deepEqual(target, before);
    });
  }

  it('all, when the last operation fails', () => {
    const target = { a: 1 };
    const patch = [
      { op: 'replace', path: '/a', value: 2 },
      { op: 'remove', path: '/b' },
    ];
    assert.throws(() => applyJsonPatch(target, patch), /operation 1 /);
    assert.deepEqual(target, { a: 1 });
  });

  it('to take the prototype of all objects for a part of one', () => {
    for (const from of ['/__proto__', '/constructor', '/constructor/prototype', '/a/__proto__', '/list/__proto__']) {
      for (const op of ['move', 'copy']) {
        const patch = [
          { op, from, path: '/b' },
          { op: 'add', path: '/b/polluted', value: true },
        ];
        assert.throws(() => applyJsonPatch({ a: {}, list: [] }, patch), PatchError, `${op} ${from}`);
        assert.equal(({} as { polluted?: boolean }).polluted, undefined);
      }
    }
    for (const op of ['remove', 'replace', 'test'])
      assert.throws(() => applyJsonPatch({}, [{ op, path: '/toString', value: 1 }]), PatchError, op);
    assert.throws(() => applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { a: 1 } }]), PatchError);
  });

  it('nothing that is written there, whatever it is called', () => {
    const labels = { constructor: 'a', toString: 'b' };
    assert.deepEqual(applyJsonPatch({ labels }, [{ op: 'move', from: '/labels/toString', path: '/labels/x' }]), {
      labels: { constructor: 'a', x: 'b' },
    });
    // The library would take this for the labels themselves.
    const patch = [{ op: 'move', from: '/labels/constructor', path: '/labels/x' }];
    assert.throws(() => applyJsonPatch({ labels }, patch), PatchError);
  });

  it('to change the prototype of anything', () => {
    for (const path of ['/__proto__/polluted', '/constructor/prototype/polluted']) {
      try {
        applyJsonPatch({}, [{ op: 'add', path, value: true }]);
      } catch (error) {
        assert.ok(error instanceof PatchError);
      }
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    }
  });
});
