// Rows of describe: an object of each kind, and what must be said of it.
import assert from 'node:assert/strict';
import { shell } from '../../support/pods.ts';
import { pluralOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, input, patient, pod, service, workload } from './things.ts';

/** What is made of the kind under a name of its own, and lines that must be said of it. */
type Described = { manifest: (name: string) => Thing; lines: RegExp[] };

const labels = { row: 'describe' };
const meta = (name: string): Thing => ({ name, labels });
const rbac = 'rbac.authorization.k8s.io';
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
const subjects = [{ kind: 'User', name: 'ann', apiGroup: rbac }];
const nowhere = { nodeSelector: { no: 'where' } };
const claim = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  storageClassName: 'described',
};
const job = { template: { spec: { restartPolicy: 'Never', ...nowhere, containers: [shell('main', 'exit 0')] } } };
const template = { metadata: { labels }, spec: { containers: [shell('main', patient)], ...nowhere } };

const namespaced: Record<string, Described> = {
  Pod: {
    manifest: (name) => pod(name, patient, nowhere),
    lines: [
      /^Name: +described-pod$/m,
      /^Status: +Pending$/m,
      /^ {2}main:\n {4}Image: +skerry-test/m,
      /^Node-Selectors: +no=where$/m,
    ],
  },
  Deployment: {
    manifest: (name) => workload('Deployment', name, { replicas: 0 }),
    lines: [
      /^Replicas: +0 desired/m,
      /^StrategyType: +RollingUpdate$/m,
      /^RollingUpdateStrategy: +25% max unavailable, 25% max surge$/m,
    ],
  },
  ReplicaSet: {
    manifest: (name) => workload('ReplicaSet', name, { replicas: 0 }),
    lines: [/^Selector: +app=described-replicaset$/m, /^Replicas: +0 current \/ 0 desired$/m],
  },
  DaemonSet: {
    manifest: (name) => workload('DaemonSet', name, { template: { ...template, metadata: { labels: { app: name } } } }),
    lines: [/^Desired Number of Nodes Scheduled: 0$/m, /^Node-Selector: +no=where$/m],
  },
  StatefulSet: {
    manifest: (name) => workload('StatefulSet', name, { replicas: 0, serviceName: name }),
    lines: [/^Replicas: +0 desired \| 0 total$/m, /^Update Strategy: +RollingUpdate$/m],
  },
  ReplicationController: {
    manifest: (name) => ({
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: meta(name),
      spec: { replicas: 0, selector: labels, template },
    }),
    lines: [/^Selector: +row=describe$/m, /^Replicas: +0 current \/ 0 desired$/m],
  },
  Job: {
    manifest: (name) => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: meta(name), spec: job }),
    lines: [/^Parallelism: +1$/m, /^Completions: +1$/m, /^Pods Statuses: +\d Active/m],
  },
  CronJob: {
    manifest: (name) => ({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: meta(name),
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: job } },
    }),
    lines: [/^Schedule: +0 0 1 1 \*$/m, /^Concurrency Policy: +Allow$/m, /^Successful Job History Limit: +3$/m],
  },
  Service: {
    manifest: (name) => service(name),
    lines: [
      /^Selector: +app=described-service$/m,
      /^Type: +ClusterIP$/m,
      /^Port: +web +80\/TCP$/m,
      /^TargetPort: +8080\/TCP$/m,
    ],
  },
  Endpoints: {
    manifest: (name) => ({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: meta(name),
      subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'web', port: 80 }] }],
    }),
    lines: [/^ {2}Addresses: +192\.0\.2\.1$/m, /^ {4}web +80 +TCP$/m],
  },
  EndpointSlice: {
    manifest: (name) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: meta(name),
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
      ports: [{ name: 'web', port: 80, protocol: 'TCP' }],
    }),
    lines: [/^AddressType: +IPv4$/m, /^ {2}- Addresses: +192\.0\.2\.1$/m],
  },
  Ingress: {
    manifest: (name) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: meta(name),
      spec: { ingressClassName: 'sea', defaultBackend: { service: { name: 'none', port: { number: 80 } } } },
    }),
    lines: [/^Ingress Class: +sea$/m, /^Default backend: +none:80 /m],
  },
  NetworkPolicy: {
    manifest: (name) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: meta(name),
      spec: { podSelector: {}, policyTypes: ['Ingress'] },
    }),
    lines: [/^ {2}PodSelector: +<none> \(Allowing the specific traffic to all pods in this namespace\)$/m],
  },
  ConfigMap: { manifest: (name) => configMap(name, { a: 'b' }), lines: [/^Data\n====\na:\n----\nb$/m] },
  Secret: {
    manifest: (name) => ({ apiVersion: 'v1', kind: 'Secret', metadata: meta(name), stringData: { a: 'hidden' } }),
    lines: [/^Type: +Opaque$/m, /^a: +6 bytes$/m],
  },
  ServiceAccount: {
    manifest: (name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(name) }),
    lines: [/^Name: +described-serviceaccount$/m, /^Image pull secrets: +<none>$/m],
  },
  Role: {
    manifest: (name) => ({ apiVersion: `${rbac}/v1`, kind: 'Role', metadata: meta(name), rules }),
    lines: [/^ {2}pods +\[\] +\[\] +\[get list\]$/m],
  },
  RoleBinding: {
    manifest: (name) => ({
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: meta(name),
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
      subjects,
    }),
    lines: [/^ {2}Kind: +Role\n {2}Name: +reader$/m, /^ {2}User +ann/m],
  },
  PersistentVolumeClaim: {
    manifest: (name) => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: meta(name), spec: claim }),
    lines: [/^Status: +Pending$/m, /^StorageClass: +described$/m, /^VolumeMode: +Filesystem$/m],
  },
  ResourceQuota: {
    manifest: (name) => ({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: meta(name),
      spec: { hard: { 'count/leases.coordination.k8s.io': '5' } },
    }),
    lines: [/^Resource +Used +Hard\n-+ +-+ +-+\ncount\/leases\.coordination\.k8s\.io +0 +5$/m],
  },
  LimitRange: {
    manifest: (name) => ({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: meta(name),
      spec: { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '9Gi' } }] },
    }),
    lines: [/^PersistentVolumeClaim +storage +- +9Gi/m],
  },
  PodDisruptionBudget: {
    manifest: (name) => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: meta(name),
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'none' } } },
    }),
    lines: [/^Min available: +1$/m, /^Selector: +app=none$/m],
  },
  HorizontalPodAutoscaler: {
    manifest: (name) => ({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: meta(name),
      spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' } },
    }),
    lines: [/^Reference: +Deployment\/none$/m, /resource cpu on pods .*: +<unknown> \/ 80%$/m, /^Max replicas: +2$/m],
  },
  PodTemplate: {
    manifest: (name) => ({ apiVersion: 'v1', kind: 'PodTemplate', metadata: meta(name), template }),
    lines: [/^Name: +described-podtemplate$/m, /^Template:$/m],
  },
  Lease: {
    manifest: (name) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: meta(name),
      spec: { holderIdentity: 'me' },
    }),
    lines: [/^ {2}Holder Identity: +me$/m],
  },
  ControllerRevision: {
    manifest: (name) => ({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: meta(name),
      data: {},
      revision: 7,
    }),
    lines: [/^Revision: +7$/m],
  },
};

const global: Record<string, Described> = {
  CSIDriver: {
    manifest: (name) => ({ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: meta(name), spec: {} }),
    lines: [/^ {2}Attach Required: +true$/m],
  },
  Namespace: {
    manifest: (name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: meta(name) }),
    lines: [/^Status: +Active$/m, /^No resource quota\.$/m, /^No LimitRange resource\.$/m],
  },
  PersistentVolume: {
    manifest: (name) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: meta(name),
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/nowhere' } },
    }),
    lines: [/^Reclaim Policy: +Retain$/m, /^Capacity: +1Gi$/m, /^ {4}Path: +\/nowhere$/m],
  },
  StorageClass: {
    manifest: (name) => ({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: meta(name),
      provisioner: 'example.com/none',
    }),
    lines: [/^Provisioner: +example\.com\/none$/m, /^ReclaimPolicy: +Delete$/m, /^VolumeBindingMode: +Immediate$/m],
  },
  IngressClass: {
    manifest: (name) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: meta(name),
      spec: { controller: 'example.com/none' },
    }),
    lines: [/^Controller: +example\.com\/none$/m],
  },
  PriorityClass: {
    manifest: (name) => ({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: meta(name),
      value: 5,
    }),
    lines: [/^Value: +5$/m, /^GlobalDefault: +false$/m, /^PreemptionPolicy: +PreemptLowerPriority$/m],
  },
  RuntimeClass: {
    manifest: (name) => ({
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: meta(name),
      handler: 'none',
    }),
    lines: [/^Handler: +none$/m],
  },
  ClusterRole: {
    manifest: (name) => ({ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: meta(name), rules }),
    lines: [/^ {2}pods +\[\] +\[\] +\[get list\]$/m],
  },
  ClusterRoleBinding: {
    manifest: (name) => ({
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: meta(name),
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'none' },
      subjects,
    }),
    lines: [/^ {2}Kind: +ClusterRole\n {2}Name: +none$/m],
  },
};

const kindRows = Object.entries({ ...namespaced, ...global }).map(([kind, { manifest, lines }]) => {
  const run = async (seat: Seat): Promise<void> => {
    const short = `described-${kind.toLowerCase()}`;
    const name = kind in global ? seat.global(short) : short;
    await seat.create(manifest(name));
    for (const line of lines) await seat.prints(`describe ${kind.toLowerCase()} ${name}`, line);
    await seat.drop(`${pluralOf(kind)}/${name}`);
  };
  return [kind, run] as const;
});

const others = rowsOf('describe', {
  'a running pod with its events': async (seat) => {
    const name = await seat.target();
    await seat.prints(
      `describe pod ${name}`,
      /^Events:\n {2}Type +Reason +Age +From +Message\n[\s\S]* Normal +Scheduled /m,
    );
    const told = await seat.ok(`describe pod ${name}`);
    for (const line of [
      /^Status: +Running$/m,
      /^ {6}Started: +\w{3}, /m,
      /^ {2}Ready +True/m,
      /^QoS Class: +BestEffort$/m,
    ])
      assert.match(told, line);
    assert.doesNotMatch(await seat.ok(`describe pod ${name} --show-events=false`), /^Events:/m);
  },
  'the node and what is allocated of it': async (seat) => {
    await seat.target();
    const told = await seat.ok(`describe node ${seat.node}`);
    assert.match(told, /^ {2}Ready +True /m);
    assert.match(told, /^Capacity:\n {2}cpu: +\d+$/m);
    assert.match(told, /^Non-terminated Pods: +\(\d+ in total\)$/m);
    assert.match(told, new RegExp(`^ {2}${seat.namespace} +target `, 'm'));
    assert.match(told, /^Allocated resources:$[\s\S]*^ {2}cpu +\d+m? \(\d+%\)/m);
  },
  'a Deployment with its ReplicaSet; a Service with its endpoints': async (seat) => {
    await seat.create(workload('Deployment', 'described-whole', { replicas: 1 }), service('described-whole'));
    await seat.becomes('deployments/described-whole', { 'status.availableReplicas': 1 });
    await seat.prints(
      'describe deployment described-whole',
      /^NewReplicaSet: +described-whole-\w+ \(1\/1 replicas created\)$/m,
    );
    await seat.prints('describe service described-whole', /^Endpoints: +\d+\.\d+\.\d+\.\d+:8080$/m);
    await seat.drop('deployments/described-whole', 'services/described-whole');
  },
  '-f, -l, a prefix of names, nothing': async (seat) => {
    const row = { labels: { row: 'described-many' } };
    await seat.create(configMap('prefix-a', {}, row), configMap('prefix-b', {}, row));
    await seat.says('describe cm -l row=described-many', /^Name: +prefix-a\n[\s\S]*^Name: +prefix-b$/m);
    await seat.says('describe cm prefix-', /^Name: +prefix-a\n[\s\S]*^Name: +prefix-b$/m);
    await seat.says('describe -f -', /^Name: +prefix-a$/m, input(configMap('prefix-a')));
    await seat.refuses('describe cm none', /configmaps "none" not found/);
  },
});

export const describeRows: readonly Row[] = [...rowsOf('describe', Object.fromEntries(kindRows)), ...others];
