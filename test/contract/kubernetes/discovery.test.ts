// What the server says that it serves: versions, groups, resources, one by one
// and aggregated.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
import assert from 'node:assert/strict';
import { MIMEType } from 'node:util';
import { type Cluster, conformance } from './support/conformance.ts';

type GroupVersion = { groupVersion: string; version: string };
type Group = { kind: string; name: string; versions: GroupVersion[]; preferredVersion: GroupVersion };
type ResourceList = { kind: string; groupVersion: string; resources: { name: string; kind: string }[] };

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#aggregated-discovery (apidiscovery.k8s.io/v2) */
type Discovery = {
  kind: string;
  apiVersion: string;
  items: {
    metadata: { name?: string };
    versions: { version: string; resources: { resource: string; scope: string; verbs: string[] }[] }[];
  }[];
};

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** A resource of each group, and of each version of those with several, that every cluster has. */
const resources: Record<string, string> = {
  'admissionregistration.k8s.io/v1': 'validatingwebhookconfigurations',
  'apiextensions.k8s.io/v1': 'customresourcedefinitions',
  'apiregistration.k8s.io/v1': 'apiservices',
  'apps/v1': 'deployments',
  'authentication.k8s.io/v1': 'tokenreviews',
  'authorization.k8s.io/v1': 'selfsubjectaccessreviews',
  'autoscaling/v1': 'horizontalpodautoscalers',
  'autoscaling/v2': 'horizontalpodautoscalers',
  'batch/v1': 'jobs',
  'certificates.k8s.io/v1': 'certificatesigningrequests',
  'coordination.k8s.io/v1': 'leases',
  'discovery.k8s.io/v1': 'endpointslices',
  'events.k8s.io/v1': 'events',
  'networking.k8s.io/v1': 'ingresses',
  'node.k8s.io/v1': 'runtimeclasses',
  'policy/v1': 'poddisruptionbudgets',
  'scheduling.k8s.io/v1': 'priorityclasses',
  'storage.k8s.io/v1': 'csinodes',
};

/** Asks for a document in the forms of an Accept header; the answer must say, and be, an aggregated one. */
async function aggregated(cluster: Cluster, path: string, forms: string): Promise<Discovery> {
  const { headers, body } = await cluster.request<Discovery>('GET', path, { headers: { accept: forms } });
  const type = new MIMEType(headers['content-type'] ?? '');
  const [g, v, as] = ['g', 'v', 'as'].map((name) => type.params.get(name));
  assert.deepEqual([type.essence, g, as], ['application/json', 'apidiscovery.k8s.io', 'APIGroupDiscoveryList']);
  assert.deepEqual([body.kind, body.apiVersion], [as, `${g}/${v}`]);
  const names = body.items.map(({ metadata }) => metadata.name ?? '');
  assert.equal(new Set(names).size, names.length, `groups are listed once: ${names}`);
  return body;
}

/** Group versions with the names of their resources, of an aggregated document. */
function resourcesOf({ items }: Discovery): Map<string, string[]> {
  return new Map(
    items.flatMap(({ metadata: { name = '' }, versions }) =>
      versions.map(({ version, resources: found }) => [
        name === '' ? version : `${name}/${version}`,
        found.map(({ resource }) => resource),
      ]),
    ),
  );
}

conformance('[sig-api-machinery] server version should find the server version [Conformance]', async (cluster) => {
  const { major, minor } = await cluster.get<{ major: string; minor: string }>('/version');
  assert.match(major, /^[1-9]\d*$/);
  assert.match(minor, /^\d+$/);
});

conformance(
  '[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]',
  async (cluster) => {
    const { groups } = await cluster.get<{ groups: Group[] }>('/apis/');
    assert.ok(groups.length > 0);
    for (const { name } of groups) {
      const group = await cluster.get<Group>(`/apis/${name}/`);
      assert.deepEqual([group.kind, group.name], ['APIGroup', name]);
      const versions = group.versions.map(({ groupVersion }) => groupVersion);
      assert.ok(versions.includes(group.preferredVersion.groupVersion), JSON.stringify(group));
    }
  },
);

conformance(
  '[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]',
  async (cluster) => {
    for (const [groupVersion, resource] of Object.entries({ v1: 'namespaces', ...resources })) {
      const path = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`;
      const list = await cluster.get<ResourceList>(path);
      assert.deepEqual([list.kind, list.groupVersion], ['APIResourceList', groupVersion]);
      assert.ok(
        list.resources.some(({ name }) => name === resource),
        `${resource} in ${path}`,
      );
    }
  },
);

conformance(
  '[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers [Conformance]',
  async (cluster) => {
    const groups = resourcesOf(await aggregated(cluster, '/apis', accept));
    for (const [groupVersion, resource] of Object.entries(resources))
      assert.ok(groups.get(groupVersion)?.includes(resource), `${resource} of ${groupVersion}`);
    assert.ok(
      resourcesOf(await aggregated(cluster, '/api', accept))
        .get('v1')
        ?.includes('namespaces'),
    );
  },
);

conformance(
  '[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]',
  async (cluster) => {
    // As clients ask: in whatever of these forms the server has, and the answer says which it is.
    const beta = accept.replace('v=v2;', 'v=v2beta1;');
    const found = new Map<string, string[]>();
    for (const path of ['/api', '/apis']) {
      const discovery = await aggregated(cluster, path, `${accept},${beta},application/json`);
      for (const [groupVersion, names] of resourcesOf(discovery)) found.set(groupVersion, names);
    }
    for (const [groupVersion, resource] of Object.entries({ v1: 'namespaces', ...resources }))
      assert.ok(found.get(groupVersion)?.includes(resource), `${resource} of ${groupVersion}`);
    // A kind is there as the plain documents have it.
    for (const [groupVersion, names] of found) {
      const list = await cluster.get<ResourceList>(groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`);
      const plain = list.resources.map(({ name }) => name).filter((name) => !name.includes('/'));
      assert.deepEqual([...names].sort(), plain.sort(), groupVersion);
    }
  },
);

conformance(
  '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] should include custom resource definition resources in discovery documents [Conformance]',
  async (cluster) => {
    const apiVersion = 'apiextensions.k8s.io/v1';
    const { groups } = await cluster.get<{ groups: Group[] }>('/apis');
    const group = groups.find(({ name }) => name === 'apiextensions.k8s.io');
    assert.ok(group?.versions.some((item) => item.groupVersion === apiVersion && item.version === 'v1'));
    const alone = await cluster.get<Group>('/apis/apiextensions.k8s.io');
    assert.ok(alone.versions.some((item) => item.groupVersion === apiVersion && item.version === 'v1'));
    const list = await cluster.get<ResourceList>(`/apis/${apiVersion}`);
    assert.ok(list.resources.some(({ name }) => name === 'customresourcedefinitions'));
  },
);
