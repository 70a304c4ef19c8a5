// Label selectors as kubectl writes them and as specs carry them, after
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
// and the parser in apimachinery (pkg/labels).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatSelector,
  type LabelSelector,
  labelValueError,
  matchesRequirements,
  matchesSelector,
  parseLabelSelector,
  qualifiedNameError,
  SelectorError,
  validateSelector,
} from './labels.ts';

type Labels = Record<string, string>;

describe('label selector text', () => {
  const matching: [selector: string, yes: Labels[], no: Labels[]][] = [
    ['', [{}, { a: 'b' }], []],
    ['environment=production', [{ environment: 'production' }], [{}, { environment: 'qa' }]],
    ['environment==production', [{ environment: 'production' }], [{}, { environment: 'qa' }]],
    // Not-equal also selects what has no such label.
    ['tier!=frontend', [{}, { tier: 'backend' }], [{ tier: 'frontend' }]],
    [
      'environment in (production, qa)',
      [{ environment: 'qa' }, { environment: 'production' }],
      [{}, { environment: 'dev' }],
    ],
    ['tier notin (frontend,backend)', [{}, { tier: 'x' }], [{ tier: 'frontend' }, { tier: 'backend' }]],
    ['partition', [{ partition: '' }, { partition: 'a' }], [{}]],
    ['!partition', [{}, { other: '' }], [{ partition: '' }]],
    ['! partition', [{}], [{ partition: 'x' }]],
    ['a=', [{ a: '' }], [{}, { a: 'b' }]],
    ['a in ()', [{ a: '' }], [{}, { a: 'b' }]],
    [' a = b , c ', [{ a: 'b', c: '' }], [{ a: 'b' }, { c: '' }]],
    ['a  in  (b)', [{ a: 'b' }], [{ a: 'c' }]],
    ['a in(b)', [{ a: 'b' }], [{ a: 'c' }]],
    [
      'partition,environment notin (qa),tier!=x',
      [{ partition: '1' }],
      [
        { partition: '1', environment: 'qa' },
        { partition: '1', tier: 'x' },
      ],
    ],
    ['app.kubernetes.io/name=web', [{ 'app.kubernetes.io/name': 'web' }], [{ name: 'web' }]],
    ['inside=notin', [{ inside: 'notin' }], [{ inside: 'in' }]],
    ['x>1,x<10', [{ x: '2' }, { x: '9' }], [{}, { x: '1' }, { x: '10' }, { x: '11' }]],
    // Gt and Lt take integers; a label that is none is not selected.
    ['x>0', [{ x: '1' }], [{ x: '1.5' }, { x: '0x10' }, { x: '1e3' }, { x: 'abc' }]],
    ['x<5', [{ x: '0' }, { x: '4' }], [{ x: '' }, { x: '5' }]],
  ];
  for (const [selector, yes, no] of matching) {
    it(`"${selector}" selects what it should`, () => {
      const requirements = parseLabelSelector(selector);
      for (const labels of yes) assert.equal(matchesRequirements(requirements, labels), true, JSON.stringify(labels));
      for (const labels of no) assert.equal(matchesRequirements(requirements, labels), false, JSON.stringify(labels));
    });
  }

  const wrong = [
    'a,',
    ',a',
    'a,,b',
    '=b',
    'a=b=c',
    'a b',
    'a=b c',
    'a in b',
    'a in (b',
    'a in',
    'a in (b,(c))',
    'a=(b)',
    '!',
    '!a=b',
    'a!b',
    'a==!b',
    '-a=b',
    'a-=b',
    'A_/b=c',
    'a/b/c=d',
    '/a',
    'a/',
    'a=-b',
    'a=b-',
    'a in (b,-c)',
    'a=b/c',
    `a=${'x'.repeat(64)}`,
    `${'x'.repeat(64)}=a`,
    'x>a',
    'x>',
    'x<1.5',
    '()',
    'a)',
  ];
  for (const selector of wrong) {
    it(`"${selector}" is refused`, () => assert.throws(() => parseLabelSelector(selector), SelectorError));
  }

  it('white space alone selects everything', () => assert.deepEqual(parseLabelSelector('  '), []));

  it('knows a label only when it is there, whatever it is called', () => {
    for (const key of ['constructor', 'toString', 'valueOf']) {
      assert.equal(matchesRequirements(parseLabelSelector(key), {}), false, key);
      assert.equal(matchesRequirements(parseLabelSelector(`!${key}`), {}), true, key);
    }
  });

  it('works on objects without labels', () => {
    assert.equal(matchesRequirements(parseLabelSelector('a'), undefined), false);
    assert.equal(matchesRequirements(parseLabelSelector('!a'), undefined), true);
  });
});

describe('label selector objects', () => {
  const selector: LabelSelector = {
    matchLabels: { component: 'redis' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['cache', 'db'] },
      { key: 'environment', operator: 'NotIn', values: ['dev'] },
      { key: 'managed', operator: 'Exists' },
      { key: 'old', operator: 'DoesNotExist' },
    ],
  };
  const good = { component: 'redis', tier: 'db', managed: '' };

  it('all of matchLabels and matchExpressions must hold', () => {
    assert.equal(matchesSelector(selector, good), true);
    for (const change of [{ component: 'x' }, { tier: 'x' }, { environment: 'dev' }, { old: '' }]) {
      assert.equal(matchesSelector(selector, { ...good, ...change }), false, JSON.stringify(change));
    }
    assert.equal(matchesSelector(selector, { component: 'redis', tier: 'db' }), false);
  });

  it('an empty selector selects everything, none selects nothing', () => {
    assert.equal(matchesSelector({}, {}), true);
    assert.equal(matchesSelector({}, undefined), true);
    assert.equal(matchesSelector(undefined, { a: 'b' }), false);
  });

  it('have a text form, sorted by key, that selects the same', () => {
    assert.equal(formatSelector({ matchLabels: { b: '1', a: '2' } }), 'a=2,b=1');
    assert.equal(
      formatSelector({ matchExpressions: [{ key: 'a', operator: 'In', values: ['y', 'x'] }] }),
      'a in (x,y)',
    );
    assert.equal(formatSelector({ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }] }), 'a notin (x)');
    assert.equal(formatSelector({}), '');
    const parsed = parseLabelSelector(formatSelector(selector));
    assert.equal(matchesRequirements(parsed, good), true);
    for (const change of [{ component: 'x' }, { tier: 'x' }, { environment: 'dev' }, { old: '' }]) {
      assert.equal(matchesRequirements(parsed, { ...good, ...change }), false, JSON.stringify(change));
    }
  });

  it('are validated, with the path of what is wrong', () => {
    assert.deepEqual(validateSelector(selector, 'spec.selector'), []);
    const cases: [selector: LabelSelector, field: string][] = [
      [{ matchLabels: { '-': 'a' } }, 's.matchLabels'],
      [{ matchLabels: { a: '-' } }, 's.matchLabels'],
      [{ matchExpressions: [{ key: 'a', operator: 'Is' }] }, 's.matchExpressions[0].operator'],
      [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }, 's.matchExpressions[0].operator'],
      [{ matchExpressions: [{ key: 'a', operator: 'In' }] }, 's.matchExpressions[0].values'],
      [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: [] }] }, 's.matchExpressions[0].values'],
      [{ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] }, 's.matchExpressions[0].values'],
      [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist', values: ['b'] }] }, 's.matchExpressions[0].values'],
      [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b', '-'] }] }, 's.matchExpressions[0].values[1]'],
      [
        {
          matchExpressions: [
            { key: 'a', operator: 'Exists' },
            { key: '', operator: 'Exists' },
          ],
        },
        's.matchExpressions[1].key',
      ],
    ];
    for (const [wrong, field] of cases) {
      assert.deepEqual(
        validateSelector(wrong, 's').map((error) => error.field),
        [field],
        JSON.stringify(wrong),
      );
    }
  });
});

describe('label keys and values', () => {
  it('keys are qualified names', () => {
    const good = ['a', 'A', '1', 'a.b_c-d', 'example.com/a', 'a-b.c/MyName', 'x'.repeat(63), `${'a.'.repeat(126)}a/b`];
    const wrong = [
      '',
      '/',
      'a/',
      '/a',
      'a/b/c',
      '-a',
      'a-',
      '.a',
      'a b',
      'ä',
      'Example.com/a',
      'a_b/c',
      'x'.repeat(64),
      `${'a'.repeat(254)}/b`,
    ];
    for (const key of good) assert.equal(qualifiedNameError(key), undefined, key);
    for (const key of wrong) assert.equal(typeof qualifiedNameError(key), 'string', key);
  });

  it('values are empty or 63 characters that start and end alphanumerically', () => {
    for (const value of ['', 'a', 'A', '1.5', 'a_b-c.d', 'x'.repeat(63)])
      assert.equal(labelValueError(value), undefined, value);
    for (const value of ['-', 'a-', '_a', 'a b', 'a/b', 'ü', 'a\n', 'x'.repeat(64)]) {
      assert.equal(typeof labelValueError(value), 'string', value);
    }
  });
});
