// PodDisruptionBudget: how many of the pods it selects may be evicted now. Pure.
// https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
import { setCondition } from '../../../api/meta/conditions.ts';
import type { Condition, Pod, PodDisruptionBudget } from '../../../api/meta/kubernetes.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';
import { isReady } from '../pods.ts';
import { resolveCount } from '../template-hash.ts';

export type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;

/** An eviction that has not shown in this time did not happen, ms. */
const disruptionTimeoutMs = 120_000;

/**
 * The status of a budget, given the pods that it selects and how many their controllers want.
 * @param expected undefined where no controller says
 */
export function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  expected: number | undefined,
  nowMs: number,
): BudgetStatus {
  const living = pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const disrupted = Object.fromEntries(
    Object.entries((budget.status?.disruptedPods ?? {}) as unknown as Record<string, string>).filter(
      ([name, since]) => {
        const pod = living.find(({ metadata }) => metadata.name === name);
        return (
          pod !== undefined &&
          pod.metadata.deletionTimestamp === undefined &&
          nowMs - parseTime(since) < disruptionTimeoutMs
        );
      },
    ),
  );
  const healthy = living.filter(
    (pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined && disrupted[pod.metadata.name] === undefined,
  ).length;
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const total = typeof minAvailable === 'number' ? living.length : (expected ?? living.length);
  const desired =
    maxUnavailable === undefined
      ? resolveCount(minAvailable ?? 1, total, 'up')
      : Math.max(0, total - resolveCount(maxUnavailable, total, 'up'));
  // Shares and missing ones are of what controllers want; where none says so, no pod may go.
  const isKnown = expected !== undefined || (typeof minAvailable === 'number' && maxUnavailable === undefined);
  const allowed = total === 0 || !isKnown ? 0 : Math.max(0, healthy - desired);
  const condition: Condition =
    allowed > 0
      ? { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }
      : { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' };
  const observedGeneration = budget.metadata.generation ?? 0;
  const known = budget.status?.conditions as unknown as Condition[] | undefined;
  const conditions = setCondition(
    known,
    { ...condition, message: '', observedGeneration } as Condition,
    formatTime(nowMs),
  );
  return {
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    conditions,
    currentHealthy: healthy,
    desiredHealthy: desired,
    disruptionsAllowed: allowed,
    expectedPods: total,
    observedGeneration,
  } as unknown as BudgetStatus;
}
