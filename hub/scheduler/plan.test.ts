// Where pods go: each filter of the scheduler, the preference for the emptiest
// node, and the message that says why a pod fits nowhere.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node, Pod, PodSpec, Taint, Toleration } from '../../api/meta/kubernetes.ts';
import { addPod, matchesNode, type NodeLoad, place, placeAll, podDemand, tolerates, unfitReason } from './plan.ts';

type NodeOptions = { labels?: Record<string, string>; taints?: Taint[]; unschedulable?: boolean; allocatable?: object };

function load(name: string, { labels = {}, allocatable = {}, ...spec }: NodeOptions = {}): NodeLoad {
  const room = { cpu: '2', memory: '4Gi', pods: '3', ...allocatable };
  const node = { metadata: { name, labels }, spec, status: { allocatable: room } } as unknown as Node;
  return { node, used: { cpuMillis: 0, memoryBytes: 0, hostPorts: [] }, podCount: 0 };
}

function pod(spec: object = {}, requests: Record<string, string> = {}): Pod {
  return { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', resources: { requests } }], ...spec } } as Pod;
}

function reason(one: Pod, on: NodeLoad): string | undefined {
  return unfitReason(one.spec, podDemand(one.spec), on);
}

const taint = (key: string, effect: string, value?: string): Taint =>
  ({ key, effect, ...(value === undefined ? {} : { value }) }) as Taint;

describe('tolerations', () => {
  const cases: [toleration: object, taint: Taint, tolerated: boolean][] = [
    [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }, taint('k', 'NoSchedule', 'v'), true],
    [{ key: 'k', value: 'v', effect: 'NoSchedule' }, taint('k', 'NoSchedule', 'v'), true],
    [{ key: 'k', value: 'v' }, taint('k', 'NoExecute', 'v'), true],
    [{ key: 'k', value: 'w', effect: 'NoSchedule' }, taint('k', 'NoSchedule', 'v'), false],
    [{ key: 'k', value: 'v', effect: 'NoExecute' }, taint('k', 'NoSchedule', 'v'), false],
    [{ key: 'other', operator: 'Exists' }, taint('k', 'NoSchedule', 'v'), false],
    [{ key: 'k', operator: 'Exists' }, taint('k', 'NoSchedule', 'v'), true],
    [{ operator: 'Exists' }, taint('k', 'NoSchedule', 'v'), true],
    [{ operator: 'Exists', effect: 'NoExecute' }, taint('k', 'NoSchedule'), false],
    [{ key: 'k' }, taint('k', 'NoSchedule'), true],
    [{ key: 'k', value: '' }, taint('k', 'NoSchedule'), true],
  ];
  for (const [toleration, on, tolerated] of cases) {
    it(`${JSON.stringify(toleration)} and ${JSON.stringify(on)}`, () =>
      assert.equal(tolerates(toleration as Toleration, on), tolerated));
  }
});

describe('node selector and affinity', () => {
  const { node } = load('n1', { labels: { disk: 'ssd', cores: '8', 'kubernetes.io/hostname': 'n1' } });
  const terms = (...nodeSelectorTerms: object[]): object => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
  });
  const expression = (key: string, operator: string, ...values: string[]): object => ({
    matchExpressions: [{ key, operator, ...(values.length > 0 ? { values } : {}) }],
  });
  const cases: [spec: object, matches: boolean][] = [
    [{}, true],
    [{ nodeSelector: { disk: 'ssd' } }, true],
    [{ nodeSelector: { disk: 'ssd', cores: '4' } }, false],
    [{ nodeSelector: { absent: '' } }, false],
    [terms(expression('disk', 'In', 'hdd', 'ssd')), true],
    [terms(expression('disk', 'In', 'hdd')), false],
    [terms(expression('disk', 'NotIn', 'hdd')), true],
    [terms(expression('absent', 'NotIn', 'x')), true],
    [terms(expression('disk', 'Exists')), true],
    [terms(expression('disk', 'DoesNotExist')), false],
    [terms(expression('cores', 'Gt', '4')), true],
    [terms(expression('cores', 'Gt', '8')), false],
    [terms(expression('cores', 'Lt', '16')), true],
    [terms(expression('disk', 'Gt', '4')), false],
    [terms(expression('disk', 'In', 'hdd'), expression('cores', 'In', '8')), true],
    [
      terms({
        matchExpressions: [
          { key: 'disk', operator: 'Exists' },
          { key: 'absent', operator: 'Exists' },
        ],
      }),
      false,
    ],
    [terms({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }), true],
    [terms({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }), false],
    [terms({}), false],
    [terms(), false],
    [{ nodeSelector: { disk: 'hdd' }, ...terms(expression('cores', 'Exists')) }, false],
  ];
  for (const [spec, matches] of cases)
    it(JSON.stringify(spec), () => assert.equal(matchesNode(spec as PodSpec, node), matches));
});

describe('what a pod needs', () => {
  it('is the sum of its containers, or its greediest init container', () => {
    const box = (cpu: string, memory: string): object => ({ name: 'c', resources: { requests: { cpu, memory } } });
    const spec = { containers: [box('100m', '1Gi'), box('0.2', '512Mi')], initContainers: [box('250m', '2Gi')] };
    const { cpuMillis, memoryBytes } = podDemand(spec as unknown as PodSpec);
    assert.deepEqual({ cpuMillis, memoryBytes }, { cpuMillis: 300, memoryBytes: 2 * 2 ** 30 });
    assert.deepEqual(podDemand(undefined), { cpuMillis: 0, memoryBytes: 0, hostPorts: [] });
  });
});

describe('what a pod that is being resized needs', () => {
  const asks = (cpu: string, has: string, reason?: string): number => {
    const conditions = reason === undefined ? [] : [{ type: 'PodResizePending', status: 'True', reason }];
    const containerStatuses = [{ name: 'c', allocatedResources: { cpu: has } }];
    const load: NodeLoad = { node: {} as Node, used: { cpuMillis: 0, memoryBytes: 0, hostPorts: [] }, podCount: 0 };
    addPod(load, { ...pod({}, { cpu }), status: { conditions, containerStatuses } } as unknown as Pod);
    return load.used.cpuMillis;
  };
  it('is what it asks for while it grows', () => assert.equal(asks('2', '1', 'Deferred'), 2000));
  it('is what it has while it shrinks', () => assert.equal(asks('1', '2'), 2000));
  it('is what it has where it can not grow', () => assert.equal(asks('64', '1', 'Infeasible'), 1000));
});

describe('filters', () => {
  const withPort = (port: object): Pod => pod({ containers: [{ name: 'c', ports: [{ containerPort: 80, ...port }] }] });
  const cases: [title: string, pod: Pod, load: NodeLoad, bound: Pod[], reason: string | undefined][] = [
    ['an empty node', pod(), load('n'), [], undefined],
    ['cordoned', pod(), load('n', { unschedulable: true }), [], 'node(s) were unschedulable'],
    [
      'cordoned, tolerated',
      pod({ tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] }),
      load('n', { unschedulable: true }),
      [],
      undefined,
    ],
    [
      'another selector',
      pod({ nodeSelector: { a: 'b' } }),
      load('n'),
      [],
      "node(s) didn't match Pod's node affinity/selector",
    ],
    [
      'NoSchedule',
      pod(),
      load('n', { taints: [taint('k', 'NoSchedule', 'v')] }),
      [],
      'node(s) had untolerated taint(s) {k: v}',
    ],
    [
      'NoExecute',
      pod(),
      load('n', { taints: [taint('k', 'NoExecute')] }),
      [],
      'node(s) had untolerated taint(s) {k: }',
    ],
    ['PreferNoSchedule', pod(), load('n', { taints: [taint('k', 'PreferNoSchedule')] }), [], undefined],
    ['exactly all cpu', pod({}, { cpu: '2' }), load('n'), [], undefined],
    ['too much cpu', pod({}, { cpu: '2001m' }), load('n'), [], 'Insufficient cpu'],
    ['too much beside others', pod({}, { cpu: '1' }), load('n'), [pod({}, { cpu: '1500m' })], 'Insufficient cpu'],
    ['no cpu asked for on a full node', pod(), load('n'), [pod({}, { cpu: '2' })], undefined],
    ['too much memory', pod({}, { memory: '5Gi' }), load('n'), [], 'Insufficient memory'],
    ['too many pods', pod(), load('n'), [pod(), pod(), pod()], 'Too many pods'],
    [
      'a taken port',
      withPort({ hostPort: 80 }),
      load('n'),
      [withPort({ hostPort: 80 })],
      "node(s) didn't have free ports for the requested pod ports",
    ],
    [
      'the same port of UDP',
      withPort({ hostPort: 80, protocol: 'UDP' }),
      load('n'),
      [withPort({ hostPort: 80 })],
      undefined,
    ],
    [
      'the same port elsewhere',
      withPort({ hostPort: 80, hostIP: '10.0.0.1' }),
      load('n'),
      [withPort({ hostPort: 80, hostIP: '10.0.0.2' })],
      undefined,
    ],
    ['a container port is not taken', withPort({}), load('n'), [withPort({})], undefined],
  ];
  for (const [title, one, on, bound, expected] of cases) {
    it(title, () => {
      for (const other of bound) addPod(on, other);
      assert.equal(reason(one, on), expected);
    });
  }
});

describe('the queue', () => {
  const waiting = (name: string, priority: number | undefined, since: string): Pod => {
    const one = pod({ priority }, { cpu: '1500m' });
    return { ...one, metadata: { name, creationTimestamp: `2024-05-01T00:00:${since}Z` } };
  };
  const cases: [title: string, pods: Pod[], order: string[]][] = [
    ['higher priority first', [waiting('low', 1, '00'), waiting('high', 2, '01')], ['high', 'low']],
    ['below none is last', [waiting('less', -1, '00'), waiting('none', undefined, '01')], ['none', 'less']],
    ['among equals who waits longer', [waiting('late', 1, '02'), waiting('early', 1, '01')], ['early', 'late']],
    ['at the same second as they came', [waiting('b', 1, '01'), waiting('a', 1, '01')], ['b', 'a']],
  ];
  for (const [title, pods, order] of cases) {
    it(title, () => {
      const placed = placeAll(pods, [load('n')]);
      assert.deepEqual(
        placed.map((each) => each.pod.metadata.name),
        order,
      );
      // There is room for one, and the others know it.
      assert.deepEqual(
        placed.map(({ placement }) => placement),
        [{ nodeName: 'n' }, { message: '0/1 nodes are available: 1 Insufficient cpu.' }],
      );
    });
  }
});

describe('placement', () => {
  const used = (name: string, cpu: string, memory = '0'): NodeLoad => {
    const result = load(name);
    addPod(result, pod({}, { cpu, memory }));
    return result;
  };
  const cases: [title: string, loads: NodeLoad[], nodeName: string][] = [
    ['the least allocated', [used('a', '1'), used('b', '500m'), used('c', '1500m')], 'b'],
    ['cpu and memory count alike', [used('a', '1', '1Gi'), used('b', '1', '3Gi')], 'a'],
    ['the larger node', [load('a'), load('b', { allocatable: { cpu: '8', memory: '16Gi' } })], 'b'],
    ['equal ones by name', [load('c'), load('b'), load('d')], 'b'],
    ['fewer pods', [used('a', '0'), load('b')], 'b'],
    [
      'not where others are preferred',
      [load('a', { taints: [taint('k', 'PreferNoSchedule')] }), used('b', '1500m')],
      'b',
    ],
    [
      'there, when nothing else is left',
      [load('a', { taints: [taint('k', 'PreferNoSchedule')] }), used('b', '2')],
      'a',
    ],
  ];
  for (const [title, loads, nodeName] of cases)
    it(title, () => assert.deepEqual(place(pod({}, { cpu: '100m', memory: '64Mi' }), loads), { nodeName }));

  it('says how many nodes do not fit for which reason', () => {
    const loads = [used('a', '2'), load('b', { unschedulable: true }), load('c', { unschedulable: true })];
    assert.deepEqual(place(pod({}, { cpu: '100m' }), loads), {
      message: '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.',
    });
  });

  it('says that there are no nodes', () => {
    assert.match((place(pod(), []) as { message: string }).message, /^(0\/0 nodes are available|no nodes available)/);
  });
});
