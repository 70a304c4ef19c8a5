// StatefulSet: pods in order, updates within maxUnavailable, and whose the
// claims are. https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../api/meta/kubernetes.ts';
import type { OwnerReference } from '../../../api/meta/object.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { revisionHashLabel } from '../template-hash.ts';
import { planStatefulSet, type Step } from './plan.ts';

const nowMs = Date.parse('2024-05-01T12:00:00Z');
const ago = (seconds: number): string => formatTime(nowMs - seconds * 1000);

function setWith(spec: object, status: object = {}): StatefulSet {
  return {
    metadata: { name: 's', uid: 'set', namespace: 'ns' },
    spec: { replicas: 3, selector: {}, updateStrategy: { type: 'RollingUpdate' }, ...spec },
    status: { currentRevision: 'old', ...status },
  } as unknown as StatefulSet;
}

/** `ORDINAL [old] [unready] [gone] [dead] [fresh]`: new, available for an hour unless it says otherwise. */
function pod(text: string): Pod {
  const [ordinal = '', ...flags] = text.split(' ');
  const has = (flag: string): boolean => flags.includes(flag);
  const ready = {
    type: 'Ready',
    status: has('unready') ? 'False' : 'True',
    lastTransitionTime: ago(has('fresh') ? 4 : 3600),
  };
  return {
    metadata: {
      name: `s-${ordinal}`,
      uid: `pod-${ordinal}`,
      labels: { [revisionHashLabel]: has('old') ? 'old' : 'new' },
      ...(has('gone') ? { deletionTimestamp: ago(1) } : {}),
    },
    status: { phase: has('dead') ? 'Failed' : 'Running', conditions: [ready] },
  } as unknown as Pod;
}

function claim(name: string, owners: OwnerReference[] = [], metadata: object = {}): [string, PersistentVolumeClaim] {
  const references = owners.length === 0 ? {} : { ownerReferences: owners };
  return [name, { metadata: { name, namespace: 'ns', ...references, ...metadata } } as PersistentVolumeClaim];
}

function text(step: Step): string {
  switch (step.type) {
    case 'create':
      return `create ${step.ordinal}${step.hash === 'old' ? ' old' : ''}`;
    case 'delete':
      return `delete ${step.pod.metadata.name}`;
    case 'create-claim':
      return [
        `claim ${step.claim.metadata.name}`,
        ...(step.claim.metadata.ownerReferences ?? []).map(({ uid }) => uid),
      ].join(' ');
    case 'own-claim':
      return [`own ${step.claim.metadata.name}`, ...step.ownerReferences.map(({ uid }) => uid)].join(' ');
    default:
      return step.type;
  }
}

function plan(set: StatefulSet, pods: string[], claims: [string, PersistentVolumeClaim][] = []): string[] {
  const observed = { pods: pods.map(pod), claims: new Map(claims), hash: 'new', nowMs };
  return planStatefulSet(set, observed)
    .filter(({ type }) => type !== 'status')
    .map(text);
}

type Case = [title: string, spec: object, pods: string[], steps: string[]];
function check(cases: Case[]): void {
  for (const [title, spec, pods, steps] of cases) it(title, () => assert.deepEqual(plan(setWith(spec), pods), steps));
}

describe('pods', () => {
  const parallel = { podManagementPolicy: 'Parallel' };
  check([
    ['the first first', {}, [], ['create 0']],
    ['the next when it is ready', {}, ['0'], ['create 1']],
    ['not before', {}, ['0 unready'], []],
    ['nor before it has been so for long enough', { minReadySeconds: 5 }, ['0 fresh'], []],
    ['but then', { minReadySeconds: 4 }, ['0 fresh'], ['create 1']],
    ['all at once', parallel, ['1'], ['create 0', 'create 2']],
    ['one that has ended is made anew', {}, ['0', '1 dead', '2'], ['delete s-1']],
    ['from another number on', { ordinals: { start: 5 } }, ['5'], ['create 6']],
    [
      'what is below the first number goes, the last first',
      { ordinals: { start: 2 } },
      ['0', '1', '2', '3', '4'],
      ['delete s-1'],
    ],
    [
      'the partition counts from the first number',
      { ordinals: { start: 5 }, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } },
      [],
      ['create 5 old'],
    ],
    ['the last goes first, one at a time', { replicas: 1 }, ['0', '1', '2'], ['delete s-2']],
    ['and the next when it has gone', { replicas: 1 }, ['0', '1', '2 gone'], []],
    ['all go at once', { ...parallel, replicas: 1 }, ['0', '1', '2'], ['delete s-2', 'delete s-1']],
  ]);
});

describe('updates', () => {
  const rolling = (rollingUpdate: object, more: object = {}): object => ({
    updateStrategy: { type: 'RollingUpdate', rollingUpdate },
    ...more,
  });
  const old = ['0 old', '1 old', '2 old'];
  check([
    ['the last first', rolling({}), old, ['delete s-2']],
    ['the next when it is ready', rolling({}), ['0 old', '1 old', '2'], ['delete s-1']],
    ['not before', rolling({}), ['0 old', '1 old', '2 unready'], []],
    [
      'nor before it has been so for long enough',
      rolling({}, { minReadySeconds: 5 }),
      ['0 old', '1 old', '2 fresh'],
      [],
    ],
    ['down to the partition', rolling({ partition: 2 }), ['0 old', '1 old', '2'], []],
    ['none on its own', { updateStrategy: { type: 'OnDelete' } }, old, []],
    ['two at a time', rolling({ maxUnavailable: 2 }), old, ['delete s-2', 'delete s-1']],
    ['a share, rounded up', rolling({ maxUnavailable: '34%' }), old, ['delete s-2', 'delete s-1']],
    [
      'with those that are not available anyway',
      rolling({ maxUnavailable: 2 }, { podManagementPolicy: 'Parallel' }),
      ['0 old', '1 old', '2 unready'],
      ['delete s-1'],
    ],
    [
      'an old one that is not available costs nothing',
      rolling({}, { podManagementPolicy: 'Parallel' }),
      ['0 old unready', '1 old', '2'],
      ['delete s-0'],
    ],
    [
      'no more while some are going',
      rolling({ maxUnavailable: 1 }, { podManagementPolicy: 'Parallel' }),
      ['0 old', '1 old', '2 old gone'],
      [],
    ],
  ]);
});

describe('claims', () => {
  const bySet = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: 's',
    uid: 'set',
    controller: true,
    blockOwnerDeletion: true,
  };
  const byPod = {
    apiVersion: 'v1',
    kind: 'Pod',
    name: 's-1',
    uid: 'pod-1',
    controller: true,
    blockOwnerDeletion: true,
  };
  const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: 'other' };
  const withPolicy = (whenDeleted: string, whenScaled: string, replicas = 2): StatefulSet =>
    setWith({
      replicas,
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
      persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
    });
  const both = ['0', '1'];
  const free = [claim('data-s-0'), claim('data-s-1')];
  const owned = [claim('data-s-0', [bySet]), claim('data-s-1', [bySet])];

  it('are made before their pod, and stay', () =>
    assert.deepEqual(plan(withPolicy('Retain', 'Retain'), ['0'], free.slice(0, 1)), ['claim data-s-1', 'create 1']));
  it('are made as the set’s when they go with it', () =>
    assert.deepEqual(plan(withPolicy('Delete', 'Retain'), ['0'], owned.slice(0, 1)), [
      'claim data-s-1 set',
      'create 1',
    ]));
  it('follow a policy that changes', () => {
    assert.deepEqual(plan(withPolicy('Delete', 'Retain'), both, free), ['own data-s-0 set', 'own data-s-1 set']);
    assert.deepEqual(plan(withPolicy('Retain', 'Retain'), both, owned), ['own data-s-0', 'own data-s-1']);
    assert.deepEqual(plan(withPolicy('Retain', 'Delete'), both, owned), ['own data-s-0', 'own data-s-1']);
    assert.deepEqual(plan(withPolicy('Delete', 'Delete'), both, owned), []);
  });
  it('keep the references of others', () =>
    assert.deepEqual(
      plan(withPolicy('Delete', 'Retain'), ['0'], [claim('data-s-0', [other])])[0],
      'own data-s-0 other set',
    ));
  it('of another controller are left to it', () =>
    assert.deepEqual(
      plan(withPolicy('Delete', 'Retain', 1), ['0'], [claim('data-s-0', [{ ...other, controller: true }])]),
      [],
    ));
  it('go with the pod when the set shrinks', () => {
    assert.deepEqual(plan(withPolicy('Retain', 'Delete', 1), both, free), ['own data-s-1 pod-1', 'delete s-1']);
    assert.deepEqual(plan(withPolicy('Delete', 'Delete', 1), both, owned), ['own data-s-1 pod-1', 'delete s-1']);
  });
  it('stay when it shrinks', () => {
    assert.deepEqual(plan(withPolicy('Retain', 'Retain', 1), both, free), ['delete s-1']);
    assert.deepEqual(plan(withPolicy('Delete', 'Retain', 1), both, owned), ['delete s-1']);
  });
  it('are the set’s again when it grows while the pod is there', () =>
    assert.deepEqual(plan(withPolicy('Retain', 'Delete'), both, [claim('data-s-0'), claim('data-s-1', [byPod])]), [
      'own data-s-1',
    ]));
  it('that are about to go are waited for', () => {
    const set = withPolicy('Retain', 'Delete');
    assert.deepEqual(plan(set, ['0'], [claim('data-s-0'), claim('data-s-1', [{ ...byPod, uid: 'before' }])]), []);
    assert.deepEqual(plan(set, ['0'], [claim('data-s-0'), claim('data-s-1', [], { deletionTimestamp: ago(1) })]), []);
    assert.deepEqual(plan(set, ['0'], [claim('data-s-0')]), ['claim data-s-1', 'create 1']);
  });
});
