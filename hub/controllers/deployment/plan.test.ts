// Deployment: rolling within maxSurge and maxUnavailable, Recreate, rollback,
// pause, cleanup, the progress deadline and the status.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, Deployment, PodTemplate, ReplicaSet } from '../../../api/meta/kubernetes.ts';
import { templateHash } from '../template-hash.ts';
import { planDeployment, revisionAnnotation, type Step } from './plan.ts';

const now = '2024-05-01T12:00:00Z';
const nowMs = Date.parse(now);

const template = (image: string): PodTemplate =>
  ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } }) as unknown as PodTemplate;

type Options = { replicas?: number; revision?: number; status?: object; deleted?: boolean; [field: string]: unknown };

/** A deployment of image `new`. */
function deployment({ replicas = 4, revision = 2, status, deleted = false, ...spec }: Options = {}): Deployment {
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'd',
      generation: 7,
      annotations: {
        [revisionAnnotation]: String(revision),
        note: 'x',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
      ...(deleted ? { deletionTimestamp: now } : {}),
    },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template('new'), ...spec },
    ...(status === undefined ? {} : { status }),
  } as unknown as Deployment;
}

/** A set of an image: wanted, there, available. */
function set(image: string, revision: number, wanted: number, available = wanted, there = wanted): ReplicaSet {
  return {
    metadata: {
      name: image,
      labels: { app: 'web', 'pod-template-hash': templateHash(template(image)) },
      annotations: { [revisionAnnotation]: String(revision), note: 'x' },
      creationTimestamp: `2024-05-01T10:00:0${revision}Z`,
    },
    spec: { replicas: wanted, selector: {}, template: template(image) },
    status: { replicas: there, readyReplicas: available, availableReplicas: available },
  } as unknown as ReplicaSet;
}

function text(step: Step): string {
  switch (step.type) {
    case 'create':
      return `create ${step.set.spec?.replicas}`;
    case 'scale':
      return `scale ${step.set.metadata.name} ${step.replicas}`;
    case 'annotate-set':
      return `revision of ${step.set.metadata.name} ${step.annotations[revisionAnnotation]}`;
    case 'annotate':
      return `revision ${step.revision}`;
    case 'remove':
      return `remove ${step.set.metadata.name}`;
    case 'status':
      return 'status';
  }
}

type Case = [title: string, deployment: Deployment, sets: ReplicaSet[], steps: string[]];

function check(cases: Case[]): void {
  for (const [title, one, sets, steps] of cases) {
    it(title, () => {
      const plan = planDeployment(one, sets, nowMs).filter(({ type }) => type !== 'status');
      assert.deepEqual(plan.map(text), steps);
    });
  }
}

const rolling = (maxSurge: number | string, maxUnavailable: number | string): object => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
});

describe('rolling update', () =>
  check([
    ['the first set', deployment({ revision: 1 }), [], ['create 4']],
    ['a new set gets what the surge allows', deployment({ ...rolling(1, 0) }), [set('old', 1, 4)], ['create 1']],
    ['without a surge it begins with none', deployment({ ...rolling(0, 1) }), [set('old', 1, 4)], ['create 0']],
    [
      'an old pod goes when a new one serves',
      deployment({ ...rolling(1, 0) }),
      [set('old', 1, 4), set('new', 2, 1)],
      ['scale old 3'],
    ],
    ['not before', deployment({ ...rolling(1, 0) }), [set('old', 1, 4), set('new', 2, 1, 0)], []],
    ['then the next new one', deployment({ ...rolling(1, 0) }), [set('old', 1, 3), set('new', 2, 1)], ['scale new 2']],
    [
      'maxUnavailable goes first',
      deployment({ ...rolling(0, 1) }),
      [set('old', 1, 4), set('new', 2, 0)],
      ['scale old 3'],
    ],
    [
      '25 % of 4 up and down',
      deployment({ ...rolling('25%', '25%') }),
      [set('old', 1, 4), set('new', 2, 1, 0)],
      ['scale old 3'],
    ],
    ['surge rounds up', deployment({ replicas: 3, ...rolling('25%', 0) }), [set('old', 1, 3)], ['create 1']],
    [
      'unavailable rounds down, and one of both is at least 1',
      deployment({ replicas: 3, ...rolling(0, '25%') }),
      [set('old', 1, 3), set('new', 2, 0)],
      ['scale old 2'],
    ],
    [
      'old pods that do not serve go first',
      deployment({ revision: 3, ...rolling(1, 1) }),
      [set('good', 1, 2), set('bad', 2, 2, 0), set('new', 3, 1, 0)],
      ['scale bad 1'],
    ],
    ['done', deployment({ ...rolling(1, 0) }), [set('old', 1, 0), set('new', 2, 4)], []],
    ['scaled up', deployment({ replicas: 6, ...rolling(1, 0) }), [set('new', 2, 4)], ['scale new 6']],
    ['scaled down', deployment({ replicas: 2, ...rolling(1, 0) }), [set('new', 2, 4)], ['scale new 2']],
    ['to zero', deployment({ replicas: 0, ...rolling('25%', '25%') }), [set('new', 2, 4)], ['scale new 0']],
    ['going: nothing', deployment({ deleted: true }), [set('old', 1, 4)], []],
  ]));

describe('Recreate', () => {
  const strategy = { type: 'Recreate' };
  check([
    ['the first set', deployment({ revision: 1, strategy }), [], ['create 4']],
    ['the new set begins with none', deployment({ strategy }), [set('old', 1, 4)], ['create 0']],
    ['the old one goes down first', deployment({ strategy }), [set('old', 1, 4), set('new', 2, 0)], ['scale old 0']],
    ['while its pods end, nothing', deployment({ strategy }), [set('old', 1, 0, 0, 2), set('new', 2, 0)], []],
    ['then the new one up', deployment({ strategy }), [set('old', 1, 0), set('new', 2, 0)], ['scale new 4']],
  ]);
});

describe('revisions', () =>
  check([
    [
      'a new set makes the next revision',
      deployment({ revision: 1, ...rolling(1, 0) }),
      [set('old', 1, 4)],
      ['revision 2', 'create 1'],
    ],
    [
      'going back makes an old set the newest',
      deployment({ revision: 2, ...rolling(1, 0) }),
      [set('newer', 2, 4), set('new', 1, 0)],
      ['revision of new 3', 'revision 3', 'scale new 1'],
    ],
  ]));

describe('paused', () =>
  check([
    ['no new set', deployment({ paused: true }), [set('old', 1, 4)], []],
    ['but as many pods as asked for', deployment({ paused: true, replicas: 6 }), [set('old', 1, 4)], ['scale old 6']],
  ]));

describe('cleanup', () => {
  const history = [set('a', 1, 0), set('b', 2, 0), set('c', 3, 0), set('new', 4, 4)];
  check([
    ['keeps ten', deployment({ revision: 4, ...rolling(1, 0) }), history, []],
    [
      'the oldest go',
      deployment({ revision: 4, revisionHistoryLimit: 1, ...rolling(1, 0) }),
      history,
      ['remove a', 'remove b'],
    ],
    [
      'all',
      deployment({ revision: 4, revisionHistoryLimit: 0, ...rolling(1, 0) }),
      history,
      ['remove a', 'remove b', 'remove c'],
    ],
    [
      'not while pods are left',
      deployment({ revision: 2, revisionHistoryLimit: 0, ...rolling(1, 0) }),
      [set('old', 1, 0, 0, 1), set('new', 2, 4)],
      [],
    ],
  ]);
});

describe('a new set', () => {
  const step = planDeployment(deployment({ minReadySeconds: 5 }), [], nowMs).find(({ type }) => type === 'create');
  assert.ok(step?.type === 'create');
  const { metadata, spec } = step.set;
  const hash = templateHash(template('new'));
  it('is named after its template', () => assert.equal(metadata.name, `web-${hash}`));
  it('selects only its own pods', () => {
    assert.deepEqual(spec?.selector, { matchLabels: { app: 'web', 'pod-template-hash': hash } });
    assert.deepEqual(spec?.template?.metadata?.labels, { app: 'web', 'pod-template-hash': hash });
    assert.deepEqual(metadata.labels, { app: 'web', 'pod-template-hash': hash });
  });
  it('belongs to the deployment', () => {
    assert.deepEqual(metadata.ownerReferences, [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd', controller: true, blockOwnerDeletion: true },
    ]);
    assert.deepEqual(metadata.annotations, { note: 'x', [revisionAnnotation]: '1' });
    assert.equal(spec?.minReadySeconds, 5);
  });
});

describe('status', () => {
  function statusOf(one: Deployment, sets: ReplicaSet[], atMs = nowMs): NonNullable<Deployment['status']> {
    const step = planDeployment(one, sets, atMs).find(({ type }) => type === 'status');
    assert.ok(step?.type === 'status');
    return step.status;
  }
  const condition = (one: Deployment, sets: ReplicaSet[], type: string, atMs = nowMs): Condition | undefined =>
    (statusOf(one, sets, atMs).conditions as Condition[]).find((found) => found.type === type);

  it('counts', () => {
    const { conditions: _, ...counts } = statusOf(deployment({ ...rolling(1, 1) }), [
      set('old', 1, 3),
      set('new', 2, 2, 1),
    ]);
    assert.deepEqual(counts, {
      observedGeneration: 7,
      replicas: 5,
      updatedReplicas: 2,
      readyReplicas: 4,
      availableReplicas: 4,
      unavailableReplicas: 1,
    });
  });

  const available: [sets: ReplicaSet[], status: string, reason: string][] = [
    [[set('new', 2, 4)], 'True', 'MinimumReplicasAvailable'],
    [[set('new', 2, 4, 3)], 'True', 'MinimumReplicasAvailable'],
    [[set('new', 2, 4, 2)], 'False', 'MinimumReplicasUnavailable'],
  ];
  for (const [sets, status, reason] of available) {
    it(`Available ${status} with ${sets[0]?.status?.availableReplicas} of 4`, () => {
      const found = condition(deployment({ ...rolling(1, 1) }), sets, 'Available');
      assert.deepEqual([found?.status, found?.reason], [status, reason]);
    });
  }

  it('progresses, completes, and times out', () => {
    const options = { progressDeadlineSeconds: 60, ...rolling(1, 0) };
    const moving = [set('old', 1, 3), set('new', 2, 2, 1)];
    const first = statusOf(deployment(options), moving);
    const progressing = (status: object, sets: ReplicaSet[], afterSeconds: number): string => {
      const at = nowMs + afterSeconds * 1000;
      const one = deployment({ ...options, status });
      const found = planDeployment(one, sets, at).find(({ type }) => type === 'status');
      const conditions = (found?.type === 'status' ? found.status : status) as { conditions: Condition[] };
      const { status: value, reason } = conditions.conditions.find(({ type }) => type === 'Progressing') ?? {};
      return `${value} ${reason}`;
    };
    assert.equal(progressing({}, moving, 0), 'True ReplicaSetUpdated');
    assert.equal(progressing(first, moving, 60), 'True ReplicaSetUpdated');
    assert.equal(progressing(first, moving, 61), 'False ProgressDeadlineExceeded');
    assert.equal(progressing(first, [set('old', 1, 3), set('new', 2, 2, 2)], 61), 'True ReplicaSetUpdated');
    assert.equal(progressing(first, [set('old', 1, 0), set('new', 2, 4)], 61), 'True NewReplicaSetAvailable');
  });

  it('is written only when it changes', () => {
    const sets = [set('new', 2, 4)];
    const options = { progressDeadlineSeconds: 60, ...rolling(1, 0) };
    const status = statusOf(deployment(options), sets);
    assert.deepEqual(planDeployment(deployment({ ...options, status }), sets, nowMs + 3_600_000), []);
  });
});
