// The smallest useful object of every built-in kind of Kubernetes 1.36, to
// start from: what is damaged has to be nearly right to get far. What each kind
// requires is told by its page of the API reference.
// https://kubernetes.io/docs/reference/kubernetes-api/
type JsonObject = Record<string, unknown>;

const labels = { app: 'base' };
const selector = { matchLabels: labels };
const podSpec = {
  containers: [
    {
      name: 'main',
      image: 'example.invalid/main:1',
      command: ['main'],
      env: [{ name: 'A', value: '1' }],
      ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
      resources: { requests: { cpu: '1m', memory: '1Mi' } },
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    },
  ],
  volumes: [{ name: 'data', emptyDir: {} }],
};
const template = { metadata: { labels }, spec: podSpec };
const jobTemplate = { ...template, spec: { ...podSpec, restartPolicy: 'Never' } };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'fuzz' }];
const roleApi = 'rbac.authorization.k8s.io';
const webhook = {
  name: 'hook.example.com',
  clientConfig: { url: 'https://hook.example.com/' },
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  // Nothing is to match: a hub that calls webhooks would wait for one that does not exist.
  rules: [{ apiGroups: ['none.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] }],
};
const matchConstraints = {
  resourceRules: [
    { apiGroups: ['none.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] },
  ],
};
const now = '2026-01-01T00:00:00.000000Z';
const involved = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'base' };
const deviceRequest = { name: 'gpu', exactly: { deviceClassName: 'base' } };
const signingRequest =
  '-----BEGIN CERTIFICATE REQUEST-----\nMIHYMIGAAgEAMB4xDTALBgNVBAoMBGZ1enoxDTALBgNVBAMMBGZ1enowWTATBgcq\nhkjOPQIBBggqhkjOPQMBBwNCAARnWEF0p2vWu3eAr5cODdFC2ZlkDjAYrKQoilkx\n4B1yrkef3QQapvnbq2gJeMhq7iQUr939Dy3K/M7ufpOc/OWIoAAwCgYIKoZIzj0E\nAwIDRwAwRAIgSgFrCLXLwy9ljoTkqKSObKpiDsBw0kv5NDVU63uCjk8CIF4byuqQ\nLpCVo/FXaPsJIbBr0yE11MOieT7ClDcIJbuJ\n-----END CERTIFICATE REQUEST-----\n';
const certificate =
  '-----BEGIN CERTIFICATE-----\nMIIBbzCCARWgAwIBAgIUKP236+AtT9DRjy7kW2FxyQtMkw8wCgYIKoZIzj0EAwIw\nDDEKMAgGA1UEAwwBZjAgFw0yNjExMjIxODIxNTNaGA8yMTI2MTAyOTE4MjE1M1ow\nDDEKMAgGA1UEAwwBZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOec6EWvmcuY\nk7pcxcd39/COo0wq0QI2L2bsWlEOMAJX/WB0da+B3JIPUI2AyxG6yggiOp9awwpL\nS6d+k/yjpNOjUzBRMB0GA1UdDgQWBBRF/9+9kqe+7SlmTilmPCw7A/FYYjAfBgNV\nHSMEGDAWgBRF/9+9kqe+7SlmTilmPCw7A/FYYjAPBgNVHRMBAf8EBTADAQH/MAoG\nCCqGSM49BAMCA0gAMEUCIFhsyv4Ynzk5OoR6llhm4Wxdg6xwH9jczZO70jfY+uDr\nAiEAhL/s+VbnAtB279QAW+Y4TvTC1HwkKlZwTp1jvOmYndM=\n-----END CERTIFICATE-----\n';

/** Everything of an object but apiVersion, kind and metadata, by kind. */
const contents: Record<string, JsonObject> = {
  Binding: { target: { apiVersion: 'v1', kind: 'Node', name: 'base' } },
  ConfigMap: { data: { key: 'value', other: 'line 1\nline 2' }, binaryData: { blob: 'AAEC' } },
  Endpoints: { subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'http', port: 80 }] }] },
  LimitRange: { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '5Gi' } }] } },
  Namespace: {},
  Node: { spec: { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] } },
  PersistentVolume: {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/srv/base' } },
  },
  PersistentVolumeClaim: { spec: claim },
  // On a node, so that commands and ports of it can be reached where there is one.
  Pod: { spec: { ...podSpec, nodeName: 'base' } },
  PodTemplate: { template },
  ReplicationController: { spec: { replicas: 0, selector: labels, template } },
  ResourceQuota: { spec: { hard: { 'count/leases.coordination.k8s.io': '1000' } } },
  Secret: { type: 'Opaque', data: { key: 'dmFsdWU=' } },
  Service: { spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] } },
  ServiceAccount: {},
  MutatingAdmissionPolicy: {
    spec: {
      matchConstraints,
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }],
    },
  },
  MutatingAdmissionPolicyBinding: { spec: { policyName: 'none' } },
  MutatingWebhookConfiguration: { webhooks: [webhook] },
  ValidatingAdmissionPolicy: { spec: { matchConstraints, validations: [{ expression: 'true' }] } },
  ValidatingAdmissionPolicyBinding: { spec: { policyName: 'none', validationActions: ['Audit'] } },
  ValidatingWebhookConfiguration: { webhooks: [webhook] },
  CustomResourceDefinition: {
    spec: {
      group: 'fuzz.example.com',
      names: { plural: 'bases', singular: 'base', kind: 'Base', listKind: 'BaseList' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } },
        },
      ],
    },
  },
  APIService: {
    spec: {
      group: 'fuzz.example.com',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 10,
      insecureSkipTLSVerify: true,
      service: { namespace: 'default', name: 'base' },
    },
  },
  ControllerRevision: { revision: 1, data: { spec: { a: 1 } } },
  DaemonSet: { spec: { selector, template } },
  Deployment: { spec: { replicas: 0, selector, template } },
  ReplicaSet: { spec: { replicas: 0, selector, template } },
  StatefulSet: { spec: { replicas: 0, serviceName: 'base', selector, template } },
  SelfSubjectReview: {},
  TokenRequest: { spec: { audiences: [], expirationSeconds: 3600 } },
  TokenReview: { spec: { token: 'nonsense' } },
  LocalSubjectAccessReview: {
    spec: { user: 'fuzz', resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } },
  },
  SelfSubjectAccessReview: { spec: { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } } },
  SelfSubjectRulesReview: { spec: { namespace: 'default' } },
  SubjectAccessReview: { spec: { user: 'fuzz', nonResourceAttributes: { path: '/healthz', verb: 'get' } } },
  HorizontalPodAutoscaler: {
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'base' }, maxReplicas: 2 },
  },
  CronJob: { spec: { schedule: '0 0 1 1 *', suspend: true, jobTemplate: { spec: { template: jobTemplate } } } },
  Job: { spec: { suspend: true, template: jobTemplate } },
  CertificateSigningRequest: {
    spec: {
      request: Buffer.from(signingRequest).toString('base64'),
      signerName: 'example.com/fuzz',
      usages: ['digital signature', 'client auth'],
    },
  },
  ClusterTrustBundle: { spec: { trustBundle: certificate } },
  Lease: { spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: now } },
  LeaseCandidate: {
    spec: {
      leaseName: 'base',
      binaryVersion: '1.36.0',
      emulationVersion: '1.36.0',
      strategy: 'OldestEmulationVersion',
    },
  },
  EndpointSlice: {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  },
  'v1/Event': {
    involvedObject: involved,
    reason: 'Fuzz',
    message: 'text',
    type: 'Normal',
    source: { component: 'fuzz' },
  },
  'events.k8s.io/v1/Event': {
    eventTime: now,
    regarding: involved,
    reason: 'Fuzz',
    action: 'Fuzz',
    note: 'text',
    type: 'Normal',
    reportingController: 'example.com/fuzz',
    reportingInstance: 'fuzz-1',
  },
  FlowSchema: {
    spec: {
      priorityLevelConfiguration: { name: 'base' },
      matchingPrecedence: 9000,
      distinguisherMethod: { type: 'ByUser' },
    },
  },
  PriorityLevelConfiguration: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } },
  StorageVersion: { spec: {} },
  IPAddress: { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'base' } } },
  Ingress: { spec: { defaultBackend: { service: { name: 'base', port: { number: 80 } } } } },
  IngressClass: { spec: { controller: 'example.com/fuzz' } },
  NetworkPolicy: { spec: { podSelector: {}, policyTypes: ['Ingress'] } },
  ServiceCIDR: { spec: { cidrs: ['192.0.2.0/24'] } },
  RuntimeClass: { handler: 'base' },
  Eviction: {},
  PodDisruptionBudget: { spec: { minAvailable: 1, selector } },
  ClusterRole: { rules },
  ClusterRoleBinding: { roleRef: { apiGroup: roleApi, kind: 'ClusterRole', name: 'base' }, subjects },
  Role: { rules },
  RoleBinding: { roleRef: { apiGroup: roleApi, kind: 'Role', name: 'base' }, subjects },
  DeviceClass: { spec: {} },
  ResourceClaim: { spec: { devices: { requests: [deviceRequest] } } },
  ResourceClaimTemplate: { spec: { spec: { devices: { requests: [deviceRequest] } } } },
  ResourceSlice: {
    spec: {
      driver: 'fuzz.example.com',
      nodeName: 'base',
      pool: { name: 'base', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'one' }],
    },
  },
  PriorityClass: { value: 1000, description: 'text' },
  CSIDriver: { spec: { attachRequired: false } },
  CSINode: { spec: { drivers: [{ name: 'fuzz.example.com', nodeID: 'base' }] } },
  CSIStorageCapacity: { storageClassName: 'base', capacity: '1Gi' },
  StorageClass: { provisioner: 'example.com/fuzz' },
  VolumeAttachment: {
    spec: { attacher: 'fuzz.example.com', nodeName: 'base', source: { persistentVolumeName: 'base' } },
  },
  VolumeAttributesClass: { driverName: 'fuzz.example.com', parameters: { tier: 'one' } },
  StorageVersionMigration: { spec: { resource: { group: 'apps', resource: 'deployments' } } },
  Scale: { spec: { replicas: 0 } },
  DeleteOptions: { propagationPolicy: 'Background', gracePeriodSeconds: 0 },
};

/** The one name that a kind lets an object have, where it does not let it have any. */
const names: Record<string, string> = {
  CustomResourceDefinition: 'bases.fuzz.example.com',
  APIService: 'v1beta1.fuzz.example.com',
  IPAddress: '192.0.2.7',
};

/** The name that the base object of a kind has. */
export function baseName(kind: string): string {
  return names[kind] ?? 'base';
}

/** A valid object; a new one at each call. */
export function manifest(apiVersion: string, kind: string, metadata: JsonObject): JsonObject {
  const content = contents[`${apiVersion}/${kind}`] ?? contents[kind] ?? {};
  return { apiVersion, kind, metadata: { ...metadata, labels: { ...labels } }, ...structuredClone(content) };
}
