// ReplicaSet: how many pods it makes and gives up, which ones, what it adopts
// and releases, and the status that follows.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod, ReplicaSet } from '../../../api/meta/kubernetes.ts';
import { planReplicaSet, type Step } from './plan.ts';

const nowMs = Date.parse('2024-05-01T12:00:00Z');

type SetOptions = { replicas?: number; deleted?: boolean; minReadySeconds?: number };

function set({ replicas, deleted = false, minReadySeconds }: SetOptions = {}): ReplicaSet {
  const metadata = { name: 'r', namespace: 'default', uid: 'set', generation: 3 };
  return {
    metadata: { ...metadata, ...(deleted ? { deletionTimestamp: '2024-05-01T11:00:00Z' } : {}) },
    spec: {
      replicas,
      minReadySeconds,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web', tier: 'front' } } },
    },
  } as unknown as ReplicaSet;
}

type PodOptions = {
  owner?: string | undefined;
  labels?: Record<string, string>;
  phase?: string;
  deleted?: boolean;
  node?: string | undefined;
  readySince?: string;
  created?: string;
  restarts?: number;
};

function pod(name: string, options: PodOptions = {}): Pod {
  const {
    labels = { app: 'web', tier: 'front' },
    phase = 'Running',
    deleted = false,
    readySince,
    restarts = 0,
  } = options;
  const owner = 'owner' in options ? options.owner : 'set';
  const node = 'node' in options ? options.node : 'n1';
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: owner, controller: true };
  const conditions =
    readySince === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }];
  return {
    metadata: {
      name,
      labels,
      creationTimestamp: options.created ?? '2024-05-01T10:00:00Z',
      ...(owner === undefined ? {} : { ownerReferences: [reference] }),
      ...(deleted ? { deletionTimestamp: '2024-05-01T11:00:00Z' } : {}),
    },
    spec: { nodeName: node, containers: [] },
    status: { phase, conditions, containerStatuses: [{ restartCount: restarts }] },
  } as unknown as Pod;
}

const text = (step: Step): string =>
  step.type === 'status' ? 'status' : `${step.type} ${step.type === 'create' ? step.count : step.pod.metadata.name}`;

function steps(one: ReplicaSet, pods: Pod[]): string[] {
  return planReplicaSet(one, pods, nowMs)
    .filter(({ type }) => type !== 'status')
    .map(text);
}

describe('number of pods', () => {
  const cases: [title: string, set: ReplicaSet, pods: Pod[], steps: string[]][] = [
    ['none there', set({ replicas: 3 }), [], ['create 3']],
    ['one is the default', set(), [], ['create 1']],
    ['zero', set({ replicas: 0 }), [], []],
    ['enough', set({ replicas: 2 }), [pod('a'), pod('b')], []],
    ['one is going', set({ replicas: 2 }), [pod('a'), pod('b', { deleted: true })], ['create 1']],
    ['one has failed', set({ replicas: 2 }), [pod('a'), pod('b', { phase: 'Failed' })], ['create 1']],
    ['one has succeeded', set({ replicas: 1 }), [pod('a', { phase: 'Succeeded' })], ['create 1']],
    ['a pending one counts', set({ replicas: 1 }), [pod('a', { phase: 'Pending' })], []],
    ['too many', set({ replicas: 1 }), [pod('a', { readySince: '2024-05-01T10:00:00Z' }), pod('b')], ['delete b']],
    ['very many at a time', set({ replicas: 2000 }), [], ['create 500']],
    ['a set that is going makes and gives up none', set({ replicas: 5, deleted: true }), [pod('a')], []],
    ['pods of others do not count', set({ replicas: 1 }), [pod('a', { owner: 'other' })], ['create 1']],
  ];
  for (const [title, one, pods, expected] of cases) it(title, () => assert.deepEqual(steps(one, pods), expected));
});

describe('which pod goes first', () => {
  const ready = { readySince: '2024-05-01T11:00:00Z' };
  const cases: [title: string, first: Pod, second: Pod][] = [
    ['without a node before with', pod('z', { node: undefined }), pod('a')],
    ['pending before running', pod('z', { phase: 'Pending' }), pod('a')],
    ['not ready before ready', pod('z'), pod('a', ready)],
    ['more restarts before fewer', pod('z', { ...ready, restarts: 3 }), pod('a', ready)],
    ['younger before older', pod('z', { ...ready, created: '2024-05-01T10:30:00Z' }), pod('a', ready)],
  ];
  for (const [title, first, second] of cases) {
    it(title, () => {
      for (const pods of [
        [first, second],
        [second, first],
      ])
        assert.deepEqual(steps(set({ replicas: 1 }), pods), [`delete ${first.metadata.name}`]);
    });
  }
});

describe('ownership', () => {
  const cases: [title: string, pod: Pod, steps: string[]][] = [
    ['adopts an orphan that it selects', pod('a', { owner: undefined }), ['adopt a']],
    ['not one of other labels', pod('a', { owner: undefined, labels: { app: 'x' } }), ['create 1']],
    ['not one that has ended', pod('a', { owner: undefined, phase: 'Failed' }), ['create 1']],
    ['not one that is going', pod('a', { owner: undefined, deleted: true }), ['create 1']],
    ['releases what it selects no more', pod('a', { labels: { app: 'debug' } }), ['release a', 'create 1']],
    ['lets go what is going anyway', pod('a', { labels: { app: 'debug' }, deleted: true }), ['create 1']],
  ];
  for (const [title, one, expected] of cases) it(title, () => assert.deepEqual(steps(set(), [one]), expected));

  it('does not adopt while it is going', () => {
    assert.deepEqual(steps(set({ deleted: true }), [pod('a', { owner: undefined })]), []);
  });
});

describe('status', () => {
  const pods = [
    pod('old', { readySince: '2024-05-01T11:00:00Z' }),
    pod('new', { readySince: '2024-05-01T11:59:55Z' }),
    pod('waiting', { labels: { app: 'web' } }),
    pod('failed', { phase: 'Failed' }),
  ];
  it('counts what runs, is labelled, ready and available', () => {
    const found = planReplicaSet(set({ replicas: 3, minReadySeconds: 10 }), pods, nowMs).at(-1);
    assert.deepEqual(found, {
      type: 'status',
      status: { replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 3 },
    });
  });

  it('is written only when it changes', () => {
    const one = set({ replicas: 3 });
    const step = planReplicaSet(one, pods, nowMs).at(-1);
    assert.ok(step?.type === 'status');
    one.status = step.status;
    assert.deepEqual(planReplicaSet(one, pods, nowMs), []);
  });
});
