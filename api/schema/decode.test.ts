// Decoding what clients send: wrong types are refused with their path, unknown
// fields are reported, nulls are dropped.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DecodeError, decodeType } from './decode.ts';

describe('accepts', () => {
  const cases: [title: string, typeId: string, input: object, value: object, unknownFields?: string[]][] = [
    [
      'what fits',
      'core.v1.ConfigMap',
      { kind: 'ConfigMap', data: { a: 'b' } },
      { kind: 'ConfigMap', data: { a: 'b' } },
    ],
    [
      'fields of inlined structs',
      'core.v1.Volume',
      { name: 'v', emptyDir: { sizeLimit: '1Gi' } },
      { name: 'v', emptyDir: { sizeLimit: '1Gi' } },
    ],
    ['null as absent', 'core.v1.PodSpec', { nodeName: null, containers: null }, {}],
    [
      'what is left out, where Go writes it all the same',
      'rbac.v1.RoleBinding',
      { subjects: [{}] },
      { subjects: [{ kind: '', name: '' }], roleRef: { apiGroup: '', kind: '', name: '' } },
    ],
    [
      'counts that are left out as none',
      'policy.v1.PodDisruptionBudget',
      { status: {} },
      { status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 } },
    ],
    ['null of a map of texts as empty', 'core.v1.ConfigMap', { data: { a: null } }, { data: { a: '' } }],
    [
      'numbers and texts for a port',
      'core.v1.ServicePort',
      { port: 80, targetPort: 'web' },
      { port: 80, targetPort: 'web' },
    ],
    [
      'a number as quantity',
      'core.v1.ResourceRequirements',
      { limits: { cpu: 2, memory: '1Gi' } },
      { limits: { cpu: '2', memory: '1Gi' } },
    ],
    [
      'quantities in every form, and makes them canonical',
      'core.v1.ResourceRequirements',
      { limits: { cpu: '0.5', memory: '1024Mi' }, requests: { cpu: 0.1, memory: '1e3' } },
      { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '100m', memory: '1e3' } },
    ],
    ['base64', 'core.v1.Secret', { data: { a: 'aGk=', b: '' } }, { data: { a: 'aGk=', b: '' } }],
    [
      'times',
      'meta.v1.ObjectMeta',
      { creationTimestamp: '2024-05-01T12:00:00Z' },
      { creationTimestamp: '2024-05-01T12:00:00Z' },
    ],
    [
      'large integers',
      'core.v1.PodSpec',
      { terminationGracePeriodSeconds: 2 ** 40 },
      { terminationGracePeriodSeconds: 2 ** 40 },
    ],
    [
      'unknown fields, but tells of them',
      'core.v1.PodSpec',
      { nodename: 'x', containers: [{ name: 'a', ports: [{ containerPort: 80, porto: 1 }] }] },
      { containers: [{ name: 'a', ports: [{ containerPort: 80 }] }] },
      ['nodename', 'containers[0].ports[0].porto'],
    ],
    ['a name in another case is another name', 'core.v1.PodSpec', { NodeName: 'x' }, {}, ['NodeName']],
    [
      'names that every object inherits are unknown',
      'core.v1.PodSpec',
      { toString: 'x', constructor: {} },
      {},
      ['toString', 'constructor'],
    ],
  ];
  for (const [title, typeId, input, value, unknownFields = []] of cases)
    it(title, () => assert.deepEqual(decodeType(input, typeId), { value, unknownFields }));

  it('__proto__ as a key of a map like any other', () => {
    const { value } = decodeType(JSON.parse('{"data": {"__proto__": "x"}}'), 'core.v1.ConfigMap');
    assert.deepEqual(Object.keys(value.data as object), ['__proto__']);
    assert.equal(Object.getPrototypeOf(value.data), Object.prototype);
  });
});

describe('refuses', () => {
  const cases: [title: string, typeId: string, input: unknown, message: RegExp][] = [
    ['a list as an object', 'core.v1.ConfigMap', [], /expected a JSON object, found array/],
    ['null', 'core.v1.ConfigMap', null, /found null/],
    ['a number as a text', 'core.v1.PodSpec', { nodeName: 7 }, /^nodeName: .*number.*string/],
    [
      'a text as a number',
      'core.v1.Container',
      { ports: [{ containerPort: '80' }] },
      /^ports\[0\]\.containerPort: .*string.*integer/,
    ],
    ['a fraction', 'apps.v1.DeploymentSpec', { replicas: 1.5 }, /^replicas: .*integer/],
    ['too large for 32 bits', 'apps.v1.DeploymentSpec', { replicas: 2 ** 31 }, /^replicas: .*32-bit/],
    ['too small for 32 bits', 'apps.v1.DeploymentSpec', { replicas: -(2 ** 31) - 1 }, /^replicas: .*32-bit/],
    ['a text as a boolean', 'core.v1.PodSpec', { hostNetwork: 'true' }, /^hostNetwork: .*string.*boolean/],
    ['an object as a list', 'core.v1.PodSpec', { containers: {} }, /^containers: .*object.*array/],
    ['a list as a map', 'core.v1.ConfigMap', { data: ['a'] }, /^data: .*array.*object/],
    ['a text as a struct', 'core.v1.PodSpec', { securityContext: 'x' }, /^securityContext: .*string.*object/],
    ['null in a list', 'core.v1.PodSpec', { containers: [null] }, /^containers\[0\]: .*null.*object/],
    ['a bad quantity', 'core.v1.ResourceRequirements', { limits: { cpu: '1 core' } }, /^limits\.cpu: .*quantit/],
    ['a bad time', 'meta.v1.ObjectMeta', { creationTimestamp: 'yesterday' }, /^creationTimestamp: .*RFC 3339/],
    ['bad base64', 'core.v1.Secret', { data: { a: 'a*b' } }, /^data\.a: .*base64/],
    ['base64 of a wrong length', 'core.v1.Secret', { data: { a: 'abc' } }, /^data\.a: .*base64/],
    ['a fraction as a port', 'core.v1.ServicePort', { targetPort: 80.5 }, /^targetPort: .*integer or string/],
    [
      'deep in a list',
      'core.v1.PodSpec',
      { containers: [{}, { env: [{ name: 1 }] }] },
      /^containers\[1\]\.env\[0\]\.name: /,
    ],
  ];
  for (const [title, typeId, input, message] of cases) {
    it(title, () => {
      assert.throws(
        () => decodeType(input, typeId),
        (error) => error instanceof DecodeError && message.test(error.message),
      );
    });
  }

  it('what nests without end', () => {
    let schema: object = {};
    for (let depth = 0; depth < 1000; depth += 1) schema = { not: schema };
    const typeId = 'apiextensions.v1.JSONSchemaProps';
    try {
      decodeType(schema, typeId);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
    }
  });
});
