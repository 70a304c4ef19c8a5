// Pods: documented defaults, what validation refuses in which words, what an
// update may change, and the quality of service.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../meta/kubernetes.ts';
import type { KubeObject } from '../meta/object.ts';
import { podKind } from './pod.ts';

function pod(spec: object = {}, container: object = {}): KubeObject {
  return { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i:1', ...container }], ...spec } };
}

function defaulted(spec: object = {}, container: object = {}): KubeObject {
  const object = pod(spec, container);
  podKind.applyDefaults?.(object);
  return object;
}

const tolerated = (key: string): object => ({
  key: `node.kubernetes.io/${key}`,
  operator: 'Exists',
  effect: 'NoExecute',
});

describe('defaults', () => {
  it('of a pod', () => {
    assert.deepEqual(defaulted().spec, {
      containers: [
        {
          name: 'c',
          image: 'i:1',
          imagePullPolicy: 'IfNotPresent',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      securityContext: {},
      serviceAccount: 'default',
      serviceAccountName: 'default',
      terminationGracePeriodSeconds: 30,
      tolerations: [tolerated('not-ready'), tolerated('unreachable')],
    });
  });

  it('change nothing when they are applied again', () => {
    const once = defaulted({ volumes: [{ name: 'v' }] }, { ports: [{ containerPort: 80 }] });
    const twice = structuredClone(once);
    podKind.applyDefaults?.(twice);
    assert.deepEqual(twice, once);
  });

  const policies: [image: string, policy: string][] = [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1', 'IfNotPresent'],
    ['host:5000/nginx', 'Always'],
    ['host:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:0123', 'IfNotPresent'],
    ['nginx:latest@sha256:0123', 'IfNotPresent'],
  ];
  for (const [image, policy] of policies) {
    it(`pull policy of ${image}`, () => {
      const { spec } = defaulted({}, { image }) as Pod;
      assert.equal(spec?.containers[0]?.imagePullPolicy, policy);
    });
  }

  const fields: [title: string, spec: object, container: object, path: string, value: unknown][] = [
    ['a port', {}, { ports: [{ containerPort: 80 }] }, 'containers.0.ports', [{ containerPort: 80, protocol: 'TCP' }]],
    [
      'a port of the host network',
      { hostNetwork: true },
      { ports: [{ containerPort: 80 }] },
      'containers.0.ports.0.hostPort',
      80,
    ],
    [
      'a probe',
      {},
      { livenessProbe: { httpGet: { port: 80 } } },
      'containers.0.livenessProbe',
      {
        httpGet: { port: 80, path: '/', scheme: 'HTTP' },
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      },
    ],
    [
      'a request from its limit',
      {},
      { resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } } },
      'containers.0.resources.requests',
      { cpu: '100m', memory: '1Gi' },
    ],
    ['a volume', { volumes: [{ name: 'v' }] }, {}, 'volumes.0', { name: 'v', emptyDir: {} }],
    [
      'a volume of a Secret',
      { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
      {},
      'volumes.0.secret.defaultMode',
      420,
    ],
    [
      'a field',
      {},
      { env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      'containers.0.env.0.valueFrom.fieldRef.apiVersion',
      'v1',
    ],
    ['what is set stays', { terminationGracePeriodSeconds: 0 }, {}, 'terminationGracePeriodSeconds', 0],
    [
      'a toleration of its own',
      { tolerations: [{ ...tolerated('unreachable'), tolerationSeconds: 5 }] },
      {},
      'tolerations',
      [{ ...tolerated('unreachable'), tolerationSeconds: 5 }, tolerated('not-ready')],
    ],
    ['a toleration of all', { tolerations: [{ operator: 'Exists' }] }, {}, 'tolerations', [{ operator: 'Exists' }]],
  ];
  for (const [title, spec, container, path, value] of fields) {
    it(title, () => {
      const found = path
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], defaulted(spec, container).spec);
      assert.deepEqual(found, value);
    });
  }
});

describe('validation', () => {
  const cases: [title: string, spec: object, container: object, errors: string[]][] = [
    ['a good pod', {}, {}, []],
    ['no containers', { containers: [] }, {}, ['spec.containers: Required value']],
    ['no name', {}, { name: '' }, ['spec.containers[0].name: Required value']],
    ['a name in capitals', {}, { name: 'C' }, ['spec.containers[0].name: Invalid value']],
    ['no image', {}, { image: '' }, ['spec.containers[0].image: Required value']],
    ['a name twice', { initContainers: [{ name: 'c', image: 'i' }] }, {}, ['spec.containers[0].name: Duplicate value']],
    ['an unknown policy', { restartPolicy: 'Sometimes' }, {}, ['spec.restartPolicy: Unsupported value']],
    [
      'an unknown pull policy',
      {},
      { imagePullPolicy: 'Maybe' },
      ['spec.containers[0].imagePullPolicy: Unsupported value'],
    ],
    [
      'a grace period below zero',
      { terminationGracePeriodSeconds: -1 },
      {},
      ['spec.terminationGracePeriodSeconds: Invalid value'],
    ],
    ['a deadline of zero', { activeDeadlineSeconds: 0 }, {}, ['spec.activeDeadlineSeconds: Invalid value']],
    [
      'a port out of range',
      {},
      { ports: [{ containerPort: 65_536 }] },
      ['spec.containers[0].ports[0].containerPort: Invalid value'],
    ],
    [
      'an unknown protocol',
      {},
      { ports: [{ containerPort: 1, protocol: 'ICMP' }] },
      ['spec.containers[0].ports[0].protocol: Unsupported value'],
    ],
    [
      'a mount of nothing',
      {},
      { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      ['spec.containers[0].volumeMounts[0].name: Not found'],
    ],
    [
      'two mounts at one place',
      { volumes: [{ name: 'v' }] },
      {
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'v', mountPath: '/v' },
        ],
      },
      ['spec.containers[0].volumeMounts[1].mountPath: Invalid value'],
    ],
    [
      'a way out of a volume',
      { volumes: [{ name: 'v' }] },
      { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a/../..' }] },
      ['spec.containers[0].volumeMounts[0].subPath: Invalid value'],
    ],
    ['a volume twice', { volumes: [{ name: 'v' }, { name: 'v' }] }, {}, ['spec.volumes[1].name: Duplicate value']],
    [
      'a request above its limit',
      {},
      { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
      ['spec.containers[0].resources.requests: Invalid value'],
    ],
    [
      'less than nothing',
      {},
      { resources: { requests: { cpu: '-1' } } },
      ['spec.containers[0].resources.requests[cpu]: Invalid value'],
    ],
    ['a variable without a name', {}, { env: [{ value: 'x' }] }, ['spec.containers[0].env[0].name: Required value']],
    [
      'value and valueFrom',
      {},
      { env: [{ name: 'X', value: 'x', valueFrom: {} }] },
      ['spec.containers[0].env[0].valueFrom: Invalid value'],
    ],
  ];
  for (const [title, spec, container, errors] of cases) {
    it(title, () => {
      const found = podKind.validate?.(defaulted(spec, container)) ?? [];
      assert.deepEqual(
        found.map(({ field, message }) => `${field}: ${message.split(':')[0]}`),
        errors,
      );
    });
  }
});

describe('update', () => {
  const cases: [title: string, spec: object, container: object, allowed: boolean][] = [
    ['the same', {}, {}, true],
    ['another image', {}, { image: 'i:2' }, true],
    ['a deadline', { activeDeadlineSeconds: 5 }, {}, true],
    [
      'more tolerations',
      { tolerations: [tolerated('not-ready'), tolerated('unreachable'), { key: 'k', operator: 'Exists' }] },
      {},
      true,
    ],
    ['another command', {}, { command: ['x'] }, false],
    ['another node', { nodeName: 'n2' }, {}, false],
    ['another policy', { restartPolicy: 'Never' }, {}, false],
    [
      'another container',
      {
        containers: [
          { name: 'c', image: 'i:1' },
          { name: 'd', image: 'i:1' },
        ],
      },
      {},
      false,
    ],
  ];
  for (const [title, spec, container, allowed] of cases) {
    it(`${title} is ${allowed ? 'fine' : 'forbidden'}`, () => {
      const errors = podKind.validateUpdate?.(defaulted(spec, container), defaulted()) ?? [];
      assert.deepEqual(
        errors.map(({ reason }) => reason),
        allowed ? [] : ['FieldValueForbidden'],
      );
    });
  }
});

it('with gates says that it waits for them', () => {
  const object = defaulted({ schedulingGates: [{ name: 'example.com/a' }] });
  podKind.prepareCreate?.(object);
  assert.deepEqual((object as Pod).status?.conditions, [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    },
  ]);
});

describe('quality of service', () => {
  const all = { cpu: '1', memory: '1Gi' };
  const cases: [resources: object | undefined, qosClass: string][] = [
    [undefined, 'BestEffort'],
    [{ requests: all, limits: all }, 'Guaranteed'],
    [{ limits: all }, 'Guaranteed'],
    [{ requests: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1' } }, 'Burstable'],
    [{ requests: { cpu: '500m', memory: '1Gi' }, limits: all }, 'Burstable'],
  ];
  for (const [resources, qosClass] of cases) {
    it(`${JSON.stringify(resources)} is ${qosClass}`, () => {
      const object = defaulted({}, resources === undefined ? {} : { resources });
      podKind.prepareCreate?.(object);
      assert.deepEqual(object.status, { phase: 'Pending', qosClass });
    });
  }
});
