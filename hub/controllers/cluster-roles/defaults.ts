// The roles and bindings that every cluster has from the start.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
import { type PolicyRule, rbacGroup, type Subject } from '../../../api/kinds/rbac.ts';
import type { KubeObject } from '../../../api/meta/object.ts';

const autoUpdate = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
const defaultsLabel = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const aggregateLabel = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`;

const read = 'get,list,watch';
const write = 'create,delete,deletecollection,patch,update';
const all = 'create,delete,deletecollection,get,list,patch,update,watch';
const words = (text: string): string[] => text.split(',');

/** A rule: verbs, one group's resources. */
const rule = (verbs: string, group: string, resourceList: string): PolicyRule => ({
  apiGroups: [group],
  resources: words(resourceList),
  verbs: words(verbs),
});
const paths = (list: string): PolicyRule => ({ nonResourceURLs: words(list), verbs: ['get'] });

const workloads =
  'controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,replicasets,replicasets/scale,replicasets/status,statefulsets,statefulsets/scale,statefulsets/status';

const viewRules: PolicyRule[] = [
  rule(
    read,
    '',
    'configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status',
  ),
  rule(
    read,
    '',
    'bindings,events,limitranges,namespaces/status,pods/log,pods/status,replicationcontrollers/status,resourcequotas,resourcequotas/status',
  ),
  rule(read, '', 'namespaces'),
  rule(read, 'discovery.k8s.io', 'endpointslices'),
  rule(read, 'apps', workloads),
  rule(read, 'autoscaling', 'horizontalpodautoscalers,horizontalpodautoscalers/status'),
  rule(read, 'batch', 'cronjobs,cronjobs/status,jobs,jobs/status'),
  rule(read, 'policy', 'poddisruptionbudgets,poddisruptionbudgets/status'),
  rule(read, 'networking.k8s.io', 'ingresses,ingresses/status,networkpolicies'),
  rule(read, 'resource.k8s.io', 'resourceclaims,resourceclaims/status,resourceclaimtemplates'),
  rule(read, 'metrics.k8s.io', 'nodes,pods'),
];

const editRules: PolicyRule[] = [
  rule(read, '', 'pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy'),
  rule('impersonate', '', 'serviceaccounts'),
  rule(write, '', 'pods,pods/attach,pods/exec,pods/portforward,pods/proxy'),
  rule('create', '', 'pods/eviction'),
  rule(
    write,
    '',
    'configmaps,events,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/scale,secrets,serviceaccounts,services,services/proxy',
  ),
  rule('create', '', 'serviceaccounts/token'),
  rule(
    write,
    'apps',
    'daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/scale,statefulsets,statefulsets/scale',
  ),
  rule(write, 'autoscaling', 'horizontalpodautoscalers'),
  rule(write, 'batch', 'cronjobs,jobs'),
  rule(write, 'policy', 'poddisruptionbudgets'),
  rule(write, 'networking.k8s.io', 'ingresses,networkpolicies'),
  rule(all, 'coordination.k8s.io', 'leases'),
  rule(write, 'resource.k8s.io', 'resourceclaims,resourceclaimtemplates'),
];

const adminRules: PolicyRule[] = [
  rule('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  rule(all, rbacGroup, 'rolebindings,roles'),
];

const signer = (name: string, verb: string): PolicyRule => ({
  apiGroups: ['certificates.k8s.io'],
  resources: ['signers'],
  resourceNames: [name],
  verbs: [verb],
});
const certificateApproval: PolicyRule[] = [
  rule(read, 'certificates.k8s.io', 'certificatesigningrequests'),
  rule('update', 'certificates.k8s.io', 'certificatesigningrequests/approval'),
];

const everything: PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

const discoveryPaths = '/api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/';

const roles: Record<string, PolicyRule[]> = {
  'cluster-admin': everything,
  'system:discovery': [paths(discoveryPaths)],
  'system:basic-user': [
    rule('create', 'authorization.k8s.io', 'selfsubjectaccessreviews,selfsubjectrulesreviews'),
    rule('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ],
  'system:public-info-viewer': [paths('/healthz,/livez,/readyz,/version,/version/')],
  'system:monitoring': [paths('/healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*')],
  'system:auth-delegator': [
    rule('create', 'authentication.k8s.io', 'tokenreviews'),
    rule('create', 'authorization.k8s.io', 'subjectaccessreviews'),
  ],
  'system:service-account-issuer-discovery': [paths('/.well-known/openid-configuration,/openid/v1/jwks')],
  'system:kubelet-api-admin': [
    rule(read, '', 'nodes'),
    rule('proxy', '', 'nodes'),
    rule('*', '', 'nodes/log,nodes/metrics,nodes/proxy,nodes/stats'),
  ],
  'system:kube-dns': [rule('list,watch', '', 'endpoints,services')],
  'system:persistent-volume-provisioner': [
    rule('create,delete,get,list,watch', '', 'persistentvolumes'),
    rule('get,list,update,watch', '', 'persistentvolumeclaims'),
    rule(read, 'storage.k8s.io', 'storageclasses'),
    rule('watch', '', 'events'),
    rule('create,patch,update', '', 'events'),
  ],
  'system:certificates.k8s.io:kube-apiserver-client-approver': [
    signer('kubernetes.io/kube-apiserver-client', 'approve'),
  ],
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': [
    signer('kubernetes.io/kube-apiserver-client-kubelet', 'approve'),
  ],
  'system:certificates.k8s.io:kubelet-serving-approver': [signer('kubernetes.io/kubelet-serving', 'approve')],
  'system:certificates.k8s.io:certificatesigningrequests:approver': certificateApproval,
};

function clusterRole(name: string, rules: PolicyRule[], labels: Record<string, string> = {}): KubeObject {
  return { metadata: { name, labels: { ...defaultsLabel, ...labels }, annotations: autoUpdate }, rules };
}

/** A role whose rules are those of all roles with a label. */
function aggregated(name: string, labels: Record<string, string> = {}): KubeObject {
  return {
    ...clusterRole(name, [], labels),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregateLabel(name)]: 'true' } }] },
  };
}

export const defaultClusterRoles: readonly KubeObject[] = [
  ...Object.entries(roles).map(([name, rules]) => clusterRole(name, rules)),
  aggregated('admin'),
  aggregated('edit', { [aggregateLabel('admin')]: 'true' }),
  aggregated('view', { [aggregateLabel('edit')]: 'true' }),
  clusterRole('system:aggregate-to-admin', adminRules, { [aggregateLabel('admin')]: 'true' }),
  clusterRole('system:aggregate-to-edit', editRules, { [aggregateLabel('edit')]: 'true' }),
  clusterRole('system:aggregate-to-view', viewRules, { [aggregateLabel('view')]: 'true' }),
];

const group = (name: string): Subject => ({ apiGroup: rbacGroup, kind: 'Group', name });

const bindings: Record<string, Subject[]> = {
  'cluster-admin': [group('system:masters')],
  'system:discovery': [group('system:authenticated')],
  'system:basic-user': [group('system:authenticated')],
  'system:public-info-viewer': [group('system:authenticated'), group('system:unauthenticated')],
  'system:monitoring': [group('system:monitoring')],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
};

export const defaultClusterRoleBindings: readonly KubeObject[] = Object.entries(bindings).map(([name, subjects]) => ({
  metadata: { name, labels: defaultsLabel, annotations: autoUpdate },
  roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name },
  subjects,
}));
