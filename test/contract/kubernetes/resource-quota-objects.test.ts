// ResourceQuota: what counts towards it while it lives, by kind.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/#object-count-quota
import { type Cluster, conformance } from './support/conformance.ts';
import { createQuota, deletePod, dongle, exceeds, quotaPod, someOfEverything, untilUsed } from './support/quota.ts';

const quota = 'test-quota';

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated. [Conformance]',
  async (cluster) => {
    await createQuota(cluster, quota, { resourcequotas: '1' });
  },
);

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a service. [Conformance]',
  async (cluster) => {
    await createQuota(cluster, quota, { resourcequotas: '1' });
    const services = cluster.path('services');
    const service = (name: string, type: string): object => ({
      metadata: { name },
      spec: { type, selector: { app: name }, ports: [{ port: 80, targetPort: 80 }] },
    });
    await cluster.create(services, service('plain', 'ClusterIP'));
    await cluster.create(services, service('node-port', 'NodePort'));
    // It gets a node port too, of which there is one, which is taken.
    await exceeds(cluster, quota, 'services', service('balanced', 'LoadBalancer'));
    await untilUsed(cluster, quota, { resourcequotas: '1', services: '2', 'services.nodeports': '1' });
    for (const name of ['plain', 'node-port']) await cluster.delete(`${services}/${name}`);
    await untilUsed(cluster, quota, { resourcequotas: '1', services: '0', 'services.nodeports': '0' });
  },
);

/** Makes a quota with room for one more object than there are, and follows that one. */
async function followOne(cluster: Cluster, resource: string, object: object): Promise<void> {
  const path = cluster.path(resource);
  const before = (await cluster.list(path)).items.length;
  const [found, one] = [String(before), String(before + 1)];
  await createQuota(
    cluster,
    quota,
    { resourcequotas: '1', [resource]: found },
    {
      hard: { ...someOfEverything, [resource]: one },
    },
  );
  await cluster.create(path, { metadata: { name: 'one' }, ...object });
  await untilUsed(cluster, quota, { resourcequotas: '1', [resource]: one });
  await exceeds(cluster, quota, resource, { metadata: { name: 'two' }, ...object });
  await cluster.delete(`${path}/one`);
  await untilUsed(cluster, quota, { resourcequotas: '1', [resource]: found });
}

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a secret. [Conformance]',
  async (cluster) => {
    await followOne(cluster, 'secrets', { data: { 'data-1': Buffer.from('value-1').toString('base64') } });
  },
);

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a configMap. [Conformance]',
  async (cluster) => {
    // Each namespace gets this one, which counts.
    await cluster.until(cluster.path('configmaps/kube-root-ca.crt'), 'is there', () => true);
    await followOne(cluster, 'configmaps', { data: { a: 'b' } });
  },
);

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a pod. [Conformance]',
  async (cluster) => {
    const name = 'test-pod';
    const amounts = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', [dongle]: '2' };
    const { [dongle]: dongles, ...plain } = amounts;
    const used = { resourcequotas: '1', pods: '1', ...plain, [`requests.${dongle}`]: '2' };
    await createQuota(cluster, quota, { resourcequotas: '1' });
    await cluster.create(cluster.path('pods'), quotaPod(name, amounts, { [dongle]: dongles }));
    await untilUsed(cluster, quota, used);

    await exceeds(cluster, quota, 'pods', quotaPod('too-much-cpu', { cpu: '600m', memory: '100Mi' }));
    const tooManyDongles = { cpu: '500m', memory: '100Mi', 'ephemeral-storage': '30Gi', [dongle]: '2' };
    await exceeds(cluster, quota, 'pods', quotaPod('too-many-dongles', tooManyDongles, { [dongle]: '2' }));

    const pod = cluster.path(`pods/${name}`);
    const { spec, metadata } = await cluster.get<{ spec: { containers: object[] }; metadata: object }>(pod);
    const resources = { requests: { cpu: '100m', memory: '100Mi', 'ephemeral-storage': '10Gi' } };
    const containers = spec.containers.map((container) => ({ ...container, resources }));
    const body = { metadata: { ...metadata, resourceVersion: undefined }, spec: { ...spec, containers } };
    await cluster.refused(422, 'Invalid', 'PUT', pod, { body });
    await untilUsed(cluster, quota, used);

    await deletePod(cluster, name);
    await untilUsed(cluster, quota, {
      resourcequotas: '1',
      pods: '0',
      cpu: '0',
      memory: '0',
      'ephemeral-storage': '0',
      [`requests.${dongle}`]: '0',
    });
  },
);

/** Follows the one object of a kind that counts under a name. */
async function followController(cluster: Cluster, counted: string, path: string, spec: object): Promise<void> {
  await createQuota(cluster, quota, { resourcequotas: '1', [counted]: '0' });
  await cluster.create(path, { metadata: { name: 'one' }, spec });
  await untilUsed(cluster, quota, { [counted]: '1' });
  await cluster.delete(`${path}/one`, { propagationPolicy: 'Background' });
  await untilUsed(cluster, quota, { [counted]: '0' });
}

const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replication controller. [Conformance]',
  async (cluster) => {
    const path = cluster.path('replicationcontrollers');
    await followController(cluster, 'replicationcontrollers', path, { replicas: 0, selector: labels, template });
  },
);

conformance(
  '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replica set. [Conformance]',
  async (cluster) => {
    const path = cluster.path('replicasets', 'apps/v1');
    const spec = { replicas: 0, selector: { matchLabels: labels }, template };
    await followController(cluster, 'count/replicasets.apps', path, spec);
  },
);
