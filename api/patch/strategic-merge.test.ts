// Strategic merge patch: merge keys, every directive, and the cases of the
// Kubernetes document on it.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../meta/object.ts';
import { PatchError } from './patch-error.ts';
import { applyStrategicMergePatch } from './strategic-merge.ts';

const podSpec = 'core.v1.PodSpec';
const container = 'core.v1.Container';
const meta = 'meta.v1.ObjectMeta';
const deploymentSpec = 'apps.v1.DeploymentSpec';
const service = 'core.v1.ServiceSpec';

type Case = [title: string, typeId: string, target: JsonObject, patch: JsonObject, result: JsonObject];

function check(cases: Case[]): void {
  for (const [title, typeId, target, patch, result] of cases) {
    it(title, () => {
      const [before, asked] = [structuredClone(target), structuredClone(patch)];
      assert.deepEqual(applyStrategicMergePatch(target, patch, typeId), result);
      assert.deepEqual([target, patch], [before, asked]);
    });
  }
}

const ab = {
  containers: [
    { name: 'a', image: '1' },
    { name: 'b', image: '1' },
  ],
};

describe('maps', () =>
  check([
    [
      'set and keep',
      meta,
      { labels: { a: '1', b: '1' } },
      { labels: { b: '2', c: '2' } },
      { labels: { a: '1', b: '2', c: '2' } },
    ],
    ['null deletes', meta, { labels: { a: '1', b: '1' } }, { labels: { a: null } }, { labels: { b: '1' } }],
    ['null deletes a whole field', meta, { name: 'n', labels: { a: '1' } }, { labels: null }, { name: 'n' }],
    ['null in what is new is nothing', meta, {}, { labels: { a: null, b: '1' } }, { labels: { b: '1' } }],
    [
      '$patch: replace',
      meta,
      { labels: { a: '1', b: '1' } },
      { labels: { $patch: 'replace', c: '2' } },
      { labels: { c: '2' } },
    ],
    ['$patch: delete', meta, { labels: { a: '1' } }, { labels: { $patch: 'delete' } }, { labels: {} }],
    [
      'an unknown kind is merged as a map',
      'example.v1.Widget',
      { spec: { a: 1, list: [1] } },
      { spec: { list: [2] } },
      { spec: { a: 1, list: [2] } },
    ],
    [
      'a key that looks like a label of ours',
      meta,
      { annotations: {} },
      { annotations: { 'a/$b': 'x' } },
      { annotations: { 'a/$b': 'x' } },
    ],
  ]));

describe('lists with a merge key', () =>
  check([
    [
      'change one',
      podSpec,
      ab,
      { containers: [{ name: 'b', image: '2' }] },
      {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2' },
        ],
      },
    ],
    ['add one', podSpec, ab, { containers: [{ name: 'c' }] }, { containers: [{ name: 'c' }, ...ab.containers] }],
    ['make the list', podSpec, {}, { containers: [{ name: 'c', image: null }] }, { containers: [{ name: 'c' }] }],
    [
      'delete one',
      podSpec,
      ab,
      { containers: [{ name: 'a', $patch: 'delete' }] },
      { containers: [{ name: 'b', image: '1' }] },
    ],
    ['delete what is not there', podSpec, ab, { containers: [{ name: 'z', $patch: 'delete' }] }, ab],
    [
      'replace one by deleting a field',
      podSpec,
      ab,
      { containers: [{ name: 'a', image: null }] },
      { containers: [{ name: 'a' }, { name: 'b', image: '1' }] },
    ],
    [
      '$patch: replace replaces the list',
      podSpec,
      ab,
      { containers: [{ $patch: 'replace' }, { name: 'c' }] },
      { containers: [{ name: 'c' }] },
    ],
    ['only $patch: replace empties it', podSpec, ab, { containers: [{ $patch: 'replace' }] }, { containers: [] }],
    [
      '$patch: replace in an item',
      podSpec,
      ab,
      { containers: [{ name: 'a', resources: { $patch: 'replace', limits: { cpu: '1' } } }] },
      {
        containers: [
          { name: 'a', image: '1', resources: { limits: { cpu: '1' } } },
          { name: 'b', image: '1' },
        ],
      },
    ],
    ['null deletes the list', podSpec, ab, { containers: null }, {}],
    ['an empty list changes nothing', podSpec, ab, { containers: [] }, ab],
    [
      'ports of a container by number',
      container,
      { name: 'a', ports: [{ containerPort: 80, name: 'http' }] },
      { ports: [{ containerPort: 80, protocol: 'TCP' }, { containerPort: 443 }] },
      { name: 'a', ports: [{ containerPort: 80, name: 'http', protocol: 'TCP' }, { containerPort: 443 }] },
    ],
    [
      'ports of a Service by number',
      service,
      { ports: [{ port: 80, targetPort: 8080 }] },
      { ports: [{ port: 80, targetPort: 'web' }] },
      { ports: [{ port: 80, targetPort: 'web' }] },
    ],
    [
      'deep in an item',
      podSpec,
      {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '1' },
            ],
          },
        ],
      },
      { containers: [{ name: 'a', env: [{ name: 'Y', value: null, valueFrom: { fieldRef: { fieldPath: 'p' } } }] }] },
      {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', valueFrom: { fieldRef: { fieldPath: 'p' } } },
            ],
          },
        ],
      },
    ],
  ]));

describe('other lists', () =>
  check([
    ['atomic ones are replaced', container, { command: ['a', 'b'] }, { command: ['c'] }, { command: ['c'] }],
    [
      'tolerations too',
      podSpec,
      { tolerations: [{ key: 'a' }] },
      { tolerations: [{ key: 'b' }] },
      { tolerations: [{ key: 'b' }] },
    ],
    ['sets are merged', meta, { finalizers: ['a', 'b'] }, { finalizers: ['b', 'c'] }, { finalizers: ['a', 'b', 'c'] }],
    [
      '$deleteFromPrimitiveList',
      meta,
      { finalizers: ['a', 'b', 'c'] },
      { '$deleteFromPrimitiveList/finalizers': ['a', 'z'] },
      { finalizers: ['b', 'c'] },
    ],
    [
      'delete and add at once',
      meta,
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] },
      { finalizers: ['c', 'b'] },
    ],
    [
      'delete by what is no list',
      meta,
      { finalizers: ['a'] },
      { '$deleteFromPrimitiveList/finalizers': 'a' },
      { finalizers: ['a'] },
    ],
    ['delete from a list that is not there', meta, {}, { '$deleteFromPrimitiveList/finalizers': ['a'] }, {}],
  ]));

describe('$setElementOrder', () =>
  check([
    [
      'orders what is merged',
      podSpec,
      ab,
      { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'a', image: '2' }] },
      {
        containers: [
          { name: 'b', image: '1' },
          { name: 'a', image: '2' },
        ],
      },
    ],
    [
      'places what is new',
      podSpec,
      ab,
      { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'b' }], containers: [{ name: 'c' }] },
      { containers: [{ name: 'c' }, ...ab.containers] },
    ],
    [
      'orders a set',
      meta,
      { finalizers: ['a', 'b'] },
      { '$setElementOrder/finalizers': ['c', 'b', 'a'], finalizers: ['c'] },
      { finalizers: ['c', 'b', 'a'] },
    ],
    [
      'beside a delete',
      podSpec,
      ab,
      { '$setElementOrder/containers': [{ name: 'b' }], containers: [{ name: 'a', $patch: 'delete' }] },
      { containers: [{ name: 'b', image: '1' }] },
    ],
    ['keeps what the server has added', podSpec, ab, { '$setElementOrder/containers': [{ name: 'b' }] }, ab],
    ['of a list that is not there', podSpec, {}, { '$setElementOrder/containers': [{ name: 'b' }] }, {}],
  ]));

describe('$retainKeys', () =>
  check([
    [
      'of a strategy',
      deploymentSpec,
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
      { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      { strategy: { type: 'Recreate' } },
    ],
    [
      'of a volume',
      podSpec,
      {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'w', emptyDir: {} },
        ],
      },
      { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] },
      {
        volumes: [
          { name: 'v', hostPath: { path: '/x' } },
          { name: 'w', emptyDir: {} },
        ],
      },
    ],
  ]));

describe('refuses', () => {
  const cases: [title: string, typeId: string, patch: JsonObject][] = [
    ['$patch: merge, which is no directive', meta, { labels: { $patch: 'merge', b: '1' } }],
    ['an unknown directive', meta, { labels: { $patch: 'explode' } }],
    ['an item without its merge key', podSpec, { containers: [{ image: '2' }] }],
    ['an item that is no object', podSpec, { containers: ['a'] }],
    ['$retainKeys that are no list', deploymentSpec, { strategy: { $retainKeys: 'type' } }],
    ['$setElementOrder that is no list', podSpec, { '$setElementOrder/containers': 'a' }],
  ];
  const target = { ...ab, labels: { a: '1' }, finalizers: ['a'] };
  for (const [title, typeId, patch] of cases)
    it(title, () => assert.throws(() => applyStrategicMergePatch(structuredClone(target), patch, typeId), PatchError));
});

it('leaves no directive behind in what is new', () => {
  const patch = {
    containers: [
      {
        name: 'n',
        '$setElementOrder/env': [{ name: 'X' }],
        env: [{ name: 'X', value: '1' }],
        resources: { $patch: 'replace' },
      },
    ],
    volumes: [{ name: 'v', $retainKeys: ['name', 'emptyDir'], emptyDir: { $patch: 'merge' } }],
  };
  const text = JSON.stringify(applyStrategicMergePatch({}, patch, podSpec));
  assert.ok(!text.includes('$'), text);
});

it('never touches a prototype', () => {
  const patch = JSON.parse(
    '{"annotations": {"__proto__": {"polluted": "yes"}}, "__proto__": {"polluted": "yes"}}',
  ) as JsonObject;
  applyStrategicMergePatch({ annotations: {} }, patch, meta);
  assert.equal(({} as { polluted?: string }).polluted, undefined);
});
