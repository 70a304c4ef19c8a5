// Objects of the API as tests see them: their fields by path, and where each
// resource is served.

export type Thing = Record<string, unknown>;
/** Values by path: `spec.containers[0].image`, `metadata.labels[example.com/color]`. */
export type Fields = Record<string, unknown>;

const namespaced: Record<string, string[]> = {
  '/api/v1': [
    ...['configmaps', 'endpoints', 'events', 'limitranges', 'persistentvolumeclaims', 'pods', 'podtemplates'],
    ...['replicationcontrollers', 'resourcequotas', 'secrets', 'serviceaccounts', 'services'],
  ],
  '/apis/apps/v1': ['controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'],
  '/apis/autoscaling/v2': ['horizontalpodautoscalers'],
  '/apis/batch/v1': ['cronjobs', 'jobs'],
  '/apis/coordination.k8s.io/v1': ['leases'],
  '/apis/discovery.k8s.io/v1': ['endpointslices'],
  '/apis/networking.k8s.io/v1': ['ingresses', 'networkpolicies'],
  '/apis/policy/v1': ['poddisruptionbudgets'],
  '/apis/rbac.authorization.k8s.io/v1': ['rolebindings', 'roles'],
};
const global: Record<string, string[]> = {
  '/api/v1': ['namespaces', 'nodes', 'persistentvolumes'],
  '/apis/certificates.k8s.io/v1': ['certificatesigningrequests'],
  '/apis/networking.k8s.io/v1': ['ingressclasses'],
  '/apis/node.k8s.io/v1': ['runtimeclasses'],
  '/apis/rbac.authorization.k8s.io/v1': ['clusterrolebindings', 'clusterroles'],
  '/apis/scheduling.k8s.io/v1': ['priorityclasses'],
  '/apis/storage.k8s.io/v1': ['csidrivers', 'storageclasses'],
};

/**
 * Path of `pods/web`, `pods/web/log`, `pods?limit=1` or `nodes` in the API.
 * @throws Error for a resource without an entry here
 */
export function pathOf(ref: string, namespace: string): string {
  const resource = ref.split(/[/?]/)[0] ?? '';
  for (const [prefix, resources] of Object.entries(global)) if (resources.includes(resource)) return `${prefix}/${ref}`;
  for (const [prefix, resources] of Object.entries(namespaced))
    if (resources.includes(resource)) return `${prefix}/namespaces/${namespace}/${ref}`;
  throw new Error(`${ref}: where is ${resource} served?`);
}

/** `networkpolicies` of `NetworkPolicy`. */
export function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  if (name === 'endpoints') return name;
  if (/(s|x|ch)$/.test(name)) return `${name}es`;
  return name.endsWith('cy') ? `${name.slice(0, -1)}ies` : `${name}s`;
}

/** A field by its path; undefined when it is not there. */
export function fieldOf(object: unknown, path: string): unknown {
  let value = object;
  for (const [, bracketed, plain] of path.matchAll(/\[([^\]]+)\]|([^.[\]]+)/g)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[bracketed ?? plain ?? ''];
  }
  return value;
}

/** Status of a condition; undefined when the object does not have it. */
export function conditionOf(object: Thing, type: string): string | undefined {
  const conditions = fieldOf(object, 'status.conditions') as { type: string; status: string }[] | undefined;
  return conditions?.find((condition) => condition.type === type)?.status;
}
