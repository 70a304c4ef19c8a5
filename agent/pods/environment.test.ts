// A container's environment, after the Kubernetes documents on dependent
// variables, ConfigMaps, Secrets and the downward API.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import { buildEnvironment, EnvironmentError, type EnvironmentSources, expand } from './environment.ts';

const pod = {
  metadata: {
    name: 'p',
    namespace: 'team',
    uid: 'u-1',
    labels: { app: 'web', 'example.com/tier': 'front' },
    annotations: { note: 'hi' },
  },
  spec: { nodeName: 'n1', serviceAccountName: 'robot', containers: [] },
} as unknown as Pod;

const data: Record<string, Record<string, string>> = {
  'configmaps/team/settings': { COLOUR: 'blue', SIZE: 'ünï' },
  'secrets/team/login': { USER: 'eve', PASSWORD: 'p$(COLOUR)' },
};

const sources: EnvironmentSources = {
  data: (key) => {
    const found = data[key];
    return found && new Map(Object.entries(found).map(([name, value]) => [name, Buffer.from(value)]));
  },
  podAddress: '10.0.0.7',
  hostAddress: '192.0.2.1',
};

function build(container: object): Record<string, string> {
  return Object.fromEntries(buildEnvironment(pod, { name: 'c', ...container } as Container, sources));
}

describe('expansion of $(NAME)', () => {
  const known = new Map([
    ['A', 'one'],
    ['B', '$(A)'],
    ['EMPTY', ''],
  ]);
  const cases: [text: string, expanded: string][] = [
    ['plain', 'plain'],
    ['$(A)', 'one'],
    ['x$(A)y$(A)', 'xoneyone'],
    ['$(EMPTY)', ''],
    ['$(MISSING)', '$(MISSING)'],
    ['$(B)', '$(A)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$$$$(A)', '$$(A)'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['$()', '$()'],
    ['100$', '100$'],
  ];
  for (const [text, expanded] of cases) it(text, () => assert.equal(expand(text, known), expanded));
});

describe('env', () => {
  it('refers to what stands before, not to what follows', () => {
    const env = [
      { name: 'FIRST', value: 'see $(SECOND)' },
      { name: 'SECOND', value: '2' },
      { name: 'THIRD', value: '$(SECOND)+1' },
      { name: 'NOTHING' },
    ];
    assert.deepEqual(build({ env }), { FIRST: 'see $(SECOND)', SECOND: '2', THIRD: '2+1', NOTHING: '' });
  });

  it('wins over envFrom, of which the last wins', () => {
    const envFrom = [
      { configMapRef: { name: 'settings' } },
      { secretRef: { name: 'login' } },
      { prefix: 'CFG_', configMapRef: { name: 'settings' } },
    ];
    assert.deepEqual(build({ envFrom, env: [{ name: 'COLOUR', value: 'not $(COLOUR)' }] }), {
      COLOUR: 'not blue',
      SIZE: 'ünï',
      USER: 'eve',
      PASSWORD: 'p$(COLOUR)',
      CFG_COLOUR: 'blue',
      CFG_SIZE: 'ünï',
    });
  });

  it('takes values from ConfigMaps and Secrets as they are', () => {
    const env = [
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'COLOUR' } } },
      { name: 'S', valueFrom: { secretKeyRef: { name: 'login', key: 'PASSWORD' } } },
      { name: 'O', valueFrom: { secretKeyRef: { name: 'login', key: 'absent', optional: true } } },
      { name: 'P', valueFrom: { configMapKeyRef: { name: 'absent', key: 'x', optional: true } } },
    ];
    assert.deepEqual(build({ env }), { C: 'blue', S: 'p$(COLOUR)' });
  });

  it('leaves out an optional envFrom', () => {
    assert.deepEqual(build({ envFrom: [{ configMapRef: { name: 'absent', optional: true } }] }), {});
  });

  const missing: [container: object, message: RegExp][] = [
    [{ envFrom: [{ configMapRef: { name: 'absent' } }] }, /^configmap "absent" not found$/],
    [{ envFrom: [{ secretRef: { name: 'absent' } }] }, /^secret "absent" not found$/],
    [
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'absent', key: 'x' } } }] },
      /^configmap "absent" not found$/,
    ],
    [
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'x' } } }] },
      /^couldn't find key x in ConfigMap team\/settings$/,
    ],
    [
      { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'login', key: 'x' } } }] },
      /^couldn't find key x in Secret team\/login$/,
    ],
    [{ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.containers' } } }] }, /unsupported fieldPath/],
    [{ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'toString' } } }] }, /unsupported fieldPath/],
  ];
  for (const [container, message] of missing) {
    it(`an error that says ${message.source}`, () => {
      assert.throws(
        () => build(container),
        (error) => error instanceof EnvironmentError && message.test(error.message),
      );
    });
  }
});

describe('downward API', () => {
  const fields: [path: string, value: string][] = [
    ['metadata.name', 'p'],
    ['metadata.namespace', 'team'],
    ['metadata.uid', 'u-1'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['example.com/tier']", 'front'],
    ["metadata.labels['absent']", ''],
    ["metadata.annotations['note']", 'hi'],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.hostIP', '192.0.2.1'],
    ['status.podIP', '10.0.0.7'],
    ['status.podIPs', '10.0.0.7'],
  ];
  for (const [fieldPath, value] of fields)
    it(fieldPath, () =>
      assert.deepEqual(build({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] }), { X: value }),
    );

  const resources = { requests: { cpu: '250m', memory: '100Mi' }, limits: { cpu: '1500m', memory: '128Mi' } };
  const amounts: [resource: string, divisor: string | undefined, value: string][] = [
    ['limits.cpu', undefined, '2'],
    ['limits.cpu', '0', '2'],
    ['limits.cpu', '1m', '1500'],
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '250'],
    ['limits.memory', undefined, '134217728'],
    ['limits.memory', '1Mi', '128'],
    ['requests.memory', '1Gi', '1'],
    ['requests.memory', '1k', '104858'],
  ];
  for (const [resource, divisor, value] of amounts) {
    it(`${resource} in units of ${divisor ?? 'one'}`, () => {
      const resourceFieldRef = { resource, ...(divisor === undefined ? {} : { divisor }) };
      assert.deepEqual(build({ resources, env: [{ name: 'X', valueFrom: { resourceFieldRef } }] }), { X: value });
    });
  }
});
