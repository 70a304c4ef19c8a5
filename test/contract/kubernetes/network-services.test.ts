// Services as objects: the one of the API server itself, status, collections.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { conformance } from './support/conformance.ts';
import { labelled, nameOf, untilAll } from './support/objects.ts';

type Condition = { type: string; status: string; reason: string; message: string; lastTransitionTime: string | null };
type Service = KubeObject & { status: { loadBalancer?: { ingress?: { ip: string }[] }; conditions?: Condition[] } };
type Address = { ip: string };
type Endpoints = KubeObject & {
  subsets?: { addresses?: Address[]; notReadyAddresses?: Address[]; ports?: { port: number }[] }[];
};
type EndpointSlice = KubeObject & {
  addressType: string;
  endpoints?: { addresses: string[] }[] | null;
  ports?: { port?: number }[] | null;
};

conformance(
  '[sig-network] API Server should have Endpoints and EndpointSlices pointing to API Server [Conformance]',
  async (cluster) => {
    const there = (): boolean => true;
    await cluster.until('/api/v1/namespaces/default/services/kubernetes', 'is there', there);
    const path = '/api/v1/namespaces/default/endpoints/kubernetes';
    const { subsets = [] } = await cluster.until<Endpoints>(
      path,
      'have addresses',
      (endpoints) => (endpoints.subsets ?? []).length > 0,
    );
    const addresses = subsets.flatMap(({ addresses: ready = [], notReadyAddresses = [] }) => [
      ...ready,
      ...notReadyAddresses,
    ]);
    const ports = subsets.flatMap((subset) => subset.ports ?? []);
    assert.notEqual(addresses.length, 0);
    assert.notEqual(ports.length, 0);
    const slices = await untilAll<EndpointSlice>(
      cluster,
      `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?${labelled('kubernetes.io/service-name', 'kubernetes')}`,
      'are there',
      (items) => items.some(({ addressType }) => addressType === 'IPv4'),
    );
    // Endpoints are of the cluster's first family of addresses only.
    const own = slices.filter(({ addressType }) => addressType === 'IPv4');
    const sliceAddresses = own.flatMap(({ endpoints }) => (endpoints ?? []).flatMap((endpoint) => endpoint.addresses));
    const slicePorts = own.flatMap((slice) => slice.ports ?? []).flatMap(({ port }) => port ?? []);
    assert.deepEqual(new Set(sliceAddresses), new Set(addresses.map(({ ip }) => ip)));
    assert.deepEqual(new Set(slicePorts), new Set(ports.map(({ port }) => port)));
  },
);

conformance('[sig-network] API Server should provide secure master service [Conformance]', async (cluster) => {
  const path = '/api/v1/namespaces/default/services/kubernetes';
  const service = await cluster.until(path, 'is there', () => true);
  assert.equal((await cluster.get(path)).metadata.uid, service.metadata.uid);
});

conformance('[sig-network] Services should complete a service status lifecycle [Conformance]', async (cluster) => {
  const services = cluster.path('services');
  const selector = labelled('static', 'true');
  const { metadata } = await cluster.list(`/api/v1/services?${selector}`);
  const watch = await cluster.watch<Service>(`${services}?${selector}&resourceVersion=${metadata.resourceVersion}`);
  const path = `${services}/balanced`;
  const created = await cluster.create<Service>(services, {
    metadata: { name: 'balanced', labels: { static: 'true' } },
    spec: { type: 'LoadBalancer', ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 80 }] },
  });
  const added = await watch.next('ADDED');
  assert.equal(added.metadata.uid, created.metadata.uid);
  const read = await cluster.get<Service>(`${path}/status`);
  assert.equal(read.metadata.uid, created.metadata.uid);
  assert.deepEqual(read.status.loadBalancer, {});

  await cluster.patch(`${path}/status`, {
    metadata: { annotations: { patchedstatus: 'true' } },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
  });
  const patched = await watch.first(
    ({ object }) => object.metadata.annotations?.patchedstatus === 'true',
    'the patched status',
  );
  assert.equal(patched.object.status.loadBalancer?.ingress?.[0]?.ip, '203.0.113.1');

  // A typed client that sets no time sends null.
  const condition = { type: 'StatusUpdate', status: 'True', reason: 'Conformance', message: 'set by a test' };
  await cluster.change<Service>(`${path}/status`, ({ status }) => {
    status.conditions = [...(status.conditions ?? []), { ...condition, lastTransitionTime: null }];
  });
  const updated = await watch.first(({ object }) => object.status.conditions !== undefined, 'the updated status');
  assert.partialDeepStrictEqual(updated.object.status.conditions, [condition]);
  assert.equal(updated.object.status.loadBalancer?.ingress?.[0]?.ip, '203.0.113.1');
  assert.equal(updated.object.metadata.annotations?.patchedstatus, 'true');

  await cluster.patch(path, { metadata: { labels: { changed: 'patched' } } }, 'strategic');
  await watch.first(({ object }) => object.metadata.labels?.changed === 'patched', 'the patched label');
  await cluster.delete(path);
  const { object } = await watch.first(({ type }) => type === 'DELETED', 'the deletion');
  assert.equal(object.metadata.uid, created.metadata.uid);
});

conformance('[sig-network] Services should delete a collection of services [Conformance]', async (cluster) => {
  const services = cluster.path('services');
  for (const [name, fate, port] of [
    ['a', 'delete', 8001],
    ['b', 'delete', 8002],
    ['c', 'keep', 8003],
  ] as const) {
    await cluster.create(services, {
      metadata: { name, labels: { fate } },
      spec: { type: 'ClusterIP', ports: [{ name: 'http', protocol: 'TCP', port, targetPort: port }] },
    });
  }
  assert.deepEqual((await cluster.list(services)).items.map(nameOf), ['a', 'b', 'c']);
  await cluster.delete(`${services}?${labelled('fate', 'delete')}`);
  assert.deepEqual((await cluster.list(services)).items.map(nameOf), ['c']);
});

conformance(
  '[sig-network] Services should find a service from listing all namespaces [Conformance]',
  async (cluster) => {
    await cluster.until('/api/v1/namespaces/default/services/kubernetes', 'is there', () => true);
    const { items } = await cluster.list('/api/v1/services');
    assert.ok(items.some(({ metadata }) => metadata.name === 'kubernetes' && metadata.namespace === 'default'));
  },
);
