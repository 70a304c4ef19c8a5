// DaemonSet: one pod on each node that fits, none elsewhere, and updates a few
// nodes at a time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DaemonSet, Node, Pod } from '../../../api/meta/kubernetes.ts';
import { daemonPodSpec, daemonTolerations, type NodeFit, nodeOfPod, planDaemonSet, type Step } from './plan.ts';

const nowMs = Date.parse('2024-05-01T12:00:00Z');

function set(updateStrategy: object = { type: 'RollingUpdate' }, deleted = false): DaemonSet {
  return {
    metadata: { name: 'd', uid: 'set', generation: 2, ...(deleted ? { deletionTimestamp: 'now' } : {}) },
    spec: { updateStrategy, template: { spec: { containers: [], tolerations: [{ key: 'own', operator: 'Exists' }] } } },
  } as unknown as DaemonSet;
}

const node = (name: string): Node => ({ metadata: { name } }) as Node;
const nodes = ['n1', 'n2', 'n3'].map(node);

type PodOptions = { phase?: string; hash?: string; ready?: boolean; deleted?: boolean; wants?: boolean };

function pod(name: string, on: string, options: PodOptions = {}): Pod {
  const { phase = 'Running', hash = 'new', ready = true, deleted = false, wants = false } = options;
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [on] }] }];
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
  return {
    metadata: {
      name,
      labels: { 'controller-revision-hash': hash },
      creationTimestamp: '2024-05-01T10:00:00Z',
      ...(deleted ? { deletionTimestamp: 'now' } : {}),
    },
    spec: wants ? { containers: [], affinity } : { containers: [], nodeName: on },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2024-05-01T11:00:00Z' }],
    },
  } as unknown as Pod;
}

const everywhere: NodeFit = () => ({ mayStart: true, mayStay: true });
const text = (step: Step): string =>
  step.type === 'create'
    ? `create on ${step.nodeName}`
    : step.type === 'delete'
      ? `delete ${step.pod.metadata.name}`
      : 'status';

function steps(one: DaemonSet, pods: Pod[], fit: NodeFit = everywhere, on: Node[] = nodes): string[] {
  return planDaemonSet(one, 'new', on, pods, fit, nowMs)
    .filter(({ type }) => type !== 'status')
    .map(text);
}

const all = [pod('a', 'n1'), pod('b', 'n2'), pod('c', 'n3')];
const notOn =
  (name: string, mayStay: boolean): NodeFit =>
  (_, { metadata }) =>
    metadata.name === name ? { mayStart: false, mayStay } : { mayStart: true, mayStay: true };

describe('one on each node', () => {
  const cases: [title: string, pods: Pod[], fit: NodeFit, steps: string[]][] = [
    ['none there', [], everywhere, ['create on n1', 'create on n2', 'create on n3']],
    ['all there', all, everywhere, []],
    ['one is missing', [pod('a', 'n1'), pod('c', 'n3')], everywhere, ['create on n2']],
    [
      'one asks for its node and waits',
      [pod('a', 'n1', { wants: true, phase: 'Pending' }), pod('b', 'n2'), pod('c', 'n3')],
      everywhere,
      [],
    ],
    ['a second one on a node', [...all, pod('a2', 'n1', { ready: false })], everywhere, ['delete a2']],
    [
      'a failed one is made again once it is gone',
      [pod('a', 'n1', { phase: 'Failed' }), pod('b', 'n2'), pod('c', 'n3')],
      everywhere,
      ['delete a'],
    ],
    [
      'one that is going is waited for',
      [pod('a', 'n1', { deleted: true }), pod('b', 'n2'), pod('c', 'n3')],
      everywhere,
      [],
    ],
    ['not where it may not start', [], notOn('n2', true), ['create on n1', 'create on n3']],
    ['it may stay where it may not start', all, notOn('n2', true), []],
    ['it goes from where it may not stay', all, notOn('n2', false), ['delete b']],
    ['it goes with its node', [...all, pod('d', 'gone')], everywhere, ['delete d']],
  ];
  for (const [title, pods, fit, expected] of cases)
    it(title, () => assert.deepEqual(steps(set(), pods, fit), expected));

  it('does nothing more while the set is going', () => assert.deepEqual(steps(set(undefined, true), []), []));
});

describe('updates', () => {
  const old = (ready: boolean[]): Pod[] =>
    ready.map((value, index) => pod(['a', 'b', 'c'][index] ?? '', `n${index + 1}`, { hash: 'old', ready: value }));
  const rolling = (maxUnavailable: number | string): object => ({
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable },
  });
  const cases: [title: string, strategy: object, pods: Pod[], steps: string[]][] = [
    ['one at a time', rolling(1), old([true, true, true]), ['delete a']],
    ['two at a time', rolling(2), old([true, true, true]), ['delete a', 'delete b']],
    ['by share, rounded up', rolling('34%'), old([true, true, true]), ['delete a', 'delete b']],
    ['one is the default', { type: 'RollingUpdate' }, old([true, true, true]), ['delete a']],
    ['those that do not serve go first, and use up the room', rolling(1), old([true, false, true]), ['delete b']],
    ['all that do not serve', rolling(1), old([false, true, false]), ['delete a', 'delete c']],
    [
      'a new one that is not ready yet is waited for',
      rolling(1),
      [pod('a', 'n1', { ready: false }), ...old([true, true, true]).slice(1)],
      [],
    ],
    ['OnDelete waits for somebody', { type: 'OnDelete' }, old([true, true, true]), []],
    ['nothing is old', rolling(1), all, []],
  ];
  for (const [title, strategy, pods, expected] of cases)
    it(title, () => assert.deepEqual(steps(set(strategy), pods), expected));
});

describe('status', () => {
  it('counts nodes and pods', () => {
    const pods = [pod('a', 'n1'), pod('b', 'n2', { ready: false }), pod('c', 'n3', { hash: 'old' })];
    const found = planDaemonSet(set(), 'new', [...nodes, node('n4')], pods, notOn('n4', false), nowMs).at(-1);
    assert.deepEqual(found, {
      type: 'status',
      status: {
        currentNumberScheduled: 3,
        desiredNumberScheduled: 3,
        numberAvailable: 2,
        numberMisscheduled: 0,
        numberReady: 2,
        numberUnavailable: 1,
        observedGeneration: 2,
        updatedNumberScheduled: 2,
      },
    });
  });

  it('counts what is where it should not be', () => {
    const found = planDaemonSet(set(), 'new', nodes, all, notOn('n2', false), nowMs).at(-1);
    assert.ok(found?.type === 'status');
    assert.equal(found.status.numberMisscheduled, 1);
    assert.equal(found.status.desiredNumberScheduled, 2);
  });

  it('is written only when it changes', () => {
    const one = set();
    const step = planDaemonSet(one, 'new', nodes, all, everywhere, nowMs).at(-1);
    assert.ok(step?.type === 'status');
    one.status = step.status;
    assert.deepEqual(planDaemonSet(one, 'new', nodes, all, everywhere, nowMs), []);
  });
});

it('tolerates what befalls its node, besides its own', () => {
  assert.deepEqual(daemonPodSpec(set()).tolerations, [{ key: 'own', operator: 'Exists' }, ...daemonTolerations]);
});

it('knows the node of a pod before and after it is bound', () => {
  assert.equal(nodeOfPod(pod('a', 'n1')), 'n1');
  assert.equal(nodeOfPod(pod('a', 'n1', { wants: true })), 'n1');
  assert.equal(nodeOfPod({ metadata: { name: 'a' } }), undefined);
});
