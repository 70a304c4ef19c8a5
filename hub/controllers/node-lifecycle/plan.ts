// Node lifecycle: conditions become taints, taints evict those that do not
// tolerate them, and pods out of reach are no longer called ready. Pure.
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
import { findCondition, setCondition } from '../../../api/meta/conditions.ts';
import type { Condition, Node, Pod, Taint, Toleration } from '../../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../../api/meta/object.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';
const managedKeys = [notReady, unreachable, unschedulable];

export type Tolerates = (toleration: Toleration, taint: Taint) => boolean;

/** The taints that the node should have, or undefined when it has them. */
export function planTaints(node: Node, nowMs: number): Taint[] | undefined {
  const ready = findCondition(node.status?.conditions, 'Ready')?.status ?? 'Unknown';
  const key = ready === 'True' ? undefined : ready === 'False' ? notReady : unreachable;
  const wanted: Taint[] = [];
  if (key !== undefined) wanted.push({ key, effect: 'NoSchedule' }, { key, effect: 'NoExecute' });
  if (node.spec?.unschedulable) wanted.push({ key: unschedulable, effect: 'NoSchedule' });
  const present = node.spec?.taints ?? [];
  const added = formatTime(nowMs);
  const taints = [
    ...present.filter((taint) => !managedKeys.includes(taint.key)),
    ...wanted.map(
      (taint) =>
        present.find((other) => other.key === taint.key && other.effect === taint.effect) ?? {
          ...taint,
          timeAdded: added,
        },
    ),
  ];
  return jsonEqual(taints, present) ? undefined : (taints as Taint[]);
}

/** When a pod on the node has to go: a time in ms since 1970, or undefined for never. */
export function evictionTimeMs(pod: Pod, node: Node, tolerates: Tolerates): number | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  let earliest: number | undefined;
  for (const taint of (node.spec?.taints ?? []).filter((candidate) => candidate.effect === 'NoExecute')) {
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    const addedMs = parseTime(taint.timeAdded as string | undefined) || 0;
    let goesMs: number | undefined;
    if (matching.length === 0) goesMs = addedMs;
    else {
      const limits = matching.flatMap((toleration) => toleration.tolerationSeconds ?? []);
      // One toleration without a limit is enough to stay.
      if (limits.length === matching.length) goesMs = addedMs + Math.max(0, Math.min(...limits)) * 1000;
    }
    if (goesMs !== undefined) earliest = Math.min(earliest ?? goesMs, goesMs);
  }
  return earliest;
}

/**
 * The conditions of a pod whose node is out of reach; undefined when they say so already. An agent that is
 * connected speaks for its pods itself, also while its node is not Ready; one that returns reports them anew.
 */
export function planPodNotReady(pod: Pod, node: Node, nowMs: number): Condition[] | undefined {
  if (findCondition(node.status?.conditions, 'Ready')?.status !== 'Unknown') return undefined;
  const conditions = pod.status?.conditions as Condition[] | undefined;
  if (findCondition(conditions, 'Ready')?.status !== 'True') return undefined;
  const condition: Condition = {
    type: 'Ready',
    status: 'False',
    reason: 'NodeNotReady',
    message: 'The node is out of reach: this is what it last reported.',
  };
  return setCondition(conditions, condition, formatTime(nowMs));
}
