// Jobs with real containers: exit codes reach the policies, an index reaches
// its container, and a pod that is deleted is replaced when it has ended.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Job } from '../../api/meta/kubernetes.ts';
import { type Pod, TestCluster } from '../support/cluster.ts';
import { shell } from '../support/pods.ts';

const endTimeoutMs = 60_000;

describe('a job', { timeout: 180_000, concurrency: 3 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start();
    await cluster.addAgent({ name: 'worker' });
  });
  after(async () => {
    const errors = cluster?.hub.errors();
    await cluster?.stop();
    assert.deepEqual(errors, []);
  });

  async function createJob(name: string, script: string, spec: object): Promise<void> {
    const template = {
      spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [shell('main', script)] },
    };
    await cluster.kubectl.apply([
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template, ...spec } },
    ]);
  }
  const until = (name: string, what: string, fits: (status: NonNullable<Job['status']>) => boolean): Promise<Job> =>
    cluster.until(
      `job ${name} ${what}`,
      async () => {
        const job = await cluster.kubectl.json<Job>(['get', 'job', name]);
        return job.status !== undefined && fits(job.status) ? job : undefined;
      },
      endTimeoutMs,
    );
  const has = ({ conditions }: NonNullable<Job['status']>, type: string): boolean =>
    conditions?.some((one) => one.type === type && one.status === 'True') === true;
  const podsOf = async (name: string): Promise<Pod[]> =>
    (await cluster.kubectl.json<{ items: Pod[] }>(['get', 'pods', '-l', `job-name=${name}`])).items;

  it('ends at an exit code that it can’t live with', async () => {
    const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }];
    await createJob('fatal', 'exit 42', { backoffLimit: 5, podFailurePolicy: { rules } });
    const { status } = await until('fatal', 'has failed', (one) => has(one, 'Failed'));
    const failed = status?.conditions?.find(({ type }) => type === 'Failed');
    assert.equal(failed?.reason, 'PodFailurePolicy');
    assert.match(
      failed?.message ?? '',
      /^Container main for pod default\/fatal-\w+ failed with exit code 42 matching FailJob /,
    );
    assert.equal(status?.failed, 1);
  });

  it('lets each index fail by itself', async () => {
    const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 3, backoffLimitPerIndex: 0 };
    await createJob('indexes', 'exit $((JOB_COMPLETION_INDEX == 1))', indexed);
    const { status } = await until('indexes', 'has failed', (one) => has(one, 'Failed'));
    assert.deepEqual([status?.completedIndexes, status?.failedIndexes, status?.failed], ['0,2', '1', 1]);
  });

  it('replaces a pod when it has ended', async () => {
    // Killed at the end of its grace period: a container that ended well would be a success.
    await createJob('replaced', 'while true; do sleep 1; done', { podReplacementPolicy: 'Failed' });
    await until('replaced', 'runs', ({ ready }) => ready === 1);
    const [first] = await podsOf('replaced');
    await cluster.kubectl.ok(['delete', 'pod', first?.metadata.name ?? '']);
    await until(
      'replaced',
      'runs again',
      ({ ready, failed, terminating }) => ready === 1 && failed === 1 && terminating === 0,
    );
    const [second, ...others] = await podsOf('replaced');
    assert.notEqual(second?.metadata.name, first?.metadata.name);
    assert.deepEqual(others, []);
    await cluster.kubectl.ok(['patch', 'job', 'replaced', '-p', '{"spec":{"suspend":true}}']);
    await until('replaced', 'is suspended', (one) => has(one, 'Suspended'));
    await cluster.podGone(second?.metadata.name ?? '');
    assert.deepEqual(await podsOf('replaced'), []);
  });
});
