// LimitRanges, with what they make of new pods, and PriorityClasses.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { isNewer, labelled } from './support/objects.ts';

type Amounts = { cpu?: string; memory?: string; 'ephemeral-storage'?: string };
type Limit = { type: string; min: Amounts; max: Amounts; default: Amounts; defaultRequest: Amounts };
type LimitRange = KubeObject & { spec: { limits: Limit[] } };
type Pod = KubeObject & { spec: { containers: { resources: { requests?: Amounts; limits?: Amounts } }[] } };
type PriorityClass = KubeObject & { value: number; description?: string };

function amounts(cpu: string, memory: string, storage: string): Amounts {
  return { cpu, memory, 'ephemeral-storage': storage };
}

const limit: Limit = {
  type: 'Container',
  min: amounts('50m', '100Mi', '100Gi'),
  max: amounts('500m', '500Mi', '500Gi'),
  default: amounts('500m', '500Mi', '500Gi'),
  defaultRequest: amounts('100m', '200Mi', '200Gi'),
};
const lowerMin = amounts('9m', '49Mi', '49Gi');

function podOf(name: string, requests: Amounts, limits: Amounts = {}): object {
  return {
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'busybox', resources: { requests, limits } }] },
  };
}

/** As forbidden by a limit, or as invalid: the default limit is below what it requests. */
async function isRefused(cluster: Cluster, pod: object): Promise<void> {
  const { code, text } = await cluster.request('POST', cluster.path('pods'), { body: pod });
  assert.ok(code === 403 || code === 422, `${code} ${text}`);
}

conformance(
  '[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]',
  async (cluster) => {
    const ranges = cluster.path('limitranges');
    const pods = cluster.path('pods');
    const selected = `${ranges}?${labelled('time', 'now')}`;
    assert.deepEqual((await cluster.list(selected)).items, []);
    const watch = await cluster.watch<LimitRange>(selected);
    const metadata = { name: 'limit-range', labels: { time: 'now' } };
    await cluster.create(ranges, { metadata, spec: { limits: [limit] } });
    assert.deepEqual((await watch.next('ADDED')).spec.limits, [limit]);
    const range = await cluster.get<LimitRange>(`${ranges}/limit-range`);
    assert.deepEqual(range.spec.limits, [limit]);

    await cluster.create(pods, podOf('no-resources', {}));
    const bare = await cluster.get<Pod>(`${pods}/no-resources`);
    assert.deepEqual(
      bare.spec.containers.map(({ resources }) => resources),
      [{ requests: limit.defaultRequest, limits: limit.default }],
    );
    // A limit without a request is the request too: the default request is for containers that name neither.
    const [some, others] = [{ memory: '150Mi', 'ephemeral-storage': '150Gi' }, { cpu: '300m' }];
    await cluster.create(pods, podOf('partial-resources', some, others));
    const partial = await cluster.get<Pod>(`${pods}/partial-resources`);
    assert.deepEqual(
      partial.spec.containers.map(({ resources }) => resources),
      [{ requests: amounts('300m', '150Mi', '150Gi'), limits: amounts('300m', '500Mi', '500Gi') }],
    );
    const tooLittle = podOf('little', amounts('10m', '50Mi', '50Gi'));
    const much = amounts('600m', '600Mi', '600Gi');
    const tooMuch = podOf('much', much);
    await cluster.refused(403, 'Forbidden', 'POST', pods, { body: tooLittle });
    await cluster.refused(403, 'Forbidden', 'POST', pods, { body: podOf('much', much, much) });
    await isRefused(cluster, tooMuch);

    const changed = { ...limit, min: lowerMin };
    await cluster.update(`${ranges}/limit-range`, { ...range, spec: { limits: [changed] } });
    assert.deepEqual((await cluster.get<LimitRange>(`${ranges}/limit-range`)).spec.limits, [changed]);
    await cluster.create(pods, tooLittle);
    await isRefused(cluster, tooMuch);

    await cluster.delete(`${ranges}/limit-range`, { gracePeriodSeconds: 30 });
    await cluster.gone(`${ranges}/limit-range`);
    assert.deepEqual((await cluster.list(ranges)).items, []);
    await cluster.create(pods, tooMuch);
  },
);

conformance(
  '[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]',
  async (cluster) => {
    const object = {
      metadata: { name: 'collected', labels: { set: 'collected', state: 'created' } },
      spec: { limits: [limit] },
    };
    const other = `${cluster.namespace}-other`;
    await cluster.addNamespace(other);
    await cluster.create(cluster.path('limitranges'), object);
    await cluster.create(cluster.pathIn(other, 'limitranges'), object);
    const namespaces = async (): Promise<(string | undefined)[]> => {
      const { items } = await cluster.list(`/api/v1/limitranges?${labelled('set', 'collected')}`);
      return items.map(({ metadata }) => metadata.namespace).sort();
    };
    assert.deepEqual(await namespaces(), [cluster.namespace, other]);
    const patched = await cluster.patch<LimitRange>(
      cluster.path('limitranges/collected'),
      { metadata: { labels: { state: 'patched' } }, spec: { limits: [{ ...limit, min: lowerMin }] } },
      'strategic',
    );
    assert.equal(patched.metadata.labels?.state, 'patched');
    assert.deepEqual(patched.spec.limits, [{ ...limit, min: lowerMin }]);
    const ofPatched = `${cluster.path('limitranges')}?${labelled('state', 'patched')}`;
    await cluster.delete(ofPatched);
    assert.deepEqual((await cluster.list(ofPatched)).items, []);
    assert.deepEqual(await namespaces(), [other]);
    await cluster.delete(`/api/v1/namespaces/${other}`);
  },
);

conformance(
  '[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]',
  async (cluster) => {
    const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
    const created: PriorityClass[] = [];
    for (const value of [1, 2])
      created.push(await cluster.create(classes, { metadata: { name: `p${value}`, labels: { set: 'p' } }, value }));
    const [first, second] = created;
    assert.ok(first && second);
    await cluster.refused(422, 'Invalid', 'PATCH', `${classes}/p1`, {
      body: { value: 10 },
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
    });
    await cluster.refused(422, 'Invalid', 'PUT', `${classes}/p2`, { body: { ...second, value: 20 } });
    const description = 'updated description';
    await cluster.patch(`${classes}/p1`, { description }, 'strategic');
    await cluster.update(`${classes}/p2`, { ...second, description });
    const names = (await cluster.list(classes)).items.map(({ metadata }) => metadata.name);
    assert.ok(names.includes('p1') && names.includes('p2'), names.join());
    for (const before of created) {
      const now = await cluster.get<PriorityClass>(`${classes}/${before.metadata.name}`);
      assert.deepEqual([now.value, now.description], [before.value, description]);
      assert.ok(isNewer(now, before));
    }
    await cluster.delete(`${classes}?${labelled('set', 'p')}`);
    assert.deepEqual((await cluster.list(`${classes}?${labelled('set', 'p')}`)).items, []);
  },
);
