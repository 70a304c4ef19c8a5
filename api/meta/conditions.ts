// Status conditions: found by type, their transition time moves only when the status does.
import type { Condition } from './kubernetes.ts';

export function findCondition<T extends { type: string }>(conditions: T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: { type: string; status: string }[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * Returns the list with `next` in place of the condition of its type.
 * `lastTransitionTime` is kept while the status is the same and set to `now` (RFC 3339) when it changes.
 */
export function setCondition(conditions: Condition[] | undefined, next: Condition, now: string): Condition[] {
  const existing = findCondition(conditions, next.type);
  const lastTransitionTime = existing?.status === next.status ? (existing.lastTransitionTime ?? now) : now;
  const merged: Condition = { ...next, lastTransitionTime };
  if (existing === undefined) return [...(conditions ?? []), merged];
  return (conditions ?? []).map((condition) => (condition.type === next.type ? merged : condition));
}
