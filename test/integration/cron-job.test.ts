// CronJobs with a real hub: a missed run is made up for, told, kept or not, and
// what is refused. Runs are made due by setting back when the last one was.
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { CronJob, Job } from '../../api/meta/kubernetes.ts';
import { formatTime } from '../../api/meta/time.ts';
import { Api } from '../contract/kubernetes/support/api.ts';
import { untilAll } from '../contract/kubernetes/support/objects.ts';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const api = new Api(hub);
after(async () => {
  api.close();
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const cronJobs = api.pathIn('default', 'cronjobs', 'batch/v1');
const jobs = api.pathIn('default', 'jobs', 'batch/v1');
const hourMs = 3_600_000;

function manifest(name: string, spec: object, jobSpec: object = {}): object {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'i' }] } };
  const jobTemplate = { metadata: { labels: { cron: name } }, spec: { template, ...jobSpec } };
  return { metadata: { name }, spec: { schedule: '* * * * *', jobTemplate, ...spec } };
}

/** Sets back when the last run was. */
async function miss(name: string, hours: number): Promise<void> {
  const lastScheduleTime = formatTime(Date.now() - hours * hourMs);
  await api.patch(`${cronJobs}/${name}/status`, { status: { lastScheduleTime } });
}

/** A suspended cron job that goes on after it has missed some hours. */
async function resume(name: string, hours: number, spec: object = {}): Promise<void> {
  await api.create(cronJobs, manifest(name, { suspend: true, ...spec }));
  await miss(name, hours);
  assert.deepEqual((await api.list(`${jobs}?labelSelector=cron%3D${name}`)).items, []);
  await api.patch(`${cronJobs}/${name}`, { spec: { suspend: false } });
}

const untilJobs = (name: string, count: number): Promise<Job[]> =>
  untilAll<Job>(api, `${jobs}?labelSelector=cron%3D${name}`, `are ${count}`, (items) => items.length === count);

async function untilEvent(name: string, reason: string): Promise<string> {
  const events = `${api.pathIn('default', 'events')}?fieldSelector=involvedObject.name%3D${name}`;
  const all = await untilAll(api, events, `has ${reason}`, (items) => items.some((event) => event.reason === reason));
  return String(all.find((event) => event.reason === reason)?.message);
}

describe('a cron job', { timeout: 120_000 }, () => {
  it('makes up for what it missed while it was suspended, once', async () => {
    await resume('late', 3, { timeZone: 'Asia/Kolkata', concurrencyPolicy: 'Forbid' });
    const [job] = await untilJobs('late', 1);
    const scheduled = job?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'] ?? '';
    assert.match(scheduled, /:00\+05:30$/);
    assert.equal(job?.metadata.name, `late-${Math.floor(Date.parse(scheduled) / 60_000)}`);
    assert.match(await untilEvent('late', 'TooManyMissedTimes'), /^too many missed start times\. /);
    const { status } = await api.until<CronJob>(
      `${cronJobs}/late`,
      'has one',
      (one) => one.status?.active?.length === 1,
    );
    assert.equal(Date.parse(String(status?.lastScheduleTime)), Date.parse(scheduled));
  });

  it('waits for the run before when it is told to', async () => {
    await miss('late', 1);
    assert.match(await untilEvent('late', 'JobAlreadyActive'), /concurrency policy is Forbid$/);
    await untilJobs('late', 1);
  });

  it('does not make up for what is too late', async () => {
    // The schedule's only minute of the day was an hour ago.
    const past = new Date(Date.now() - hourMs);
    const schedule = `${past.getUTCMinutes()} ${past.getUTCHours()} * * *`;
    await resume('too-late', 2, { schedule, startingDeadlineSeconds: 600 });
    await resume('in-time', 2, { schedule, startingDeadlineSeconds: 7200 });
    await untilJobs('in-time', 1);
    assert.deepEqual((await api.list(`${jobs}?labelSelector=cron%3Dtoo-late`)).items, []);
  });

  it('keeps as many ended jobs as it is told to', async () => {
    await resume('forgetful', 1, { schedule: '0 * * * *', successfulJobsHistoryLimit: 0 });
    const [job] = await untilJobs('forgetful', 1);
    const name = job?.metadata.name;
    const pods = `${api.pathIn('default', 'pods')}?labelSelector=job-name%3D${name}`;
    const [pod] = await untilAll(api, pods, 'is there', (items) => items.length === 1);
    await api.patch(`${api.pathIn('default', 'pods')}/${pod?.metadata.name}/status`, {
      status: { phase: 'Succeeded' },
    });
    await untilJobs('forgetful', 0);
    assert.equal(await untilEvent('forgetful', 'SawCompletedJob'), `Saw completed job: ${name}, condition: Complete`);
    assert.equal(await untilEvent('forgetful', 'SuccessfulDelete'), `Deleted job ${name}`);
    const { status } = await api.get<CronJob>(`${cronJobs}/forgetful`);
    assert.notEqual(status?.lastSuccessfulTime, undefined);
  });

  it('is refused in Kubernetes’ words', async () => {
    const refusal = async (body: object): Promise<string> =>
      (await api.refused(422, 'Invalid', 'POST', cronJobs, { body })).message;
    const start = 'CronJob.batch "wrong" is invalid: ';
    const cases: [body: object, message: string][] = [
      [
        manifest('wrong', { schedule: 'TZ=UTC * * * * *' }),
        'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
      [
        manifest('wrong', { timeZone: 'Mars/Olympus' }),
        'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
      ],
      [
        manifest('wrong', { concurrencyPolicy: 'Some' }),
        'spec.concurrencyPolicy: Unsupported value: "Some": supported values: "Allow", "Forbid", "Replace"',
      ],
      [
        manifest('wrong', { startingDeadlineSeconds: -1 }),
        'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      ],
      [
        manifest('wrong', {}, { manualSelector: true }),
        'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
      ],
      [
        manifest('wrong', {}, { selector: { matchLabels: { a: 'b' } } }),
        'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
      ],
    ];
    for (const [body, message] of cases) assert.equal(await refusal(body), start + message);
    const long = 'x'.repeat(53);
    assert.equal(
      await refusal(manifest(long, {})),
      `CronJob.batch "${long}" is invalid: metadata.name: Invalid value: "${long}": must be no more than 52 characters`,
    );
    // Names are subdomains; conditions of a failure policy are true unless it says otherwise.
    const rules = [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }];
    await api.create(cronJobs, manifest('with.dots', { suspend: true }, { podFailurePolicy: { rules } }));
  });
});
