// ResourceQuota as an object: its life, its status, and its scopes.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
import assert from 'node:assert/strict';
import { type Cluster, conformance } from './support/conformance.ts';
import { type Amounts, createQuota, deletePod, hasAmounts, type Quota, quotaPod, untilUsed } from './support/quota.ts';

conformance(
  '[sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota. [Conformance]',
  async (cluster) => {
    const path = cluster.path('resourcequotas');
    const quota = (hard: Amounts): object => ({ metadata: { name: 'changed' }, spec: { hard } });
    await cluster.create(path, quota({ cpu: '1', memory: '500Mi' }));
    const created = await cluster.get<Quota>(`${path}/changed`);
    assert.deepEqual(created.spec.hard, { cpu: '1', memory: '500Mi' });
    const updated = await cluster.update<Quota>(`${path}/changed`, quota({ cpu: '2', memory: '1Gi' }));
    for (const { spec } of [updated, await cluster.get<Quota>(`${path}/changed`)])
      assert.deepEqual(spec.hard, { cpu: '2', memory: '1Gi' });
    await cluster.delete(`${path}/changed`);
    await cluster.refused(404, 'NotFound', 'GET', `${path}/changed`);
  },
);

conformance(
  '[sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota [Conformance]',
  async (cluster) => {
    const path = cluster.path('resourcequotas');
    const quota = {
      metadata: { name: 'life', labels: { quota: 'life' } },
      spec: { hard: { cpu: '1', memory: '500Mi' } },
    };
    await cluster.create(path, quota);
    assert.deepEqual((await cluster.get<Quota>(`${path}/life`)).spec.hard, quota.spec.hard);
    const everywhere = await cluster.list<Quota>('/api/v1/resourcequotas?labelSelector=quota%3Dlife');
    assert.deepEqual(
      everywhere.items.map(({ metadata }) => [metadata.namespace, metadata.name]),
      [[cluster.namespace, 'life']],
    );
    const patch = { metadata: { labels: { life: 'patched' } }, spec: { hard: { memory: '750Mi' } } };
    const patched = await cluster.patch<Quota>(`${path}/life`, patch, 'strategic');
    assert.deepEqual(patched.metadata.labels, { quota: 'life', life: 'patched' });
    assert.deepEqual(patched.spec.hard, { cpu: '1', memory: '750Mi' });
    await cluster.delete(`${path}?labelSelector=quota%3Dlife`);
    await cluster.refused(404, 'NotFound', 'GET', `${path}/life`);
  },
);

/** A controller may look at a status that others wrote as late as at its next resync, which is every five minutes. */
const resyncTimeoutMs = 360_000;

conformance(
  '[sig-api-machinery] ResourceQuota should apply changes to a resourcequota status [Conformance]',
  async (cluster) => {
    const collection = cluster.path('resourcequotas');
    const path = `${collection}/status`;
    const selected = `${collection}?labelSelector=quota%3Dstatus`;
    const from = (await cluster.list(selected)).metadata.resourceVersion;
    const initial = { cpu: '500m', memory: '500Mi' };
    await cluster.create(collection, {
      metadata: { name: 'status', labels: { quota: 'status' } },
      spec: { hard: initial },
    });
    const updated = await cluster.change<Quota>(`${path}/status`, (quota) => {
      quota.status = { hard: initial };
    });
    assert.deepEqual([updated.spec.hard, updated.status?.hard], [initial, initial]);
    const watch = await cluster.watch<Quota>(`${selected}&resourceVersion=${from}`);
    const seen = (hard: Amounts): Promise<unknown> =>
      watch.first(
        ({ object }) => hasAmounts(object.status?.hard, hard),
        `status.hard is ${JSON.stringify(hard)}`,
        resyncTimeoutMs,
      );
    await seen(initial);

    const larger = { cpu: '1', memory: '1Gi' };
    assert.deepEqual((await cluster.patch<Quota>(path, { spec: { hard: larger } }, 'strategic')).spec.hard, larger);
    await cluster.patch(`${path}/status`, { status: { hard: larger } }, 'strategic');
    await seen(larger);
    assert.ok(hasAmounts((await cluster.get<Quota>(`${path}/status`)).status?.hard, larger));

    // The status may be written to anything; the spec stays, and the status comes back to it.
    const wrong = { cpu: '2', memory: '2Gi' };
    const patched = await cluster.patch<Quota>(`${path}/status`, { status: { hard: wrong } }, 'strategic');
    assert.deepEqual([patched.status?.hard, patched.spec.hard], [wrong, larger]);
    await seen(wrong);
    await seen(larger);
    assert.deepEqual((await cluster.get<Quota>(path)).spec.hard, larger);
  },
  resyncTimeoutMs + 60_000,
);

const scopedHard = {
  pods: '5',
  'requests.cpu': '1',
  'requests.memory': '500Mi',
  'limits.cpu': '2',
  'limits.memory': '1Gi',
};
const requests = { cpu: '500m', memory: '200Mi' };
const limits = { cpu: '1', memory: '400Mi' };
const nothing = { pods: '0', 'requests.cpu': '0', 'requests.memory': '0', 'limits.cpu': '0', 'limits.memory': '0' };
const onePod = {
  pods: '1',
  'requests.cpu': requests.cpu,
  'requests.memory': requests.memory,
  'limits.cpu': limits.cpu,
  'limits.memory': limits.memory,
};

/** A pod that is in the scope of one of two quotas counts there, and not in the other, until it is deleted. */
async function followPod(
  cluster: Cluster,
  pod: object,
  [inside, outside]: [string, string],
  [none, one]: [Amounts, Amounts],
): Promise<void> {
  const { metadata } = await cluster.create(cluster.path('pods'), pod);
  await untilUsed(cluster, inside, one);
  await untilUsed(cluster, outside, none);
  await deletePod(cluster, metadata.name);
  await untilUsed(cluster, inside, none);
}

conformance(
  '[sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes. [Conformance]',
  async (cluster) => {
    for (const scope of ['Terminating', 'NotTerminating'])
      await createQuota(cluster, scope.toLowerCase(), { pods: '0' }, { hard: scopedHard, scopes: [scope] });
    const used: [Amounts, Amounts] = [nothing, onePod];
    await followPod(cluster, quotaPod('long', requests, limits), ['notterminating', 'terminating'], used);
    const ending = quotaPod('ending', requests, limits, { activeDeadlineSeconds: 3600 });
    await followPod(cluster, ending, ['terminating', 'notterminating'], used);
  },
);

conformance(
  '[sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope. [Conformance]',
  async (cluster) => {
    for (const scope of ['BestEffort', 'NotBestEffort'])
      await createQuota(cluster, scope.toLowerCase(), { pods: '0' }, { hard: { pods: '5' }, scopes: [scope] });
    const used: [Amounts, Amounts] = [{ pods: '0' }, { pods: '1' }];
    await followPod(cluster, quotaPod('best-effort'), ['besteffort', 'notbesteffort'], used);
    await followPod(cluster, quotaPod('burstable', requests, limits), ['notbesteffort', 'besteffort'], used);
  },
);
