// Readiness gates: who holds a pod back, and since when it is Ready.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Condition, Pod } from '../meta/kubernetes.ts';
import { applyReadinessGates } from './pod-readiness.ts';

const earlier = '2026-11-23T01:00:00Z';
const now = '2026-11-23T02:00:00Z';

function pod(gates: string[], statuses: Record<string, string>): Pod {
  const conditions = Object.entries(statuses).map(([type, status]) => ({ type, status, lastTransitionTime: earlier }));
  return {
    metadata: { name: 'web' },
    spec: { containers: [], readinessGates: gates.map((conditionType) => ({ conditionType })) },
    status: { conditions },
  } as unknown as Pod;
}

/** The condition Ready of a pod that was in one state and comes to be in another. */
function readyOf(gates: string[], statuses: Record<string, string>, old: Record<string, string> = {}): object {
  const next = pod(gates, statuses);
  applyReadinessGates(next, pod(gates, old), now);
  const found = ((next.status?.conditions ?? []) as Condition[]).filter(({ type }) => type === 'Ready');
  assert.equal(found.length, 1);
  const [{ type: _, ...ready } = {}] = found;
  return ready;
}

const up = { ContainersReady: 'True', Ready: 'True' };

it('is what the node says without gates, and while containers are not ready', () => {
  assert.deepEqual(readyOf([], up), { status: 'True', lastTransitionTime: earlier });
  assert.deepEqual(readyOf(['a'], { ContainersReady: 'False', Ready: 'False', a: 'True' }), {
    status: 'False',
    lastTransitionTime: earlier,
  });
});

it('waits for every gate, and names those that hold it back', () => {
  assert.deepEqual(readyOf(['a', 'b', 'c'], { ...up, b: 'False', c: 'True' }), {
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message:
      'corresponding condition of pod readiness gate "a" does not exist., ' +
      'the status of pod readiness gate "b" is not "True", but False',
    lastTransitionTime: now,
  });
});

it('holds since it became so, whatever the node says again', () => {
  assert.deepEqual(readyOf(['a'], { ...up, a: 'True' }, { Ready: 'False' }), {
    status: 'True',
    lastTransitionTime: now,
  });
  assert.deepEqual(readyOf(['a'], { ...up, a: 'True' }, { Ready: 'True' }), {
    status: 'True',
    lastTransitionTime: earlier,
  });
});
