// Endpoints and EndpointSlices: as objects, and what controllers make of them
// for Services that find no pod and for Endpoints that somebody else writes.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { isNewer, labelled, nameOf, untilAll } from './support/objects.ts';
import { checkOperations } from './support/operations.ts';

type EndpointSlice = KubeObject & {
  endpoints?: { addresses: string[] }[] | null;
  ports?: { port?: number }[] | null;
};
type Endpoints = KubeObject & {
  subsets: { addresses: { ip: string }[]; ports: { name?: string; port: number }[] }[];
};

const sliceVersion = 'discovery.k8s.io/v1';
const name = 'example-empty-selector';

async function createServiceOfNoPod(cluster: Cluster): Promise<void> {
  await cluster.create(cluster.path('services'), {
    metadata: { name },
    spec: {
      selector: { 'does-not-match-anything': 'endpoints-and-slices-are-made-all-the-same' },
      ports: [{ name: 'example', port: 80, protocol: 'TCP' }],
    },
  });
}

conformance(
  '[sig-network] EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods [Conformance]',
  async (cluster) => {
    await createServiceOfNoPod(cluster);
    const slices = `${cluster.path('endpointslices', sliceVersion)}?${labelled('kubernetes.io/service-name', name)}`;
    const [slice] = await untilAll<EndpointSlice>(cluster, slices, 'has a slice', (items) => items.length > 0);
    assert.ok(slice);
    assert.equal(slice.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslice-controller.k8s.io');
    assert.deepEqual(slice.endpoints ?? [], []);
    await cluster.delete(cluster.path(`services/${name}`));
    await untilAll(cluster, slices, 'has no slice', (items) => items.length === 0);
  },
);

conformance(
  '[sig-network] EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods [Conformance]',
  async (cluster) => {
    await createServiceOfNoPod(cluster);
    const path = cluster.path(`endpoints/${name}`);
    await cluster.until(path, 'is made', () => true);
    await cluster.delete(cluster.path(`services/${name}`));
    await cluster.gone(path);
    await cluster.refused(404, 'NotFound', 'GET', path);
  },
);

conformance(
  '[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]',
  async (cluster) => {
    await checkOperations(cluster, {
      apiVersion: sliceVersion,
      kind: 'EndpointSlice',
      resource: 'endpointslices',
      namespaced: true,
      fields: {
        addressType: 'IPv4',
        endpoints: [{ addresses: ['1.2.3.4', '5.6.7.8'] }, { addresses: ['2.2.3.4', '6.6.7.8'] }],
        ports: null,
      },
    });
  },
);

conformance(
  '[sig-network] EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete [Conformance]',
  async (cluster) => {
    const metadata = { name: 'example-custom-endpoints' };
    const ports = [{ name: 'example', port: 80, protocol: 'TCP' }];
    await cluster.create(cluster.path('services'), { metadata, spec: { ports } });
    const selector = labelled('kubernetes.io/service-name', metadata.name);
    const slices = `${cluster.path('endpointslices', sliceVersion)}?${selector}`;
    const endpoints = (ip: string): object => ({ metadata, subsets: [{ addresses: [{ ip }], ports: [{ port: 80 }] }] });
    const mirrors = (ip: string, items: EndpointSlice[]): boolean =>
      items.length === 1 &&
      items.every((slice) => slice.endpoints?.flatMap(({ addresses }) => addresses).join() === ip) &&
      items.every((slice) => slice.ports?.map(({ port }) => port).join() === '80');

    await cluster.create(cluster.path('endpoints'), endpoints('10.1.2.3'));
    await untilAll<EndpointSlice>(cluster, slices, 'mirrors them', (items) => mirrors('10.1.2.3', items));
    // Without a resource version: unconditionally.
    await cluster.update(cluster.path(`endpoints/${metadata.name}`), endpoints('10.2.3.4'));
    await untilAll<EndpointSlice>(cluster, slices, 'mirrors the change', (items) => mirrors('10.2.3.4', items));
    await cluster.delete(cluster.path(`endpoints/${metadata.name}`));
    await untilAll(cluster, slices, 'mirrors the deletion', (items) => items.length === 0);
  },
);

conformance('[sig-network] Endpoints should test the lifecycle of an Endpoint [Conformance]', async (cluster) => {
  const collection = cluster.path('endpoints');
  const path = `${collection}/testservice`;
  const selector = labelled('static', 'true');
  const before = await cluster.list(`/api/v1/endpoints?${selector}`);
  const watch = await cluster.watch(`${collection}?${selector}&resourceVersion=${before.metadata.resourceVersion}`);
  const created = await cluster.create<Endpoints>(collection, {
    metadata: { name: 'testservice', labels: { static: 'true' } },
    subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }],
  });
  assert.deepEqual(await watch.next('ADDED'), created);
  const { items } = await cluster.list(`/api/v1/endpoints?${selector}`);
  assert.deepEqual(items.map(nameOf), ['testservice']);

  const updated = await cluster.change(path, ({ metadata }) => {
    metadata.labels = { ...metadata.labels, state: 'updated' };
  });
  assert.deepEqual(await watch.next('MODIFIED'), updated);
  assert.equal((await cluster.get(path)).metadata.labels?.state, 'updated');

  await cluster.patch(
    path,
    {
      metadata: { labels: { state: 'patched' } },
      subsets: [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080 }] }],
    },
    'strategic',
  );
  const patched = await cluster.get<Endpoints>(path);
  assert.deepEqual(await watch.next('MODIFIED'), patched);
  assert.ok(isNewer(patched, created));
  assert.equal(patched.metadata.labels?.state, 'patched');
  const [subset] = patched.subsets;
  assert.deepEqual(subset?.addresses, [{ ip: '10.0.0.25' }]);
  assert.deepEqual([subset?.ports[0]?.name, subset?.ports[0]?.port], ['http-test', 8080]);

  await cluster.delete(`${collection}?${selector}`);
  assert.equal((await watch.next('DELETED')).metadata.uid, created.metadata.uid);
  await cluster.refused(404, 'NotFound', 'GET', path);
});
