// Resource ids of the kinds that the hub's parts work with.
import type { ResourceId } from '../../api/kinds/kind.ts';

const core = (resource: string): ResourceId => ({ group: '', version: 'v1', resource });
const apps = (resource: string): ResourceId => ({ group: 'apps', version: 'v1', resource });

const rbac = (resource: string): ResourceId => ({ group: 'rbac.authorization.k8s.io', version: 'v1', resource });

export const resources = {
  autoscalers: { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' },
  claims: core('persistentvolumeclaims'),
  cronJobs: { group: 'batch', version: 'v1', resource: 'cronjobs' },
  disruptionBudgets: { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' },
  endpoints: core('endpoints'),
  endpointSlices: { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' },
  jobs: { group: 'batch', version: 'v1', resource: 'jobs' },
  replicationControllers: core('replicationcontrollers'),
  priorityClasses: { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' },
  resourceQuotas: core('resourcequotas'),
  statefulSets: apps('statefulsets'),
  clusterRoles: rbac('clusterroles'),
  clusterRoleBindings: rbac('clusterrolebindings'),
  configMaps: core('configmaps'),
  events: core('events'),
  namespaces: core('namespaces'),
  nodes: core('nodes'),
  pods: core('pods'),
  podMetrics: { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' },
  secrets: core('secrets'),
  serviceAccounts: core('serviceaccounts'),
  services: core('services'),
  controllerRevisions: apps('controllerrevisions'),
  daemonSets: apps('daemonsets'),
  deployments: apps('deployments'),
  replicaSets: apps('replicasets'),
  serviceCidrs: { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' },
  leases: { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' },
  certificateSigningRequests: { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' },
} satisfies Record<string, ResourceId>;
