// Leases, Nodes and PodTemplates as objects.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { conformance } from './support/conformance.ts';
import { isNewer, labelled, nameOf, versionOf } from './support/objects.ts';

type LeaseSpec = {
  holderIdentity: string;
  leaseDurationSeconds: number;
  acquireTime: string;
  renewTime: string;
  leaseTransitions: number;
};
type Lease = KubeObject & { spec: LeaseSpec };

/** Times of the year 1, which a lease may well have. */
function time(seconds: number): string {
  return `0001-01-01T00:0${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}.000000Z`;
}

conformance('[sig-node] Lease lease API should be available [Conformance]', async (cluster) => {
  const leases = cluster.path('leases', 'coordination.k8s.io/v1');
  const first: LeaseSpec = {
    holderIdentity: 'holder',
    leaseDurationSeconds: 30,
    acquireTime: time(2),
    renewTime: time(5),
    leaseTransitions: 0,
  };
  const created = await cluster.create<Lease>(leases, { metadata: { name: 'lease' }, spec: first });
  assert.ok(versionOf(created) > 0n);
  assert.deepEqual((await cluster.get<Lease>(`${leases}/lease`)).spec, first);

  const second = {
    ...first,
    holderIdentity: 'holder2',
    acquireTime: time(20),
    renewTime: time(50),
    leaseTransitions: 1,
  };
  await cluster.update(`${leases}/lease`, { ...created, spec: second });
  assert.deepEqual((await cluster.get<Lease>(`${leases}/lease`)).spec, second);

  const third: LeaseSpec = {
    holderIdentity: 'holder3',
    leaseDurationSeconds: 60,
    acquireTime: time(50),
    renewTime: time(70),
    leaseTransitions: 2,
  };
  await cluster.patch(`${leases}/lease`, { spec: third }, 'strategic');
  const patched = await cluster.get<Lease>(`${leases}/lease`);
  assert.deepEqual(patched.spec, third);
  assert.ok(isNewer(patched, created));

  await cluster.create(leases, { metadata: { name: 'lease2', labels: { deletecollection: 'true' } }, spec: first });
  assert.deepEqual((await cluster.list(leases)).items.map(nameOf), ['lease', 'lease2']);
  await cluster.delete(`${leases}?${labelled('deletecollection', 'true')}`);
  assert.deepEqual((await cluster.list(leases)).items.map(nameOf), ['lease']);
  const everywhere = await cluster.list('/apis/coordination.k8s.io/v1/leases');
  assert.ok(everywhere.items.some(({ metadata }) => metadata.uid === created.metadata.uid));
  await cluster.delete(`${leases}/lease`);
  await cluster.refused(404, 'NotFound', 'GET', `${leases}/lease`);
});

conformance('[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]', async (cluster) => {
  const name = 'fake-node';
  const path = `/api/v1/nodes/${name}`;
  // Ready, so that nobody takes it for lost, but nothing may be scheduled to it.
  const ready = { type: 'Ready', status: 'True', reason: 'Conformance', message: 'set by a test' };
  const created = await cluster.create('/api/v1/nodes', {
    metadata: { name },
    spec: { unschedulable: true },
    status: { phase: 'Running', conditions: [ready] },
  });
  assert.equal(created.metadata.name, name);
  assert.equal((await cluster.get(path)).metadata.uid, created.metadata.uid);
  const patched = await cluster.patch(path, { metadata: { labels: { [name]: 'patched' } } }, 'strategic');
  assert.equal(patched.metadata.labels?.[name], 'patched');
  assert.deepEqual((await cluster.list(`/api/v1/nodes?${labelled(name, 'patched')}`)).items.map(nameOf), [name]);
  const updated = await cluster.change(path, ({ metadata }) => {
    metadata.labels = { ...metadata.labels, [name]: 'updated' };
  });
  assert.equal(updated.metadata.labels?.[name], 'updated');
  await cluster.delete(path);
  await cluster.gone(path);
  await cluster.refused(404, 'NotFound', 'GET', path);
});

function podTemplate(name: string, labels: Record<string, string> = {}): object {
  return { metadata: { name, labels }, template: { spec: { containers: [{ name: 'c', image: 'nginx' }] } } };
}

conformance('[sig-node] PodTemplates should delete a collection of pod templates [Conformance]', async (cluster) => {
  const templates = cluster.path('podtemplates');
  const names = ['podtemplate-1', 'podtemplate-2', 'podtemplate-3'];
  for (const name of names) await cluster.create(templates, podTemplate(name, { set: 'true' }));
  const selected = `${templates}?${labelled('set', 'true')}`;
  assert.deepEqual((await cluster.list(selected)).items.map(nameOf), names);
  await cluster.delete(selected);
  assert.deepEqual((await cluster.list(selected)).items, []);
});

conformance('[sig-node] PodTemplates should replace a pod template [Conformance]', async (cluster) => {
  const templates = cluster.path('podtemplates');
  await cluster.create(templates, podTemplate('replaced'));
  const updated = await cluster.change(`${templates}/replaced`, ({ metadata }) => {
    metadata.annotations = { updated: 'true' };
  });
  assert.deepEqual(updated.metadata.annotations, { updated: 'true' });
});

conformance('[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]', async (cluster) => {
  const everywhere = `/api/v1/podtemplates?${labelled('static', 'true')}`;
  assert.deepEqual((await cluster.list(everywhere)).items, []);
  const path = cluster.path('podtemplates/lived');
  await cluster.create(cluster.path('podtemplates'), podTemplate('lived', { static: 'true' }));
  const created = await cluster.get(path);
  assert.equal(created.metadata.name, 'lived');
  const patched = await cluster.patch(path, { metadata: { labels: { podtemplate: 'patched' } } }, 'strategic');
  assert.ok(isNewer(patched, created));
  assert.deepEqual((await cluster.get(path)).metadata.labels, { podtemplate: 'patched', static: 'true' });
  assert.deepEqual((await cluster.list(everywhere)).items.map(nameOf), ['lived']);
  await cluster.delete(path);
  assert.deepEqual((await cluster.list(everywhere)).items, []);
});
