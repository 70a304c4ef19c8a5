// Job: how many pods, when the next, when it is over and why, what becomes of
// its pods and of itself.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatIndexes, parseIndexes } from '../../../api/kinds/job-indexes.ts';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { ago, job, nowMs, pod, pods, text } from '../../../test/support/jobs.ts';
import { planJob } from './plan.ts';

/** Steps without the status; of it, its conditions that hold. */
const plan = (one: Job, own: Pod[]): string[] =>
  planJob(one, own, nowMs)
    .filter(({ type }) => type !== 'status')
    .map(text);
function statusOf(one: Job, own: Pod[]): Record<string, unknown> {
  const step = planJob(one, own, nowMs).find(({ type }) => type === 'status');
  return { ...(step?.type === 'status' ? step.status : one.status) };
}
function conditions(one: Job, own: Pod[]): string[] {
  const list = (statusOf(one, own).conditions ?? []) as { type: string; status: string; reason: string }[];
  return list.filter(({ status }) => status === 'True').map(({ type, reason }) => `${type} ${reason}`);
}

function check(cases: [title: string, job: Job, pods: Pod[], steps: string[]][]): void {
  for (const [title, one, own, steps] of cases) it(title, () => assert.deepEqual(plan(one, own), steps));
}

const indexed = { completionMode: 'Indexed' };
const three = { parallelism: 3, completions: 5 };

describe('pods', () => {
  check([
    ['one, when nothing else is said', job({ completions: 1, parallelism: 1 }), [], ['create .']],
    ['as many as may run at once', job(three), [], ['create . . .']],
    ['no more than are left to do', job(three, { succeeded: 4 }), [], ['create .']],
    ['what is missing', job(three), pods('a Running', 'b Pending'), ['create .']],
    ['a pod that ends makes room', job(three, {}), pods('a Running', 'b Running', 'c Succeeded'), ['create .']],
    ['one that is deleted makes room', job(three), pods('a Running', 'b Running', 'c Running deleted'), ['create .']],
    ['none in parallel 0', job({ parallelism: 0, completions: 5 }), [], []],
    ['none of a suspended job', job({ ...three, suspend: true }), [], []],
    ['a suspended job’s go', job({ ...three, suspend: true }), pods('a Running'), ['release a', 'delete-pod a']],
    ['a queue: as many as may run', job({ parallelism: 2 }), pods('a Running'), ['create .']],
    ['a queue: no more once one succeeded', job({ parallelism: 2 }, { succeeded: 1 }), pods('a Running'), []],
    ['a queue: what runs may go on', job({ parallelism: 1 }, { succeeded: 1 }), pods('a Running', 'b Running'), []],
    ['indexes, the lowest first', job({ ...three, ...indexed }), [], ['create 0 1 2']],
    [
      'indexes that are free',
      job({ ...three, ...indexed }, { completedIndexes: '0,2' }),
      pods('a Running 1'),
      ['create 3 4'],
    ],
    [
      'an index that failed, again',
      job({ ...three, ...indexed }, { failed: 1 }),
      pods('a Running 0', 'c Running 2'),
      ['create 1'],
    ],
    [
      'one of two at an index',
      job({ ...three, ...indexed }),
      pods('a Running 0', 'b Pending 0', 'c Running 1'),
      ['release b', 'delete-pod b'],
    ],
    // Completions and parallelism of indexed jobs may shrink together.
    [
      'indexes that are no more',
      job({ parallelism: 2, completions: 2, ...indexed }),
      pods('a Running 0', 'b Running 1', 'c Running 2', 'd Running 3'),
      ['release c', 'delete-pod c', 'release d', 'delete-pod d'],
    ],
  ]);
});

describe('backoff', () => {
  const failed = (count: number, endedSeconds: number): [Job, Pod[]] => [
    job({ completions: 1, parallelism: 1, backoffLimit: 100 }, { failed: count, startTime: ago(3600) }),
    [pod('a Failed released', { endedSeconds })],
  ];
  const cases: [failures: number, endedSeconds: number, steps: string[]][] = [
    [1, 0, ['wait 10 s']],
    [1, 4, ['wait 6 s']],
    [1, 10, ['create .']],
    [2, 0, ['wait 20 s']],
    [3, 0, ['wait 40 s']],
    [3, 41, ['create .']],
    [20, 0, ['wait 600 s']],
  ];
  for (const [failures, endedSeconds, steps] of cases) {
    it(`${failures} failures, the last ${endedSeconds} s ago`, () =>
      assert.deepEqual(plan(...failed(failures, endedSeconds)), steps));
  }
  it('never waits longer than the backoff when the clock has jumped back', () =>
    assert.deepEqual(plan(...failed(1, -86_400)), ['wait 10 s']));
});

describe('the end', () => {
  const one = { completions: 1, parallelism: 1 };
  const onFailure = { ...one, backoffLimit: 2, template: { spec: { restartPolicy: 'OnFailure' } } };
  const met = 'SuccessCriteriaMet CompletionsReached';
  const cases: [title: string, job: Job, pods: Pod[], conditions: string[]][] = [
    ['not before enough succeeded', job({ completions: 2, parallelism: 1 }, { succeeded: 1 }), [], []],
    ['is told early, and said when all are counted', job(one, {}), pods('a Succeeded'), [met]],
    ['complete', job(one, { succeeded: 1 }), [], [met, 'Complete CompletionsReached']],
    ['nothing to do', job({ ...one, completions: 0 }), [], [met, 'Complete CompletionsReached']],
    ['a queue is empty when the last has ended', job({ parallelism: 2 }, { succeeded: 1 }), pods('a Running'), []],
    ['a queue', job({ parallelism: 2 }, { succeeded: 1 }), [], [met, 'Complete CompletionsReached']],
    ['as many failures as allowed', job({ ...one, backoffLimit: 2 }, { failed: 2 }), [], []],
    [
      'more',
      job({ ...one, backoffLimit: 2 }, { failed: 3 }),
      [],
      ['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'],
    ],
    ['none allowed', job({ ...one, backoffLimit: 0 }, {}), pods('a Failed'), ['FailureTarget BackoffLimitExceeded']],
    ['restarts in place below the limit', job(onFailure), [pod('a Running', { restarts: 1 })], []],
    [
      'restarts in place count as failures',
      job(onFailure),
      [pod('a Running', { restarts: 2 })],
      ['FailureTarget BackoffLimitExceeded'],
    ],
    [
      'deadline',
      job({ ...one, activeDeadlineSeconds: 3600 }),
      [],
      ['FailureTarget DeadlineExceeded', 'Failed DeadlineExceeded'],
    ],
    ['before the deadline', job({ ...one, activeDeadlineSeconds: 3601 }), [], []],
    [
      'no deadline while suspended',
      job({ ...one, activeDeadlineSeconds: 1, suspend: true }),
      [],
      ['Suspended JobSuspended'],
    ],
    [
      'indexed: all indexes',
      job({ ...indexed, completions: 3, parallelism: 3 }, { completedIndexes: '0-2', succeeded: 3 }),
      [],
      [met, 'Complete CompletionsReached'],
    ],
    [
      'indexed: one index twice is not two',
      job({ ...indexed, completions: 2, parallelism: 2 }, {}),
      pods('a Succeeded 0', 'b Succeeded 0'),
      [],
    ],
  ];
  for (const [title, asked, own, expected] of cases)
    it(title, () => assert.deepEqual(conditions(asked, own), expected));

  it('decided once is not decided anew', () => {
    const at = { status: 'True', lastTransitionTime: ago(1), message: '' };
    const failing = {
      startTime: ago(100),
      failed: 3,
      conditions: [{ ...at, type: 'FailureTarget', reason: 'DeadlineExceeded' }],
    };
    assert.ok(conditions(job({ ...one, backoffLimit: 0 }, failing), []).includes('Failed DeadlineExceeded'));
    const meeting = {
      startTime: ago(100),
      succeeded: 1,
      failed: 3,
      conditions: [{ ...at, type: 'SuccessCriteriaMet', reason: 'CompletionsReached' }],
    };
    assert.ok(conditions(job({ ...one, backoffLimit: 0 }, meeting), []).includes('Complete CompletionsReached'));
  });

  it('takes away what runs still', () =>
    assert.deepEqual(plan(job({ ...three, backoffLimit: 0 }, { failed: 1 }), pods('a Running', 'b Pending')), [
      'delete-pod a',
      'delete-pod b',
    ]));

  it('has a time only when it is complete', () => {
    assert.equal(statusOf(job(one, { succeeded: 1, startTime: ago(5) }), []).completionTime, formatTime(nowMs));
    assert.equal(
      statusOf(job({ ...one, backoffLimit: 0 }, { failed: 1, startTime: ago(5) }), []).completionTime,
      undefined,
    );
  });

  const over = (type: string, seconds: number): object => ({
    conditions: [{ type, status: 'True', lastTransitionTime: ago(seconds) }],
  });
  check([
    ['finished jobs stay', job(one, over('Complete', 1e6)), [], []],
    [
      'until their time to live is over',
      job({ ...one, ttlSecondsAfterFinished: 100 }, over('Failed', 40)),
      [],
      ['wait 60 s'],
    ],
    ['and then go', job({ ...one, ttlSecondsAfterFinished: 100 }, over('Complete', 100)), [], ['delete-job']],
    ['at once', job({ ...one, ttlSecondsAfterFinished: 0 }, over('Complete', 0)), [], ['delete-job']],
    ['and make no more pods', job(three, over('Failed', 40)), [], []],
    // Else they would stay for ever, whether the job takes them along or leaves them.
    [
      'a deleted job lets all its pods go',
      job(three, {}, { deletionTimestamp: ago(1) }),
      pods('a Running', 'b Failed'),
      ['release a', 'release b'],
    ],
  ]);
});

describe('status', () => {
  const one = { completions: 5, parallelism: 2 };
  const indexes = (own: Pod[], status: object = {}): unknown =>
    statusOf(job({ ...one, ...indexed }, status), own).completedIndexes;

  it('counts what runs and what is ready', () => {
    const ready = {
      ...pod('a Running'),
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    } as Pod;
    const { active, ready: count, startTime } = statusOf(job(one, {}), [ready, pod('b Pending')]);
    assert.deepEqual({ active, count, startTime }, { active: 2, count: 1, startTime: formatTime(nowMs) });
  });

  it('has no start while suspended from the start, and a new one when it goes on', () => {
    const suspended = statusOf(job({ ...one, suspend: true }, {}), []);
    assert.equal(suspended.startTime, undefined);
    assert.equal(statusOf(job(one, suspended), []).startTime, formatTime(nowMs));
  });

  it('lists the indexes that are done', () => {
    assert.equal(
      indexes(pods('a Succeeded 1', 'b Failed 0', 'c Succeeded 3', 'd Succeeded 9'), { completedIndexes: '0' }),
      '0,1,3',
    );
    assert.equal(indexes(pods('a Succeeded 1', 'b Succeeded 2', 'c Succeeded 3')), '1-3');
  });

  it('indexes as text and back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30)), (list) => {
        assert.deepEqual(
          [...parseIndexes(formatIndexes(new Set(list)))],
          [...list].sort((a, b) => a - b),
        );
      }),
    );
  });
});
