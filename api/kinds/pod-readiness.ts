// When a pod with readiness gates is Ready: its containers are, and so says each
// gate's condition, which others set. The node knows of its containers only.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-readiness-gate
import { findCondition, isConditionTrue, setCondition } from '../meta/conditions.ts';
import type { Condition, Pod } from '../meta/kubernetes.ts';

/** Why a gate holds a pod back, in Kubernetes' words; undefined when it does not. */
function problemOf(conditions: Condition[], gate: string): string | undefined {
  const condition = findCondition(conditions, gate);
  if (condition === undefined) return `corresponding condition of pod readiness gate "${gate}" does not exist.`;
  if (condition.status === 'True') return undefined;
  return `the status of pod readiness gate "${gate}" is not "True", but ${condition.status}`;
}

/**
 * Sets the condition Ready of a pod with readiness gates, in place, from its other conditions.
 * @param old the pod before: since when Ready holds
 * @param now RFC 3339
 */
export function applyReadinessGates(pod: Pod, old: Pod, now: string): void {
  const gates = (pod.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const conditions = (pod.status?.conditions ?? []) as Condition[];
  if (gates.length === 0 || !isConditionTrue(conditions, 'ContainersReady')) return;
  const problems = gates.map((gate) => problemOf(conditions, gate)).filter((problem) => problem !== undefined);
  const ready: Condition =
    problems.length === 0
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: problems.join(', ') };
  const before = findCondition((old.status?.conditions ?? []) as Condition[], 'Ready');
  const known = conditions.filter(({ type }) => type !== 'Ready');
  const asBefore = before === undefined ? known : [...known, before];
  const status = { ...pod.status, conditions: setCondition(asBefore, ready, now) };
  pod.status = status as NonNullable<Pod['status']>;
}
