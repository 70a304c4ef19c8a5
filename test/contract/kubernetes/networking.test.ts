// Objects of networking.k8s.io: Ingress, IngressClass, IPAddress, ServiceCIDR.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { conformance } from './support/conformance.ts';
import { isNewer, labelled, nameOf } from './support/objects.ts';
import { checkOperations, discover } from './support/operations.ts';

type Ingress = KubeObject & { status: { loadBalancer: { ingress?: { ip: string }[] } } };

const apiVersion = 'networking.k8s.io/v1';

conformance(
  '[sig-network] Ingress API should support creating Ingress API operations [Conformance]',
  async (cluster) => {
    const backend = (service: string): object => ({ service: { name: service, port: { number: 8080 } } });
    const paths = [{ path: '/', pathType: 'ImplementationSpecific', backend: backend('test-backend') }];
    await checkOperations(cluster, {
      apiVersion,
      kind: 'Ingress',
      resource: 'ingresses',
      namespaced: true,
      subresources: ['status'],
      fields: {
        spec: { defaultBackend: backend('default-backend'), rules: [{ host: 'host.example.com', http: { paths } }] },
        status: { loadBalancer: {} },
      },
      more: async (path, created) => {
        const loadBalancer = { ingress: [{ ip: '169.1.1.1' }] };
        const patched = await cluster.patch<Ingress>(`${path}/status`, {
          metadata: { annotations: { patchedstatus: 'true' } },
          status: { loadBalancer },
        });
        assert.deepEqual(patched.status.loadBalancer, loadBalancer);
        assert.equal(patched.metadata.annotations?.patchedstatus, 'true');
        const updated = await cluster.change<Ingress>(`${path}/status`, ({ status }) => {
          status.loadBalancer = { ingress: [{ ip: '169.1.1.2' }] };
        });
        assert.deepEqual(updated.status.loadBalancer, { ingress: [{ ip: '169.1.1.2' }] });
        const read = await cluster.get<Ingress>(`${path}/status`);
        assert.equal(read.metadata.uid, created.metadata.uid);
        assert.deepEqual(read.status.loadBalancer, updated.status.loadBalancer);
      },
    });
  },
);

conformance(
  '[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]',
  async (cluster) => {
    await checkOperations(cluster, {
      apiVersion,
      kind: 'IngressClass',
      resource: 'ingressclasses',
      namespaced: false,
      names: ['class-1', 'class-2', 'class-3'],
      fields: { spec: { controller: 'example.com/controller' } },
    });
  },
);

conformance(
  '[sig-network] ServiceCIDR and IPAddress API should support IPAddress API operations [Conformance]',
  async (cluster) => {
    const addresses = await discover(cluster, {
      apiVersion,
      kind: 'IPAddress',
      resource: 'ipaddresses',
      namespaced: false,
    });
    const parentRef = { group: 'mygroup', resource: 'myresources', namespace: 'foo', name: 'bar' };
    const [broadcast, local] = ['255.255.255.255', 'fe80::42:1dff:fe84:f9e2'];
    const address = (name: string, type: string): object => ({
      apiVersion,
      kind: 'IPAddress',
      metadata: { name, labels: { type } },
      spec: { parentRef },
    });
    const created = await cluster.create(addresses, address(broadcast, 'broadcast'));
    await cluster.create(addresses, address(local, 'link-local'));
    const path = `${addresses}/${broadcast}`;
    const patched = await cluster.patch(path, { metadata: { annotations: { patched: 'true' } } });
    assert.deepEqual(patched.metadata.annotations, { patched: 'true' });
    assert.ok(isNewer(patched, created));
    const updated = await cluster.change(path, ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, updated: 'true' };
    });
    assert.deepEqual(updated.metadata.annotations, { patched: 'true', updated: 'true' });
    assert.deepEqual(await cluster.get(path), updated);
    const ofBroadcast = `${addresses}?${labelled('type', 'broadcast')}`;
    assert.deepEqual((await cluster.list(ofBroadcast)).items.map(nameOf), [broadcast]);
    const watch = await cluster.watch(ofBroadcast);
    assert.deepEqual(await watch.next('ADDED'), updated);
    await cluster.delete(path);
    await watch.next('DELETED');
    const ofLocal = `${addresses}?${labelled('type', 'link-local')}`;
    assert.deepEqual((await cluster.list(ofLocal)).items.map(nameOf), [local]);
    await cluster.delete(ofLocal);
    assert.deepEqual((await cluster.list(ofLocal)).items, []);
  },
);

conformance(
  '[sig-network] ServiceCIDR and IPAddress API should support ServiceCIDR API operations [Conformance]',
  async (cluster) => {
    const ranges = await discover(cluster, {
      apiVersion,
      kind: 'ServiceCIDR',
      resource: 'servicecidrs',
      namespaced: false,
      subresources: ['status'],
    });
    const { metadata } = await cluster.until(`${ranges}/kubernetes`, 'is there', () => true);
    assert.equal((await cluster.get(`${ranges}/kubernetes`)).metadata.uid, metadata.uid);
    const status = await cluster.get(`${ranges}/kubernetes/status`);
    assert.deepEqual([status.apiVersion, status.kind, status.metadata.uid], [apiVersion, 'ServiceCIDR', metadata.uid]);
    assert.ok((await cluster.list(ranges)).items.map(nameOf).includes('kubernetes'));
    const watch = await cluster.watch(ranges);
    await watch.first(({ object }) => object.metadata.uid === metadata.uid, 'the default ServiceCIDR');
  },
);
