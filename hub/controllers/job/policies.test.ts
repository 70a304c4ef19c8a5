// Job policies: what a failure means, what is enough, when an index is given
// up, when a pod is replaced, and whose job it is.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { ago, job, nowMs, pod, pods, text } from '../../../test/support/jobs.ts';
import { failureCountAnnotation, ignoredCountAnnotation } from './indexes.ts';
import { type Place, planJob } from './plan.ts';

const plan = (one: Job, own: Pod[]): string[] =>
  planJob(one, own, nowMs)
    .filter(({ type }) => type !== 'status')
    .map(text);
function statusOf(one: Job, own: Pod[]): NonNullable<Job['status']> {
  const step = planJob(one, own, nowMs).find(({ type }) => type === 'status');
  return step?.type === 'status' ? step.status : (one.status ?? {});
}
function placesOf(one: Job, own: Pod[]): Place[] {
  return planJob(one, own, nowMs).flatMap((step) => (step.type === 'create' ? step.places : []));
}
/** Conditions that hold, with reason and message. */
function conditions(one: Job, own: Pod[]): string[] {
  const list = statusOf(one, own).conditions ?? [];
  return list.flatMap(({ type, status, reason, message }) =>
    status === 'True' ? [`${type} ${reason}: ${message}`] : [],
  );
}
const uncounted = (one: Job, own: Pod[]): unknown => statusOf(one, own).uncountedTerminatedPods;

/** A pod that failed with these exit codes, by container; `init` is an init container. */
function failedWith(textOfPod: string, codes: Record<string, number>, types: string[] = [], endedSeconds = 3000): Pod {
  const one = pod(textOfPod, { endedSeconds });
  const statuses = Object.entries(codes).map(([name, exitCode]) => ({
    name,
    restartCount: 0,
    state: { terminated: { exitCode, finishedAt: ago(endedSeconds) } },
  }));
  return {
    ...one,
    metadata: { ...one.metadata, namespace: 'ns' },
    status: {
      ...one.status,
      containerStatuses: statuses.filter(({ name }) => name !== 'init'),
      initContainerStatuses: statuses.filter(({ name }) => name === 'init'),
      conditions: types.map((type) => ({ type, status: 'True' })),
    },
  } as unknown as Pod;
}

function withFailures(one: Pod, counted: number, ignored = 0): Pod {
  const annotations = {
    ...one.metadata.annotations,
    [failureCountAnnotation]: String(counted),
    [ignoredCountAnnotation]: String(ignored),
  };
  return { ...one, metadata: { ...one.metadata, annotations } };
}

const codes = (action: string, operator: string, values: number[], containerName?: string): object => ({
  action,
  onExitCodes: { operator, values, ...(containerName === undefined ? {} : { containerName }) },
});
const condition = (action: string, type: string, status?: string): object => ({
  action,
  onPodConditions: [{ type, ...(status === undefined ? {} : { status }) }],
});

describe('pod failure policy', () => {
  const one = { completions: 1, parallelism: 1, podReplacementPolicy: 'Failed' };
  const asked = (...rules: object[]): Job => job({ ...one, podFailurePolicy: { rules } });
  const failJob = (why: string): string[] => [`FailureTarget PodFailurePolicy: ${why}`];
  const cases: [title: string, rules: object[], pod: Pod, conditions: string[], uncounted: object][] = [
    [
      'an exit code ends the job',
      [codes('FailJob', 'In', [3, 42])],
      failedWith('a Failed', { main: 42 }),
      failJob('Container main for pod ns/a failed with exit code 42 matching FailJob rule at index 0'),
      { failed: ['a'] },
    ],
    [
      'also that of an init container',
      [codes('FailJob', 'In', [42])],
      failedWith('a Failed', { init: 42 }),
      failJob('Container init for pod ns/a failed with exit code 42 matching FailJob rule at index 0'),
      { failed: ['a'] },
    ],
    ['another code counts', [codes('FailJob', 'In', [42])], failedWith('a Failed', { main: 1 }), [], { failed: ['a'] }],
    [
      'any code but some',
      [codes('FailJob', 'NotIn', [1])],
      failedWith('a Failed', { main: 2 }),
      failJob('Container main for pod ns/a failed with exit code 2 matching FailJob rule at index 0'),
      { failed: ['a'] },
    ],
    [
      'no failure is in NotIn',
      [codes('FailJob', 'NotIn', [1])],
      failedWith('a Failed', { main: 1, other: 0 }),
      [],
      { failed: ['a'] },
    ],
    [
      'of one container alone',
      [codes('FailJob', 'In', [42], 'main')],
      failedWith('a Failed', { main: 1, other: 42 }),
      [],
      { failed: ['a'] },
    ],
    [
      'a condition ends the job, in the order of the rules',
      [codes('Ignore', 'In', [7]), condition('FailJob', 'ConfigIssue')],
      failedWith('a Failed', { main: 1 }, ['ConfigIssue']),
      failJob('Pod ns/a has condition ConfigIssue matching FailJob rule at index 1'),
      { failed: ['a'] },
    ],
    [
      'the first rule that matches is the one',
      [condition('Ignore', 'DisruptionTarget'), codes('FailJob', 'In', [42])],
      failedWith('a Failed', { main: 42 }, ['DisruptionTarget']),
      [],
      {},
    ],
    [
      'a condition with another status',
      [condition('Ignore', 'DisruptionTarget', 'False')],
      failedWith('a Failed', { main: 1 }, ['DisruptionTarget']),
      [],
      { failed: ['a'] },
    ],
    ['Count counts', [codes('Count', 'In', [1])], failedWith('a Failed', { main: 1 }), [], { failed: ['a'] }],
  ];
  for (const [title, rules, own, expected, counted] of cases) {
    it(title, () => {
      assert.deepEqual(conditions(asked(...rules), [own]), expected);
      assert.deepEqual(uncounted(asked(...rules), [own]), counted);
    });
  }

  it('what is ignored is let go uncounted, and replaced without delay', () => {
    const own = failedWith('a Failed', { main: 1 }, ['DisruptionTarget'], 0);
    const ignoring = job(
      { ...one, backoffLimit: 0, podFailurePolicy: { rules: [condition('Ignore', 'DisruptionTarget')] } },
      { startTime: ago(60) },
    );
    assert.deepEqual(plan(ignoring, [own]), ['release a', 'create .']);
  });

  it('the job has failed when all its pods are gone and counted', () => {
    const target = { type: 'FailureTarget', status: 'True', reason: 'PodFailurePolicy', message: 'why' };
    const decided = (status: object): Job =>
      job({ ...one, parallelism: 2 }, { startTime: ago(60), conditions: [target], ...status });
    const types = (own: Pod[], status: object = {}): (string | undefined)[] =>
      (statusOf(decided(status), own).conditions ?? []).map(({ type }) => type);
    assert.deepEqual(types([]), ['FailureTarget', 'Failed']);
    assert.deepEqual(types(pods('b Running')), ['FailureTarget']);
    assert.deepEqual(types(pods('b Running deleted released')), ['FailureTarget'], 'it runs still');
    assert.deepEqual(types(pods('b Failed')), ['FailureTarget'], 'it is not counted');
    assert.deepEqual(types(pods('b Failed released')), ['FailureTarget', 'Failed']);
    assert.equal(statusOf(decided({}), pods('b Running deleted')).terminating, 1);
  });
});

describe('pod replacement policy', () => {
  const asked = (podReplacementPolicy: string): Job => job({ completions: 3, parallelism: 2, podReplacementPolicy });
  const own = pods('a Running', 'b Running deleted');
  it('TerminatingOrFailed: at once', () => assert.deepEqual(plan(asked('TerminatingOrFailed'), own), ['create .']));
  it('Failed: not while the other is on its way out', () => assert.deepEqual(plan(asked('Failed'), own), []));
  it('Failed: one that is on its way out has not failed', () => {
    assert.deepEqual(uncounted(asked('Failed'), own), {});
    assert.equal(statusOf(asked('Failed'), own).terminating, 1);
  });
  it('Failed: when it has ended', () => {
    assert.deepEqual(plan(asked('Failed'), pods('a Running', 'b Failed deleted')), ['create .']);
    const confirmed = pods('a Running', 'b Running deleted');
    for (const { metadata } of confirmed.slice(1)) metadata.deletionGracePeriodSeconds = 0;
    assert.deepEqual(uncounted(asked('Failed'), confirmed), { failed: ['b'] });
  });
  it('Failed: also of an index', () => {
    const indexed = job({ completions: 2, parallelism: 2, completionMode: 'Indexed', podReplacementPolicy: 'Failed' });
    assert.deepEqual(plan(indexed, pods('a Running 0 deleted')), ['create 1']);
  });
});

describe('backoff limit per index', () => {
  const spec = {
    completions: 3,
    parallelism: 3,
    completionMode: 'Indexed',
    backoffLimitPerIndex: 1,
    backoffLimit: 1e9,
  };
  const failed = (name: string, index: number, counted: number, endedSeconds = 3000): Pod =>
    withFailures(failedWith(`${name} Failed ${index}`, { main: 1 }, [], endedSeconds), counted);

  it('an index is tried again by a pod that knows how often it has failed, and held until that is there', () => {
    const own = [failed('a', 0, 0), ...pods('b Running 1', 'c Running 2')];
    assert.deepEqual(placesOf(job(spec), own), [{ index: 0, failures: { counted: 1, ignored: 0 } }]);
    assert.deepEqual(uncounted(job(spec), own), {});
    const replaced = [...own, withFailures(pod('d Pending 0'), 1)];
    assert.deepEqual(uncounted(job(spec), replaced), { failed: ['a'] });
    assert.deepEqual(placesOf(job(spec), replaced), []);
  });
  it('and is given up after its limit, the others go on', () => {
    const own = [failed('a', 0, 1), ...pods('b Running 1')];
    const { failedIndexes, uncountedTerminatedPods } = statusOf(job(spec), own);
    assert.deepEqual(
      { failedIndexes, uncountedTerminatedPods },
      { failedIndexes: '0', uncountedTerminatedPods: { failed: ['a'] } },
    );
    assert.deepEqual(plan(job(spec), own), ['create 2']);
    assert.deepEqual(
      plan(job(spec, { startTime: ago(60), failedIndexes: '0' }), pods('b Running 1', 'c Running 2')),
      [],
    );
  });
  it('waits for each index by itself', () => {
    const own = [failed('a', 0, 0, 4), failed('b', 1, 0, 10)];
    assert.deepEqual(plan(job(spec), own), ['create 1 2', 'wait 6 s']);
    const slow = { ...spec, backoffLimitPerIndex: 9 };
    assert.deepEqual(plan(job(slow), [failed('a', 0, 2, 0), ...pods('b Running 1', 'c Running 2')]), ['wait 40 s']);
  });
  it('FailIndex gives an index up at once, Ignore does not count but delays', () => {
    const rules = [codes('FailIndex', 'In', [42]), condition('Ignore', 'DisruptionTarget')];
    const policed = job({ ...spec, podFailurePolicy: { rules }, podReplacementPolicy: 'Failed' });
    const others = pods('b Running 1', 'c Running 2');
    const fatal = withFailures(failedWith('a Failed 0', { main: 42 }), 0);
    assert.equal(statusOf(policed, [fatal, ...others]).failedIndexes, '0');
    const ignored = withFailures(failedWith('a Failed 0', { main: 1 }, ['DisruptionTarget']), 1, 2);
    assert.equal(statusOf(policed, [ignored, ...others]).failedIndexes, '');
    assert.deepEqual(placesOf(policed, [ignored, ...others]), [{ index: 0, failures: { counted: 1, ignored: 3 } }]);
  });
  const end = (more: object, status: object): string[] =>
    conditions(job({ ...spec, ...more }, { startTime: ago(60), ...status }), []).slice(0, 1);
  it('the job fails when all indexes have ended and some failed', () => {
    assert.deepEqual(end({}, { completedIndexes: '0', failedIndexes: '2' }), []);
    assert.deepEqual(end({}, { completedIndexes: '0,1', failedIndexes: '2' }), [
      'FailureTarget FailedIndexes: Job has failed indexes',
    ]);
  });
  it('or when too many failed', () => {
    assert.deepEqual(end({ maxFailedIndexes: 1 }, { failedIndexes: '0' }), []);
    assert.deepEqual(end({ maxFailedIndexes: 1 }, { failedIndexes: '0,2' }), [
      'FailureTarget MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes',
    ]);
  });
  it('what was given up for a suspension has not failed', () => {
    const strict = job({ ...spec, backoffLimitPerIndex: 0, suspend: true });
    const { failedIndexes } = statusOf(strict, pods('a Running 0 deleted released'));
    assert.equal(failedIndexes, '');
  });
});

describe('success policy', () => {
  const asked = (completedIndexes: string, ...rules: object[]): string[] =>
    conditions(
      job(
        { completions: 10, parallelism: 10, completionMode: 'Indexed', successPolicy: { rules } },
        { startTime: ago(60), completedIndexes },
      ),
      [],
    ).slice(0, 1);
  const met = (index: number): string[] => [`SuccessCriteriaMet SuccessPolicy: Matched rules at index ${index}`];
  const cases: [title: string, completed: string, rules: object[], conditions: string[]][] = [
    ['enough of any', '3,5', [{ succeededCount: 2 }], met(0)],
    ['too few', '3', [{ succeededCount: 2 }], []],
    ['all of some', '0,2,3,7', [{ succeededIndexes: '0,2-3' }], met(0)],
    ['not all of them', '0,2,7', [{ succeededIndexes: '0,2-3' }], []],
    ['enough of some', '2', [{ succeededIndexes: '0,2-3', succeededCount: 1 }], met(0)],
    ['enough of others', '5-9', [{ succeededIndexes: '0,2-3', succeededCount: 1 }], []],
    ['the second rule', '5', [{ succeededIndexes: '0' }, { succeededIndexes: '5' }], met(1)],
  ];
  for (const [title, completed, rules, expected] of cases)
    it(title, () => assert.deepEqual(asked(completed, ...rules), expected));
  it('ends what runs still', () => {
    const spec = {
      completions: 3,
      parallelism: 3,
      completionMode: 'Indexed',
      successPolicy: { rules: [{ succeededCount: 1 }] },
    };
    assert.deepEqual(plan(job(spec), pods('a Succeeded 0', 'b Running 1')), ['delete-pod b']);
  });
});

describe('a job of another controller', () => {
  const other = { completions: 1, parallelism: 1, managedBy: 'example.com/kueue' };
  it('is left alone', () => assert.deepEqual(planJob(job(other), pods('a Failed'), nowMs), []));
  it('also when it goes', () =>
    assert.deepEqual(planJob(job(other, {}, { deletionTimestamp: ago(1) }), pods('a Failed'), nowMs), []));
  it('but for its time to live', () => {
    const over = { conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: ago(60) }] };
    assert.deepEqual(plan(job({ ...other, ttlSecondsAfterFinished: 30 }, over), []), ['delete-job']);
  });
  it('this one’s name is no other’s', () =>
    assert.deepEqual(plan(job({ ...other, managedBy: 'kubernetes.io/job-controller' }), []), ['create .']));
});
