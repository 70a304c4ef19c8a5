// CronJob: which runs are due, what happens while one runs still, what is kept
// of the old ones, and that no time is used twice.
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CronJob, Job } from '../../../api/meta/kubernetes.ts';
import { planCronJob, type Step } from './plan.ts';

const now = '2024-05-01T12:00:30Z';
const minute = (time: string): number => Math.floor(Date.parse(time) / 60_000);

function cron(spec: object, status: object = {}, metadata: object = {}): CronJob {
  return {
    metadata: { name: 'c', namespace: 'default', creationTimestamp: '2024-05-01T11:00:10Z', ...metadata },
    spec: { schedule: '0 * * * *', jobTemplate: { spec: {} }, ...spec },
    status,
  } as unknown as CronJob;
}

/** `NAME [Complete|Failed]`, made so many minutes before noon. */
function job(text: string, minutesAgo = 60): Job {
  const [name = '', end] = text.split(' ');
  const time = new Date(Date.parse('2024-05-01T12:00:00Z') - minutesAgo * 60_000).toISOString().replace('.000', '');
  const conditions = end === undefined ? [] : [{ type: end, status: 'True', lastTransitionTime: time }];
  return {
    metadata: { name, uid: name, namespace: 'default', creationTimestamp: time, resourceVersion: '7' },
    status: { conditions, ...(end === 'Complete' ? { completionTime: time } : {}) },
  } as unknown as Job;
}

function text(step: Step): string {
  switch (step.type) {
    case 'create':
      return `create ${new Date(step.scheduledMs).toISOString().slice(0, 16)}`;
    case 'delete':
      return `delete ${step.job.metadata.name}`;
    case 'event':
      return `event ${step.reason}`;
    default:
      return step.type;
  }
}

const steps = (one: CronJob, jobs: Job[] = [], at = now): Step[] => planCronJob(one, jobs, Date.parse(at));
const plan = (one: CronJob, jobs: Job[] = [], at = now): string[] =>
  steps(one, jobs, at)
    .filter(({ type }) => type !== 'status' && type !== 'wait')
    .map(text);
function statusOf(one: CronJob, jobs: Job[] = [], at = now): Record<string, unknown> {
  const step = steps(one, jobs, at).find(({ type }) => type === 'status');
  return { ...(step?.type === 'status' ? step.status : one.status) };
}
const last = (time: string): object => ({ lastScheduleTime: `2024-${time}:00Z` });

describe('runs', () => {
  const day = { schedule: '0 0 * * *' };
  const year = { creationTimestamp: '2023-05-01T11:00:00Z' };
  const cases: [title: string, cron: CronJob, jobs: Job[], steps: string[]][] = [
    ['the time has come', cron({}, last('05-01T11:00')), [], ['create 2024-05-01T12:00']],
    ['it has not', cron({ schedule: '30 * * * *' }, last('05-01T11:30')), [], []],
    ['it was used', cron({}, last('05-01T12:00')), [], []],
    ['the first, counted from when it was made', cron({}), [], ['create 2024-05-01T12:00']],
    ['none from before it was made', cron({}, {}, { creationTimestamp: now }), [], []],
    ['of several missed the newest alone', cron({}, last('05-01T03:00')), [], ['create 2024-05-01T12:00']],
    [
      'missed, within the deadline',
      cron({ startingDeadlineSeconds: 31 }, last('05-01T11:00')),
      [],
      ['create 2024-05-01T12:00'],
    ],
    ['missed, beyond the deadline', cron({ startingDeadlineSeconds: 20 }, last('05-01T11:00')), [], []],
    [
      'more than a hundred missed',
      cron({ schedule: '* * * * *' }, last('04-30T12:00')),
      [],
      ['event TooManyMissedTimes', 'create 2024-05-01T12:00'],
    ],
    [
      'more than a hundred days missed',
      cron(day, last('01-01T00:00'), year),
      [],
      ['event TooManyMissedTimes', 'create 2024-05-01T00:00'],
    ],
    [
      'a year of Mondays missed',
      cron({ schedule: '0 0 * * 1' }, {}, { creationTimestamp: '2020-01-01T00:00:00Z' }),
      [],
      ['event TooManyMissedTimes', 'create 2024-04-29T00:00'],
    ],
    ['suspended', cron({ suspend: true }, last('05-01T11:00')), [], []],
    ['deleted', cron({}, last('05-01T11:00'), { deletionTimestamp: now }), [job('a')], []],
    [
      'in a time zone',
      cron({ schedule: '0 14 * * *', timeZone: 'Europe/Berlin' }, last('04-30T12:00')),
      [],
      ['create 2024-05-01T12:00'],
    ],
    ['one runs still: allowed', cron({}, last('05-01T11:00')), [job('a')], ['create 2024-05-01T12:00']],
    [
      'one runs still: forbidden',
      cron({ concurrencyPolicy: 'Forbid' }, last('05-01T11:00')),
      [job('a')],
      ['event JobAlreadyActive'],
    ],
    [
      'one has ended: forbidden is none',
      cron({ concurrencyPolicy: 'Forbid' }, last('05-01T11:00')),
      [job('a Complete')],
      ['create 2024-05-01T12:00'],
    ],
    [
      'one runs still: replaced',
      cron({ concurrencyPolicy: 'Replace' }, last('05-01T11:00')),
      [job('a'), job('b Failed')],
      ['delete a', 'create 2024-05-01T12:00'],
    ],
    [
      'replaced only when the time has come',
      cron({ concurrencyPolicy: 'Replace' }, last('05-01T12:00')),
      [job('a')],
      [],
    ],
  ];
  for (const [title, one, jobs, expected] of cases) it(title, () => assert.deepEqual(plan(one, jobs), expected));

  it('a job’s name says its time, so that it is made once', () => {
    const created = steps(cron({}, last('05-01T11:00'))).find(({ type }) => type === 'create');
    assert.ok(created?.type === 'create');
    assert.equal(created.name, `c-${minute('2024-05-01T12:00:00Z')}`);
  });

  it('a forbidden run is made up for when the other has ended', () => {
    const one = cron({ concurrencyPolicy: 'Forbid' }, last('05-01T11:00'));
    const later = cron({ concurrencyPolicy: 'Forbid' }, statusOf(one, [job('a')]));
    const made = plan(later, [job('a Complete')], '2024-05-01T12:20:00Z');
    assert.deepEqual(made, ['event SawCompletedJob', 'create 2024-05-01T12:00']);
  });

  it('each missed time is looked at once: the next round makes nothing', () => {
    for (const schedule of ['* * * * *', '0 * * * *', '0 0 * * *', '0 0 * * 1', '@every 1h', '@every 7m']) {
      const one = cron({ schedule }, {}, { creationTimestamp: '2020-01-01T00:00:00Z' });
      assert.equal(plan(one).filter((step) => step.startsWith('create ')).length, 1, schedule);
      assert.deepEqual(plan(cron({ schedule }, statusOf(one), one.metadata)), [], schedule);
    }
  });

  it('waits for the next, and no longer than a minute', () => {
    const wait = (schedule: string): unknown =>
      steps(cron({ schedule }, last('05-01T12:00'))).find(({ type }) => type === 'wait');
    assert.deepEqual(wait('* * * * *'), { type: 'wait', delayMs: 30_000 });
    assert.deepEqual(wait('@yearly'), { type: 'wait', delayMs: 60_000 });
  });
});

describe('what is kept', () => {
  const idle = last('05-01T12:00');
  const done = ['a', 'b', 'c', 'd', 'e'].map((name, index) => job(`${name} Complete`, index + 1));
  const failed = ['x', 'y'].map((name, index) => job(`${name} Failed`, index + 1));
  const cases: [title: string, spec: object, jobs: Job[], steps: string[]][] = [
    ['three successes and one failure', {}, [...done, ...failed], ['delete d', 'delete e', 'delete y']],
    [
      'as many as asked for',
      { successfulJobsHistoryLimit: 4, failedJobsHistoryLimit: 2 },
      [...done, ...failed],
      ['delete e'],
    ],
    ['none', { successfulJobsHistoryLimit: 0 }, done.slice(0, 2), ['delete a', 'delete b']],
    ['what runs stays', { successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 }, [job('r')], []],
    ['also while suspended', { suspend: true, successfulJobsHistoryLimit: 4 }, done, ['delete e']],
  ];
  for (const [title, spec, jobs, expected] of cases)
    it(title, () => assert.deepEqual(plan(cron(spec, idle), jobs), expected));
});

describe('news', () => {
  it('of jobs that ran before and have ended, or have gone', () => {
    const active = ['a', 'b', 'c'].map((name) => ({ name, uid: name }));
    const one = cron({}, { ...last('05-01T12:00'), active });
    const told = steps(one, [job('a Complete'), job('b')]).flatMap((step) =>
      step.type === 'event' ? [`${step.reason}: ${step.message}`] : [],
    );
    assert.deepEqual(told, [
      'SawCompletedJob: Saw completed job: a, condition: Complete',
      'MissingJob: Active job went missing: c',
    ]);
  });
});

describe('status', () => {
  it('says what runs, the last time, the last success', () => {
    assert.deepEqual(
      statusOf(cron({}, last('05-01T11:00')), [job('b'), job('a'), job('s Complete', 5), job('f Failed', 1)]),
      {
        active: ['a', 'b'].map((name) => ({
          kind: 'Job',
          apiVersion: 'batch/v1',
          namespace: 'default',
          name,
          uid: name,
          resourceVersion: '7',
        })),
        lastScheduleTime: '2024-05-01T12:00:00Z',
        lastSuccessfulTime: '2024-05-01T11:55:00Z',
      },
    );
  });

  it('keeps the last success when its job is gone', () => {
    const known = { ...last('05-01T12:00'), lastSuccessfulTime: '2024-05-01T11:58:00Z' };
    assert.equal(statusOf(cron({}, known), [job('s Complete', 5)]).lastSuccessfulTime, '2024-05-01T11:58:00Z');
  });

  it('does not take a forbidden time for used', () =>
    assert.equal(
      statusOf(cron({ concurrencyPolicy: 'Forbid' }, last('05-01T11:00')), [job('a')]).lastScheduleTime,
      '2024-05-01T11:00:00Z',
    ));
});
