// Node lifecycle: which taints follow from conditions, when they evict whom,
// and what becomes of the readiness of pods out of reach.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node, Pod, Taint } from '../../../api/meta/kubernetes.ts';
import { tolerates } from '../../scheduler/plan.ts';
import { evictionTimeMs, planPodNotReady, planTaints } from './plan.ts';

const now = '2024-05-01T12:00:00Z';
const nowMs = Date.parse(now);

type NodeOptions = { ready?: string; unschedulable?: boolean; taints?: object[] };

function node({ ready, unschedulable, taints }: NodeOptions = {}): Node {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', status: ready }];
  return { metadata: { name: 'n' }, spec: { unschedulable, taints }, status: { conditions } } as unknown as Node;
}

const short = (taints: Taint[] | undefined): string[] | undefined =>
  taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')} ${effect}`);

describe('taints', () => {
  const own = { key: 'mine', value: 'v', effect: 'NoSchedule' };
  const managed = (key: string, ...effects: string[]): object[] =>
    effects.map((effect) => ({ key: `node.kubernetes.io/${key}`, effect, timeAdded: '2024-05-01T10:00:00Z' }));
  const both = ['NoSchedule', 'NoExecute'];
  const cases: [title: string, node: Node, taints: string[] | undefined][] = [
    ['ready', node({ ready: 'True' }), undefined],
    ['not ready', node({ ready: 'False' }), ['not-ready NoSchedule', 'not-ready NoExecute']],
    ['unknown', node({ ready: 'Unknown' }), ['unreachable NoSchedule', 'unreachable NoExecute']],
    ['no condition yet', node(), ['unreachable NoSchedule', 'unreachable NoExecute']],
    ['ready again', node({ ready: 'True', taints: managed('unreachable', ...both) }), []],
    ['unknown as before', node({ ready: 'Unknown', taints: managed('unreachable', ...both) }), undefined],
    [
      'from not ready to unknown',
      node({ ready: 'Unknown', taints: managed('not-ready', ...both) }),
      ['unreachable NoSchedule', 'unreachable NoExecute'],
    ],
    ['cordoned', node({ ready: 'True', unschedulable: true }), ['unschedulable NoSchedule']],
    ['uncordoned', node({ ready: 'True', taints: managed('unschedulable', 'NoSchedule') }), []],
    [
      'others stay',
      node({ ready: 'False', taints: [own] }),
      ['mine NoSchedule', 'not-ready NoSchedule', 'not-ready NoExecute'],
    ],
    ['others alone change nothing', node({ ready: 'True', taints: [own] }), undefined],
  ];
  for (const [title, one, taints] of cases) it(title, () => assert.deepEqual(short(planTaints(one, nowMs)), taints));

  it('keep the time when they were added', () => {
    const [schedule] = managed('unreachable', 'NoSchedule');
    const taints = planTaints(node({ ready: 'Unknown', taints: [schedule ?? {}] }), nowMs);
    assert.deepEqual(
      taints?.map(({ timeAdded }) => timeAdded),
      ['2024-05-01T10:00:00Z', now],
    );
  });
});

describe('eviction', () => {
  const pod = (...tolerations: object[]): Pod =>
    ({ metadata: { name: 'p' }, spec: { containers: [], tolerations } }) as unknown as Pod;
  const on = (...taints: object[]): Node => node({ ready: 'Unknown', taints });
  const unreachable = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: now };
  const exists = { key: unreachable.key, operator: 'Exists', effect: 'NoExecute' };
  const cases: [title: string, pod: Pod, node: Node, afterSeconds: number | undefined][] = [
    ['no taint', pod(), on(), undefined],
    ['NoSchedule evicts nobody', pod(), on({ ...unreachable, effect: 'NoSchedule' }), undefined],
    ['not tolerated: at once', pod(), on(unreachable), 0],
    ['tolerated for ever', pod(exists), on(unreachable), undefined],
    ['tolerated for a time', pod({ ...exists, tolerationSeconds: 300 }), on(unreachable), 300],
    [
      'the shortest of several times',
      pod({ ...exists, tolerationSeconds: 300 }, { ...exists, tolerationSeconds: 60 }),
      on(unreachable),
      60,
    ],
    ['zero seconds', pod({ ...exists, tolerationSeconds: 0 }), on(unreachable), 0],
    ['less than zero is zero', pod({ ...exists, tolerationSeconds: -5 }), on(unreachable), 0],
    [
      'every taint must be tolerated',
      pod(exists),
      on(unreachable, { key: 'k', effect: 'NoExecute', timeAdded: now }),
      0,
    ],
    [
      'the earliest counts',
      pod({ ...exists, tolerationSeconds: 300 }, { key: 'k', operator: 'Exists', tolerationSeconds: 30 }),
      on(unreachable, { key: 'k', effect: 'NoExecute', timeAdded: now }),
      30,
    ],
  ];
  for (const [title, one, where, afterSeconds] of cases) {
    it(title, () => {
      const expected = afterSeconds === undefined ? undefined : nowMs + afterSeconds * 1000;
      assert.equal(evictionTimeMs(one, where, tolerates), expected);
    });
  }

  it('leaves alone what is going already', () => {
    const going = pod();
    going.metadata.deletionTimestamp = now;
    assert.equal(evictionTimeMs(going, on(unreachable), tolerates), undefined);
  });
});

describe('readiness of pods', () => {
  const pod = (status?: string): Pod => {
    const conditions = status === undefined ? undefined : [{ type: 'Ready', status, lastTransitionTime: 'then' }];
    return { metadata: { name: 'p' }, status: { phase: 'Running', conditions } } as unknown as Pod;
  };
  const cases: [title: string, pod: Pod, node: Node, changes: boolean][] = [
    ['ready on a ready node', pod('True'), node({ ready: 'True' }), false],
    ['ready on an unknown node', pod('True'), node({ ready: 'Unknown' }), true],
    ['ready on a node that speaks for itself', pod('True'), node({ ready: 'False' }), false],
    ['not ready anyway', pod('False'), node({ ready: 'Unknown' }), false],
    ['never reported', pod(), node({ ready: 'Unknown' }), false],
  ];
  for (const [title, one, where, changes] of cases) {
    it(title, () => {
      const ready = planPodNotReady(one, where, nowMs)?.find(({ type }) => type === 'Ready');
      assert.deepEqual(
        ready && [ready.status, ready.reason, ready.lastTransitionTime],
        changes ? ['False', 'NodeNotReady', now] : undefined,
      );
    });
  }
});
