// What is refused of jobs, in Kubernetes' words.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../meta/object.ts';
import { jobKind } from './batch.ts';
import { countIndexes } from './job-indexes.ts';

type Part = Record<string, unknown>;
const templateWith = (restartPolicy: string, more: Part = {}): Part => ({
  spec: { restartPolicy, containers: [{ name: 'main', image: 'i' }], ...more },
});

function jobWith(spec: Part, status: Part = {}): KubeObject {
  const job: KubeObject = { metadata: { name: 'j', uid: 'u' }, spec: { template: templateWith('Never'), ...spec } };
  jobKind.applyDefaults?.(job);
  jobKind.prepareCreate?.(job);
  return { ...job, status };
}

const texts = (errors: { field: string; message: string }[] | undefined): string[] =>
  (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
const refused = (spec: Part): string[] => texts(jobKind.validate?.(jobWith(spec)));
const changed = (from: Part, to: Part, status: Part = {}): string[] =>
  texts(jobKind.validateUpdate?.(jobWith({ ...from, ...to }), jobWith(from, status)));

const indexed = { completionMode: 'Indexed', completions: 5, parallelism: 5 };
const failure = (...rules: Part[]): Part => ({ podFailurePolicy: { rules } });
const success = (...rules: Part[]): Part => ({ ...indexed, successPolicy: { rules } });
const codes = (more: Part): Part =>
  failure({ action: 'FailJob', onExitCodes: { operator: 'In', values: [1], ...more } });
const rule = 'spec.podFailurePolicy.rules[0]';

describe('a job is refused', () => {
  const cases: [spec: Part, errors: string[]][] = [
    [{}, []],
    [
      { template: templateWith('Always') },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [{ parallelism: -1 }, ['spec.parallelism: Invalid value: -1: must be greater than or equal to 0']],
    [
      { completionMode: 'Indexed', parallelism: 1 },
      ['spec.completions: Required value: when completion mode is Indexed'],
    ],
    [{ backoffLimitPerIndex: 1 }, ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode']],
    [
      { ...indexed, maxFailedIndexes: 1 },
      ['spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified'],
    ],
    [
      { ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 6 },
      ['spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions'],
    ],
    [
      { ...indexed, parallelism: 100_001 },
      ['spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed'],
    ],
    [
      { ...indexed, completions: 100_001, backoffLimitPerIndex: 1 },
      ['spec.maxFailedIndexes: Required value: must be specified when completions is above 100000'],
    ],
    [
      { ...indexed, backoffLimitPerIndex: 1, template: templateWith('OnFailure') },
      [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when backoffLimitPerIndex is specified',
      ],
    ],
    [{ managedBy: 'example.com/queue' }, []],
    [
      { managedBy: 'queue' },
      ['spec.managedBy: Invalid value: "queue": must be a domain-prefixed path (such as "acme.io/foo")'],
    ],
    [{ managedBy: `example.com/${'x'.repeat(60)}` }, ['spec.managedBy: Too long: may not be more than 63 bytes']],
    [codes({}), []],
    [
      { ...codes({}), podReplacementPolicy: 'TerminatingOrFailed' },
      ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ],
    [
      { podReplacementPolicy: 'Never' },
      ['spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"'],
    ],
    [
      codes({ containerName: 'other' }),
      [
        `${rule}.onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer names in the pod template`,
      ],
    ],
    [codes({ values: [] }), [`${rule}.onExitCodes.values: Invalid value: []: at least one value is required`]],
    [codes({ values: [0, 1] }), [`${rule}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`]],
    [codes({ values: [2, 2] }), [`${rule}.onExitCodes.values[1]: Duplicate value: 2`]],
    [codes({ values: [2, 1] }), [`${rule}.onExitCodes.values: Invalid value: [2,1]: must be ordered`]],
    [codes({ operator: '' }), [`${rule}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`]],
    [failure({ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }), []],
    [
      failure({ action: 'Ignore' }),
      [`${rule}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`],
    ],
    [
      failure({ action: 'FailIndex', onPodConditions: [{ type: 'DisruptionTarget' }] }),
      [`${rule}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`],
    ],
    [
      failure({ action: 'Ignore', onPodConditions: [{ type: 'A', status: 'Maybe' }] }),
      [`${rule}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"`],
    ],
    [
      failure(...Array.from({ length: 21 }, () => ({ action: 'Ignore', onPodConditions: [{ type: 'A' }] }))),
      ['spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items'],
    ],
    [
      { ...codes({}), template: templateWith('OnFailure') },
      [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      ],
    ],
    [success({ succeededCount: 2 }, { succeededIndexes: '0,2-4', succeededCount: 1 }), []],
    [
      { successPolicy: { rules: [] } },
      ['spec.successPolicy: Invalid value: {"rules":[]}: requires indexed completion mode'],
    ],
    [
      success(),
      [
        'spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified',
      ],
    ],
    [
      success({}),
      [
        'spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      ],
    ],
    [
      success({ succeededIndexes: '0,5' }),
      [
        'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,5": error parsing succeededIndexes: too large index: "5"',
      ],
    ],
    [
      success({ succeededCount: 6 }),
      [
        'spec.successPolicy.rules[0].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)',
      ],
    ],
    [
      success({ succeededIndexes: '1-2', succeededCount: 3 }),
      [
        'spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
      ],
    ],
  ];
  for (const [spec, errors] of cases)
    it(JSON.stringify(spec).slice(0, 120), () => assert.deepEqual(refused(spec), errors));
});

describe('a change of a job', () => {
  const tandem = 'spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism';
  it('may be of its parallelism', () => assert.deepEqual(changed({ completions: 5 }, { parallelism: 3 }), []));
  it('may be of its completions when it is indexed, with the parallelism', () => {
    assert.deepEqual(changed(indexed, { completions: 7, parallelism: 7 }), []);
    assert.deepEqual(changed(indexed, { completions: 7 }), [tandem]);
    assert.deepEqual(changed({ completions: 5 }, { completions: 7 }), [
      'spec.completions: Invalid value: 7: field is immutable',
    ]);
  });
  it('may not be of its policies', () => {
    assert.deepEqual(changed({ managedBy: 'a.example/b' }, { managedBy: 'a.example/c' }), [
      'spec.managedBy: Invalid value: "a.example/c": field is immutable',
    ]);
    assert.equal(changed(success({ succeededCount: 1 }), success({ succeededCount: 2 })).length, 1);
  });
  it('may be of where its pods run while it has not started, and of nothing else of the template', () => {
    const suspended = { suspend: true };
    const placed = {
      template: templateWith('Never', { nodeSelector: { a: 'b' }, tolerations: [{ operator: 'Exists' }] }),
    };
    assert.deepEqual(changed(suspended, placed), []);
    assert.equal(changed({}, placed).length, 1);
    assert.equal(changed(suspended, placed, { startTime: '2026-01-01T00:00:00Z' }).length, 1);
    assert.equal(changed(suspended, { template: templateWith('OnFailure') }).length, 1);
  });
});

describe('indexes as text', () => {
  const cases: [text: string, expected: object][] = [
    ['', { count: 0 }],
    ['0', { count: 1 }],
    ['0,2-4', { count: 4 }],
    [
      '1-2-3',
      {
        problem: `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
      },
    ],
    ['a', { problem: 'cannot convert string to integer for index: "a"' }],
    ['1,,2', { problem: 'cannot convert string to integer for index: ""' }],
    ['9', { problem: 'too large index: "9"' }],
    ['2,1', { problem: 'non-increasing order, previous: 2, current: 1' }],
  ];
  for (const [text, expected] of cases) it(`"${text}"`, () => assert.deepEqual(countIndexes(text, 5), expected));
});
