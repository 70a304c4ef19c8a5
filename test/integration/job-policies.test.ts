// Jobs with a real hub: policies for failures, replacement and success, limits
// per index, suspension, elastic indexes, other controllers' jobs. The test
// plays the nodes: it says how pods end.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Job, Pod } from '../../api/meta/kubernetes.ts';
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

const jobs = api.pathIn('default', 'jobs', 'batch/v1');
const pods = api.pathIn('default', 'pods');
const indexLabel = 'batch.kubernetes.io/job-completion-index';

function createJob(name: string, spec: object): Promise<Job> {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'i' }] } };
  return api.create<Job>(jobs, { metadata: { name }, spec: { template, ...spec } });
}

const podsOf = (name: string): string => `${pods}?labelSelector=${encodeURIComponent(`job-name=${name}`)}`;
const isRunning = ({ status, metadata }: Pod): boolean =>
  status?.phase !== 'Failed' && status?.phase !== 'Succeeded' && metadata.deletionTimestamp === undefined;

/** Waits until so many pods of a job have not ended; resolves with them, by index. */
async function untilRunning(name: string, count: number): Promise<Pod[]> {
  const all = await untilAll<Pod>(
    api,
    podsOf(name),
    `has ${count} running`,
    (items) => items.filter(isRunning).length === count,
  );
  const index = ({ metadata }: Pod): number => Number(metadata.labels?.[indexLabel] ?? 0);
  return all.filter(isRunning).sort((a, b) => index(a) - index(b));
}

/** Says how a pod has ended, long ago, so that nothing is waited for. */
async function end(pod: Pod | undefined, exitCode: number, conditions: object[] = []): Promise<void> {
  assert.ok(pod !== undefined);
  const state = { terminated: { exitCode, finishedAt: '2020-01-01T00:00:00Z' } };
  const containerStatuses = [{ name: 'main', image: 'i', imageID: '', ready: false, restartCount: 0, state }];
  const phase = exitCode === 0 ? 'Succeeded' : 'Failed';
  await api.patch(`${pods}/${pod.metadata.name}/status`, { status: { phase, containerStatuses, conditions } });
}

const untilJob = (name: string, what: string, fits: (status: NonNullable<Job['status']>) => boolean): Promise<Job> =>
  api.until<Job>(`${jobs}/${name}`, what, ({ status }) => status !== undefined && fits(status));
const conditionsOf = ({ status }: Job): string[] =>
  (status?.conditions ?? []).flatMap((one) =>
    one.status === 'True' ? [`${one.type} ${one.reason}: ${one.message}`] : [],
  );
const untilOver = (name: string): Promise<Job> =>
  untilJob(name, 'is over', ({ conditions }) =>
    Boolean(conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')),
  );
async function untilEvent(name: string, reason: string): Promise<void> {
  const events = `${api.pathIn('default', 'events')}?fieldSelector=involvedObject.name%3D${name}`;
  await untilAll(api, events, `has ${reason}`, (items) => items.some((event) => event.reason === reason));
}

describe('a job', { timeout: 120_000 }, () => {
  it('fails by its pod failure policy, and ignores what it is told to ignore', async () => {
    const rules = [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
      { action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } },
    ];
    const made = await createJob('policed', {
      completions: 2,
      parallelism: 2,
      backoffLimit: 0,
      podFailurePolicy: { rules },
    });
    assert.equal(made.spec?.podReplacementPolicy, 'Failed');
    assert.equal(made.spec?.podFailurePolicy?.rules[0]?.onPodConditions?.[0]?.status, 'True');
    const [first] = await untilRunning('policed', 2);
    await end(first, 1, [{ type: 'DisruptionTarget', status: 'True' }]);
    await untilAll<Pod>(
      api,
      podsOf('policed'),
      'replaced it',
      (all) => all.length === 3 && all.filter(isRunning).length === 2,
    );
    const [second] = await untilRunning('policed', 2);
    await end(second, 42);
    const over = await untilOver('policed');
    const why = `PodFailurePolicy: Container main for pod default/${second?.metadata.name} failed with exit code 42 matching FailJob rule at index 1`;
    assert.deepEqual(conditionsOf(over), [`FailureTarget ${why}`, `Failed ${why}`]);
    assert.equal(over.status?.terminating, 0);
    await untilEvent('policed', 'PodFailurePolicy');
  });

  it('tries each index within its own limit', async () => {
    const spec = { completionMode: 'Indexed', completions: 3, parallelism: 3, backoffLimitPerIndex: 1 };
    await createJob('limits', spec);
    await end((await untilRunning('limits', 3))[1], 1);
    const again = await untilAll<Pod>(
      api,
      podsOf('limits'),
      'index 1 is tried again',
      (all) => all.length === 4 && all.filter(isRunning).length === 3,
    );
    const retried = again.filter(isRunning).find(({ metadata }) => metadata.labels?.[indexLabel] === '1');
    assert.equal(retried?.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
    await end(retried, 1);
    await untilJob(
      'limits',
      'has given index 1 up',
      ({ failedIndexes, failed }) => failedIndexes === '1' && failed === 2,
    );
    for (const pod of await untilRunning('limits', 2)) await end(pod, 0);
    const { status, ...over } = await untilOver('limits');
    assert.deepEqual(
      [status?.completedIndexes, status?.failedIndexes, status?.succeeded, status?.failed],
      ['0,2', '1', 2, 2],
    );
    assert.deepEqual(conditionsOf({ ...over, status } as Job).at(-1), 'Failed FailedIndexes: Job has failed indexes');
  });

  it('is complete by its success policy', async () => {
    const successPolicy = { rules: [{ succeededIndexes: '1-2', succeededCount: 1 }] };
    await createJob('success', { completionMode: 'Indexed', completions: 3, parallelism: 3, successPolicy });
    await end((await untilRunning('success', 3))[2], 0);
    const over = await untilOver('success');
    const why = 'SuccessPolicy: Matched rules at index 0';
    assert.deepEqual(conditionsOf(over), [`SuccessCriteriaMet ${why}`, `Complete ${why}`]);
    assert.equal(over.status?.completedIndexes, '2');
    await untilEvent('success', 'Completed');
  });

  it('is suspended and goes on, told by conditions and events', async () => {
    await createJob('paused', { completions: 1 });
    await untilRunning('paused', 1);
    await api.patch(`${jobs}/paused`, { spec: { suspend: true } });
    const paused = await untilJob('paused', 'is suspended', ({ conditions }) => conditions?.[0]?.status === 'True');
    assert.deepEqual(conditionsOf(paused), ['Suspended JobSuspended: Job suspended']);
    await untilRunning('paused', 0);
    await untilEvent('paused', 'Suspended');
    await api.patch(`${jobs}/paused`, { spec: { suspend: false } });
    await end((await untilRunning('paused', 1))[0], 0);
    assert.equal((await untilOver('paused')).status?.failed ?? 0, 0);
    await untilEvent('paused', 'Resumed');
  });

  it('grows and shrinks with its indexes', async () => {
    await createJob('elastic', { completionMode: 'Indexed', completions: 2, parallelism: 2 });
    await untilRunning('elastic', 2);
    await api.patch(`${jobs}/elastic`, { spec: { completions: 4, parallelism: 4 } });
    await untilRunning('elastic', 4);
    await api.patch(`${jobs}/elastic`, { spec: { completions: 1, parallelism: 1 } });
    const [left] = await untilRunning('elastic', 1);
    assert.equal(left?.metadata.labels?.[indexLabel], '0');
    await end(left, 0);
    assert.equal((await untilOver('elastic')).status?.completedIndexes, '0');
    const refusal = await api.refused(422, 'Invalid', 'PATCH', `${jobs}/elastic`, {
      body: { spec: { completions: 9 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal(
      refusal.message,
      'Job.batch "elastic" is invalid: spec.completions: Invalid value: 9: can only be modified in tandem with spec.parallelism',
    );
  });

  it('of another controller gets no pods', async () => {
    await createJob('foreign', { managedBy: 'example.com/queue' });
    await createJob('own', {});
    await untilRunning('own', 1);
    assert.deepEqual((await api.list(podsOf('foreign'))).items, []);
    assert.deepEqual((await api.get<Job>(`${jobs}/foreign`)).status, {});
  });
});
