// Objects of dynamic resource allocation, resource.k8s.io: all operations, each
// form of patch, and the status of claims.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import type { patchTypes } from './support/api.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { isNewer, labelled, nameOf } from './support/objects.ts';
import { discover } from './support/operations.ts';

/** What is to be changed: as a merge, and as operations of a JSON patch. */
type Change = { merge: Record<string, unknown>; json: readonly object[] };
type Case = {
  kind: string;
  resource: string;
  namespaced: boolean;
  /** The fields beside apiVersion, kind and metadata. */
  initial: Record<string, unknown>;
  change: Change;
  status?: Change;
};

const apiVersion = 'resource.k8s.io/v1';
const strict = 'fieldValidation=Strict';

const label: Change = {
  merge: { metadata: { labels: { foo: 'bar' } } },
  json: [{ op: 'add', path: '/metadata/labels/foo', value: 'bar' }],
};

/** A change of one field below the root, for which it takes the place of what was there. */
function field(root: string, name: string, value: unknown): Change {
  return { merge: { [root]: { [name]: value } }, json: [{ op: 'add', path: `/${root}/${name}`, value }] };
}

/** Changes are merged into metadata and into one more field; lists take the place of lists. */
function merged(object: KubeObject, { merge }: Change): KubeObject {
  const result: KubeObject = structuredClone(object);
  for (const [key, value] of Object.entries(merge)) {
    if (key === 'metadata') {
      const { labels } = value as { labels: Record<string, string> };
      result.metadata.labels = { ...result.metadata.labels, ...labels };
    } else result[key] = { ...(result[key] as object | undefined), ...(value as object) };
  }
  return result;
}

class Resource {
  readonly #cluster: Cluster;
  readonly #case: Case;
  #collection = '';
  #path = '';
  #selected = '';

  constructor(cluster: Cluster, item: Case) {
    this.#cluster = cluster;
    this.#case = item;
  }

  async offersOperations(): Promise<void> {
    const { kind, resource, change, status, namespaced } = this.#case;
    const cluster = this.#cluster;
    const subresources = status === undefined ? [] : ['status'];
    this.#collection = await discover(cluster, { apiVersion, kind, resource, namespaced, subresources });
    this.#path = `${this.#collection}/test`;
    this.#selected = labelled('conformance', resource);
    const everywhere = `/apis/${apiVersion}/${resource}?${this.#selected}`;
    const watch = await cluster.watch(everywhere);
    const created = await this.#create();
    assert.deepEqual(await watch.next('ADDED'), created);
    assert.deepEqual(await cluster.get(this.#path), created);
    const updated = await cluster.update(this.#path, merged(created, change));
    assert.partialDeepStrictEqual(updated, change.merge);
    assert.ok(isNewer(updated, created));
    assert.deepEqual(await watch.next('MODIFIED'), updated);
    if (status !== undefined) {
      const written = await cluster.update(`${this.#path}/status`, merged(updated, status));
      assert.partialDeepStrictEqual(written, status.merge);
      assert.deepEqual(await watch.next('MODIFIED'), written);
      assert.deepEqual(await cluster.get(`${this.#path}/status`), written);
    }
    for (const type of ['strategic', 'merge', 'json', 'apply'] as const) {
      await this.#startAnew();
      await watch.next('DELETED');
      await this.#patches(type, this.#path, change);
      await watch.next('ADDED');
      await watch.next('MODIFIED');
      if (status === undefined) continue;
      await this.#patches(type, `${this.#path}/status`, status);
      await watch.next('MODIFIED');
    }
    assert.deepEqual((await cluster.list(`${this.#collection}?${this.#selected}`)).items.map(nameOf), ['test']);
    if (namespaced) assert.deepEqual((await cluster.list(everywhere)).items.map(nameOf), ['test']);
    await cluster.delete(`${this.#collection}?${this.#selected}`);
    await cluster.gone(this.#path);
    await watch.next('DELETED');
  }

  #create(): Promise<KubeObject> {
    const { kind, resource, initial } = this.#case;
    const metadata = { name: 'test', labels: { conformance: resource } };
    return this.#cluster.create(`${this.#collection}?${strict}`, { apiVersion, kind, metadata, ...initial });
  }

  async #startAnew(): Promise<void> {
    await this.#cluster.delete(this.#path);
    await this.#cluster.gone(this.#path);
    await this.#create();
  }

  /** The patch names its object, but for a JSON patch. */
  async #patches(type: keyof typeof patchTypes, path: string, { merge, json }: Change): Promise<void> {
    const before = await this.#cluster.get(this.#path);
    const { name, namespace, uid } = before.metadata;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), uid, ...(merge.metadata as object) };
    const body = type === 'json' ? json : { apiVersion, kind: this.#case.kind, ...merge, metadata };
    const owner = type === 'apply' ? '&fieldManager=test-apply&force=true' : '';
    const after = await this.#cluster.patch(`${path}?${strict}${owner}`, body, type);
    assert.partialDeepStrictEqual(after, merge, type);
    assert.equal(after.metadata.uid, uid);
    assert.ok(isNewer(after, before));
  }
}

const requests = [{ name: 'req-0', exactly: { deviceClassName: 'class.example.com' } }];

conformance('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceClass [Conformance]', async (cluster) => {
  const parameters = { apiVersion: 'example.com/v1', kind: 'Parameters', speed: 'high' };
  await new Resource(cluster, {
    kind: 'DeviceClass',
    resource: 'deviceclasses',
    namespaced: false,
    initial: { spec: { selectors: [{ cel: { expression: 'device.driver == "driver.example.com"' } }] } },
    change: field('spec', 'config', [{ opaque: { driver: 'driver.example.com', parameters } }]),
  }).offersOperations();
});

conformance('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaim [Conformance]', async (cluster) => {
  const results = [{ request: 'req-0', driver: 'driver.example.com', pool: 'pool', device: 'device-0' }];
  await new Resource(cluster, {
    kind: 'ResourceClaim',
    resource: 'resourceclaims',
    namespaced: true,
    initial: { spec: { devices: { requests } } },
    // The spec of a claim never changes.
    change: label,
    status: {
      merge: { status: { allocation: { devices: { results } } } },
      json: [{ op: 'add', path: '/status', value: { allocation: { devices: { results } } } }],
    },
  }).offersOperations();
});

conformance('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate [Conformance]', async (cluster) => {
  await new Resource(cluster, {
    kind: 'ResourceClaimTemplate',
    resource: 'resourceclaimtemplates',
    namespaced: true,
    initial: { spec: { spec: { devices: { requests } } } },
    // The spec of a template never changes.
    change: label,
  }).offersOperations();
});

conformance('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceSlice [Conformance]', async (cluster) => {
  const device = { name: 'device-0' };
  await new Resource(cluster, {
    kind: 'ResourceSlice',
    resource: 'resourceslices',
    namespaced: false,
    initial: {
      spec: {
        driver: 'driver.example.com',
        nodeName: 'some-node',
        pool: { name: 'some-node', generation: 1, resourceSliceCount: 1 },
        devices: [device],
      },
    },
    change: field('spec', 'devices', [device, { name: 'device-1' }]),
  }).offersOperations();
});
