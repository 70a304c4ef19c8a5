// What Kubernetes refuses of containers, rule by rule, in its words; and what it takes.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../meta/object.ts';
import { podKind } from '../pod.ts';

type Case = [title: string, container: object, errors?: string[], spec?: object];

function errorsOf(container: object, spec: object): string[] {
  const containers = [{ name: 'c', image: 'i:1', ...container }];
  const pod: KubeObject = { metadata: { name: 'p' }, spec: { containers, ...spec } };
  podKind.applyDefaults?.(pod);
  return (podKind.validate?.(pod) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

function runs(cases: Case[], prefix = 'spec.containers[0].'): void {
  for (const [title, container, errors = [], spec = {}] of cases) {
    it(title, () => {
      const expected = errors.map((error) => (error.startsWith('spec.') ? error : prefix + error));
      assert.deepEqual(errorsOf(container, spec), expected);
    });
  }
}

const volumes = [{ name: 'v' }];
const http = { httpGet: { port: 80 } };

describe('probes', () => {
  const probe = (livenessProbe: object): object => ({ livenessProbe });
  const between = 'must be between 1 and 65535, inclusive';
  runs([
    ['by HTTP', probe({ httpGet: { port: 'web', path: '/x', scheme: 'HTTPS' } })],
    ['by command', probe({ exec: { command: ['x'] } })],
    ['by TCP', probe({ tcpSocket: { port: 1 } })],
    ['by gRPC', probe({ grpc: { port: 65_535 } })],
    ['no handler', probe({}), ['livenessProbe: Required value: must specify a handler type']],
    [
      'two handlers',
      probe({ exec: { command: ['x'] }, tcpSocket: { port: 1 } }),
      ['livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type'],
    ],
    ['no command', probe({ exec: {} }), ['livenessProbe.exec.command: Required value']],
    ['port 0', probe({ tcpSocket: { port: 0 } }), [`livenessProbe.tcpSocket.port: Invalid value: 0: ${between}`]],
    ['port 65536', probe({ grpc: { port: 65_536 } }), [`livenessProbe.grpc.port: Invalid value: 65536: ${between}`]],
    [
      'a port name too long',
      probe({ httpGet: { port: 'abcdefghijklmnop' } }),
      ['livenessProbe.httpGet.port: Invalid value: "abcdefghijklmnop": must be no more than 15 bytes'],
    ],
    [
      'a port name in capitals',
      probe({ httpGet: { port: 'Web' } }),
      [
        'livenessProbe.httpGet.port: Invalid value: "Web": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      ],
    ],
    [
      'a port name without a letter',
      probe({ httpGet: { port: '80' } }),
      ['livenessProbe.httpGet.port: Invalid value: "80": must contain at least one letter (a-z)'],
    ],
    ['no path', probe({ httpGet: { port: 80, path: '' } }), ['livenessProbe.httpGet.path: Required value']],
    [
      'an unknown scheme',
      probe({ httpGet: { port: 80, scheme: 'FTP' } }),
      ['livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"'],
    ],
    [
      'a wrong header',
      probe({ httpGet: { port: 80, httpHeaders: [{ name: 'A' }, { name: 'a b' }] } }),
      [
        "livenessProbe.httpGet.httpHeaders: Invalid value: \"a b\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
      ],
    ],
    ...['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'failureThreshold'].map(
      (field): Case => [
        `${field} below 0`,
        probe({ ...http, [field]: -1 }),
        [`livenessProbe.${field}: Invalid value: -1: must be greater than or equal to 0`],
      ],
    ),
    [
      'alive the second time',
      probe({ ...http, successThreshold: 2 }),
      ['livenessProbe.successThreshold: Invalid value: 2: must be 1'],
    ],
    [
      'started the second time',
      { startupProbe: { ...http, successThreshold: 2 } },
      ['startupProbe.successThreshold: Invalid value: 2: must be 1'],
    ],
    ['ready the second time', { readinessProbe: { ...http, successThreshold: 2 } }],
    ['a grace period', probe({ ...http, terminationGracePeriodSeconds: 1 })],
    [
      'no grace period',
      probe({ ...http, terminationGracePeriodSeconds: 0 }),
      ['livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0'],
    ],
    [
      'a grace period of what ends nothing',
      { readinessProbe: { ...http, terminationGracePeriodSeconds: 1 } },
      ['readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes'],
    ],
  ]);
});

describe('hooks', () => {
  runs([
    ['of every kind', { lifecycle: { postStart: { exec: { command: ['x'] } }, preStop: { sleep: { seconds: 30 } } } }],
    [
      'without a handler',
      { lifecycle: { preStop: {} } },
      ['lifecycle.preStop: Required value: must specify a handler type'],
    ],
    [
      'with two',
      { lifecycle: { postStart: { httpGet: { port: 1 }, sleep: { seconds: 1 } } } },
      ['lifecycle.postStart.sleep: Forbidden: may not specify more than 1 handler type'],
    ],
    [
      'that sleep too long',
      { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
      [
        'lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
      ],
    ],
  ]);
});

describe('environment', () => {
  const from = (valueFrom: object, rest: object = {}): object => ({ env: [{ name: 'X', valueFrom, ...rest }] });
  const key = { name: 'n', key: 'k' };
  runs([
    ['a value', { env: [{ name: 'a.b-c D', value: 'x' }] }],
    [
      'a name with =',
      { env: [{ name: 'A=B' }] },
      [
        'env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      ],
    ],
    ['a key of a ConfigMap', from({ configMapKeyRef: key })],
    ['a key of a Secret', from({ secretKeyRef: key })],
    ['a field', from({ fieldRef: { fieldPath: 'spec.nodeName' } })],
    ['a label', from({ fieldRef: { fieldPath: "metadata.labels['a/b']" } })],
    ['a resource', from({ resourceFieldRef: { resource: 'limits.cpu' } })],
    [
      'no source',
      from({}),
      [
        'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ],
    ],
    [
      'two sources',
      from({ configMapKeyRef: key, secretKeyRef: key }),
      ['env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time'],
    ],
    [
      'a source and a value',
      from({ secretKeyRef: key }, { value: 'x' }),
      ['env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ],
    [
      'a reference to nothing',
      from({ secretKeyRef: { name: '', key: '' } }),
      ['env[0].valueFrom.secretKeyRef.name: Required value', 'env[0].valueFrom.secretKeyRef.key: Required value'],
    ],
    [
      'a key that is none',
      from({ configMapKeyRef: { name: 'n', key: '..' } }),
      ['env[0].valueFrom.configMapKeyRef.key: Invalid value: "..": must not be \'..\''],
    ],
    ['no field', from({ fieldRef: {} }), ['env[0].valueFrom.fieldRef.fieldPath: Required value']],
    [
      'an unknown field',
      from({ fieldRef: { fieldPath: 'spec.x' } }),
      [
        'env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.x": error converting fieldPath: field label not supported: spec.x',
      ],
    ],
    [
      'a field that variables do not have',
      from({ fieldRef: { fieldPath: 'metadata.labels' } }),
      [
        'env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
      ],
    ],
    [
      'an unknown resource',
      from({ resourceFieldRef: { resource: 'limits.gpu' } }),
      [
        'env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
      ],
    ],
    ['everything of a ConfigMap', { envFrom: [{ prefix: 'A_', configMapRef: { name: 'n' } }] }],
    [
      'everything of nothing',
      { envFrom: [{}] },
      ['envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ],
    [
      'everything of two',
      { envFrom: [{ configMapRef: { name: 'n' }, secretRef: {} }] },
      [
        'envFrom[0].secretRef.name: Required value',
        'envFrom[0]: Invalid value: "": may not have more than one field specified at a time',
      ],
    ],
  ]);
});

describe('mounts', () => {
  const mount = (rest: object): object => ({ volumeMounts: [{ name: 'v', mountPath: '/v', ...rest }] });
  const cases: Case[] = [
    ['of a volume', mount({ subPath: 'a/b' })],
    ['of nothing', mount({ name: 'w' }), ['volumeMounts[0].name: Not found: "w"']],
    ['nowhere', mount({ mountPath: '' }), ['volumeMounts[0].mountPath: Required value']],
    [
      'of a part from the root',
      mount({ subPath: '/a' }),
      ['volumeMounts[0].subPath: Invalid value: "/a": must be a relative path'],
    ],
    [
      'of a part outside',
      mount({ subPathExpr: 'a/..' }),
      ['volumeMounts[0].subPathExpr: Invalid value: "a/..": must not contain \'..\''],
    ],
    [
      'of two parts',
      mount({ subPath: 'a', subPathExpr: 'b' }),
      ['volumeMounts[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive'],
    ],
    ['both ways', { ...mount({ mountPropagation: 'Bidirectional' }), securityContext: { privileged: true } }],
    [
      'both ways without privilege',
      mount({ mountPropagation: 'Bidirectional' }),
      [
        'volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      ],
    ],
  ];
  runs(cases.map(([title, container, errors = []]): Case => [title, container, errors, { volumes }]));
});

describe('ports', () => {
  const port = (...ports: object[]): object => ({ ports: ports.map((one) => ({ containerPort: 80, ...one })) });
  runs([
    ['by name', port({ name: 'web', hostPort: 8080 })],
    ['no number', port({ containerPort: 0 }), ['ports[0].containerPort: Required value']],
    [
      'one name twice',
      port({ name: 'web' }, { name: 'web', containerPort: 81 }),
      ['ports[1].name: Duplicate value: "web"'],
    ],
    [
      'a name with two hyphens',
      port({ name: 'a--b' }),
      ['ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens'],
    ],
    [
      'of the node, too high',
      port({ hostPort: 70_000 }),
      ['ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      'one of the node twice',
      port({ hostPort: 80 }, { containerPort: 81, hostPort: 80 }),
      ['ports[1].hostPort: Duplicate value: "TCP//80"'],
    ],
    ['one of the node for two protocols', port({ hostPort: 80 }, { hostPort: 80, protocol: 'UDP' })],
    [
      'another of the node on its network',
      port({ hostPort: 81 }),
      ['ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true'],
      { hostNetwork: true },
    ],
  ]);
});

describe('resources', () => {
  const resources = (limits: object, requests: object = {}): object => ({ resources: { limits, requests } });
  runs([
    ['as much as the limit', resources({ cpu: '1', 'example.com/gpu': '1' }, { cpu: '1000m' })],
    [
      'more than the limit',
      resources({ memory: '1Gi' }, { memory: '2Gi' }),
      ['resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi'],
    ],
    [
      'below nothing',
      resources({ cpu: '-1' }, { cpu: '-2' }),
      [
        'resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        'resources.requests[cpu]: Invalid value: "-2": must be greater than or equal to 0',
      ],
    ],
    [
      'of a name that is none',
      resources({ gpu: '1' }, { gpu: '1' }),
      ['limits', 'requests'].map(
        (list) => `resources.${list}: Invalid value: "gpu": must be a standard resource type or fully qualified`,
      ),
    ],
  ]);
});

describe('security contexts', () => {
  const context = (securityContext: object): object => ({ securityContext });
  const range = 'must be between 0 and 2147483647, inclusive';
  const both = { privileged: true, allowPrivilegeEscalation: false };
  const admin = { allowPrivilegeEscalation: false, capabilities: { add: ['SYS_ADMIN'] } };
  runs([
    ['a user', context({ runAsUser: 0, runAsGroup: 2_147_483_647 })],
    [
      'a user below 0',
      context({ runAsUser: -1, runAsGroup: 2 ** 31 }),
      [
        `securityContext.runAsUser: Invalid value: -1: ${range}`,
        `securityContext.runAsGroup: Invalid value: 2147483648: ${range}`,
      ],
    ],
    [
      'all privileges, and no more of them',
      context(both),
      [
        `securityContext: Invalid value: ${JSON.stringify(both)}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
      ],
    ],
    [
      'nearly all privileges, and no more of them',
      context(admin),
      [
        `securityContext: Invalid value: ${JSON.stringify(admin)}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`,
      ],
    ],
    [
      'a profile without a name',
      context({ seccompProfile: { type: 'Localhost' } }),
      ['securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost'],
    ],
    [
      'a name without a profile',
      context({ appArmorProfile: { type: 'RuntimeDefault', localhostProfile: 'x' } }),
      [
        'securityContext.appArmorProfile.localhostProfile: Invalid value: "x": can only be set when AppArmor type is Localhost',
      ],
    ],
  ]);
});

describe('init containers', () => {
  const rule = 'Forbidden: may not be set for init containers without restartPolicy=Always';
  const init = (rest: object): object => ({ initContainers: [{ name: 'i', image: 'i:1', ...rest }] });
  runs(
    [
      ['a plain one', {}, [], init({})],
      [
        'a sidecar with a probe',
        {},
        [],
        init({ restartPolicy: 'Always', startupProbe: http, lifecycle: { preStop: { httpGet: { port: 1 } } } }),
      ],
      [
        'a plain one with a probe',
        {},
        [`lifecycle: ${rule}`, `livenessProbe: ${rule}`, `readinessProbe: ${rule}`, `startupProbe: ${rule}`],
        init({ lifecycle: {}, livenessProbe: http, readinessProbe: http, startupProbe: http }),
      ],
      [
        'an unknown policy',
        {},
        ['restartPolicy: Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"'],
        init({ restartPolicy: 'Maybe' }),
      ],
    ],
    'spec.initContainers[0].',
  );
});

describe('ephemeral containers', () => {
  const rule = 'Forbidden: cannot be set for an Ephemeral Container';
  const debug = (rest: object): object => ({ volumes, ephemeralContainers: [{ name: 'd', image: 'd:1', ...rest }] });
  runs(
    [
      ['a good one', {}, [], debug({ targetContainerName: 'c', volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      ['no image', {}, ['image: Required value'], debug({ image: '' })],
      ['a name that is taken', {}, ['name: Duplicate value: "c"'], debug({ name: 'c' })],
      ['another target', {}, ['targetContainerName: Not found: "x"'], debug({ targetContainerName: 'x' })],
      [
        'what only lasting ones have',
        {},
        [`ports: ${rule}`, `lifecycle: ${rule}`, `livenessProbe: ${rule}`, `resources: ${rule}`],
        debug({ ports: [], lifecycle: {}, livenessProbe: http, resources: { limits: { cpu: '1' } } }),
      ],
      [
        'a part of a volume',
        {},
        [`volumeMounts[0].subPath: ${rule}`],
        debug({ volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a' }] }),
      ],
    ],
    'spec.ephemeralContainers[0].',
  );

  it('come later', () => {
    const pod = { metadata: { name: 'p' }, spec: debug({}) };
    assert.deepEqual(podKind.validateCreate?.(pod), [
      {
        reason: 'FieldValueForbidden',
        field: 'spec.ephemeralContainers',
        message: 'Forbidden: cannot be set on create',
      },
    ]);
  });
});
