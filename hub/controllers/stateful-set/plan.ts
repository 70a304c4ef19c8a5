// StatefulSet: pods with names that stay, made and taken away in order. Pure:
// from the set, its pods and its claims to steps.
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import type { Pod, StatefulSet } from '../../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../../api/meta/object.ts';
import { isActive, isAvailable, isReady } from '../pods.ts';
import { resolveCount, revisionHashLabel } from '../template-hash.ts';
import { type ClaimStep, type Claims, hasStaleClaims, planClaims } from './claims.ts';

export type Step =
  | ClaimStep
  | { type: 'create'; ordinal: number; hash: string }
  | { type: 'delete'; pod: Pod }
  | { type: 'status'; status: StatefulSetStatus };

type StatefulSetStatus = NonNullable<StatefulSet['status']>;

/** What is known of a set when it is looked at. */
export type Observed = {
  pods: readonly Pod[];
  claims: Claims;
  /** Of the present template. */
  hash: string;
  nowMs: number;
};

/** The number at the end of a pod's name; undefined when the pod has another. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const text = pod.metadata.name.slice(set.metadata.name.length + 1);
  return pod.metadata.name.startsWith(`${set.metadata.name}-`) && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Steps for a set, given its own pods. */
export function planStatefulSet(set: StatefulSet, { pods, claims, hash, nowMs }: Observed): Step[] {
  if (set.metadata.deletionTimestamp !== undefined) return [];
  const start = set.spec?.ordinals?.start ?? 0;
  const replicas = set.spec?.replicas ?? 1;
  const byOrdinal = new Map<number, Pod>();
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const ordinals = Array.from({ length: replicas }, (_, index) => start + index);
  const surplus = [...byOrdinal].filter(([ordinal]) => !ordinals.includes(ordinal)).sort(([a], [b]) => b - a);
  const oldHash = set.status?.currentRevision || hash;
  const status = statusOf(set, [...byOrdinal.values()], hash, nowMs);
  const statusSteps: Step[] = jsonEqual(status, set.status) ? [] : [{ type: 'status', status }];
  const situation = { ordinals, byOrdinal, surplus: surplus.map(([, pod]) => pod), hash, oldHash, nowMs };
  const steps = planPods(set, situation, (ordinal) => hasStaleClaims(set, claims, ordinal));
  // A claim is made with its pod: sets in order do not take room before its turn.
  const claimed = ordinals.filter(
    (ordinal) => byOrdinal.has(ordinal) || steps.some((step) => step.type === 'create' && step.ordinal === ordinal),
  );
  const claimSteps = [
    ...claimed.flatMap((ordinal) =>
      planClaims(set, claims, { ordinal, pod: byOrdinal.get(ordinal), isSurplus: false }),
    ),
    ...surplus.flatMap(([ordinal, pod]) => planClaims(set, claims, { ordinal, pod, isSurplus: true })),
  ];
  // Who owns a claim is settled before the pod goes that it may go with.
  return [...claimSteps, ...steps, ...statusSteps];
}

type Situation = {
  ordinals: readonly number[];
  byOrdinal: ReadonlyMap<number, Pod>;
  surplus: readonly Pod[];
  hash: string;
  oldHash: string;
  nowMs: number;
};

function isDead(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
}

function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

function planPods(
  set: StatefulSet,
  { ordinals, byOrdinal, surplus, hash, oldHash, nowMs }: Situation,
  mustWait: (ordinal: number) => boolean,
): Step[] {
  const isOrdered = set.spec?.podManagementPolicy !== 'Parallel';
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const steps: Step[] = [];
  let isWaiting = false;
  for (const [index, ordinal] of ordinals.entries()) {
    const pod = byOrdinal.get(ordinal);
    // Below the partition a pod that is made anew is made as it was.
    if (pod === undefined) {
      if (mustWait(ordinal)) isWaiting = true;
      else steps.push({ type: 'create', ordinal, hash: index < partition ? oldHash : hash });
    } else if (isDead(pod) && !isTerminating(pod)) steps.push({ type: 'delete', pod });
    else if (isActive(pod) && isAvailable(pod, minReadySeconds, nowMs)) continue;
    // The next waits until this one is there, and ready.
    if (isOrdered) return steps;
  }
  const going = surplus.filter((pod) => !isTerminating(pod));
  if (!isOrdered) steps.push(...going.map((pod): Step => ({ type: 'delete', pod })));
  else if (going.length > 0 && steps.length === 0) {
    const [last] = going;
    return surplus.some(isTerminating) || last === undefined ? [] : [{ type: 'delete', pod: last }];
  }
  if (isWaiting || steps.length > 0 || surplus.length > 0) return steps;
  const pods = ordinals.map((ordinal) => byOrdinal.get(ordinal)).filter((pod) => pod !== undefined);
  return planUpdate(set, pods, { hash, partition, nowMs });
}

/**
 * Takes pods of an old template away, the last first, so many that no more than maxUnavailable are missing or not
 * available; ones that are not available anyway cost nothing.
 * https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#maximum-unavailable-pods
 */
function planUpdate(
  set: StatefulSet,
  pods: readonly Pod[],
  { hash, partition, nowMs }: { hash: string; partition: number; nowMs: number },
): Step[] {
  const { updateStrategy, minReadySeconds = 0, replicas = 1 } = set.spec ?? {};
  if (updateStrategy?.type !== 'RollingUpdate') return [];
  const isThere = (pod: Pod): boolean => isActive(pod) && isAvailable(pod, minReadySeconds, nowMs);
  const allowed = Math.max(1, resolveCount(updateStrategy.rollingUpdate?.maxUnavailable ?? 1, replicas, 'up'));
  let left = allowed - pods.filter((pod) => !isThere(pod)).length;
  const steps: Step[] = [];
  for (const pod of pods.slice(partition).reverse()) {
    if (isTerminating(pod) || pod.metadata.labels?.[revisionHashLabel] === hash) continue;
    if (isThere(pod)) left -= 1;
    if (left >= 0 || !isThere(pod)) steps.push({ type: 'delete', pod });
  }
  return steps;
}

function statusOf(set: StatefulSet, pods: readonly Pod[], hash: string, nowMs: number): StatefulSetStatus {
  const active = pods.filter(isActive);
  const count = (test: (pod: Pod) => boolean): number => active.filter(test).length;
  const hasHash = (wanted: string) => (pod: Pod) => pod.metadata.labels?.[revisionHashLabel] === wanted;
  const updated = count(hasHash(hash));
  const replicas = set.spec?.replicas ?? 1;
  const ready = count(isReady);
  // The update is complete when every pod has the new template.
  const isComplete = updated === replicas && active.length === replicas && ready === replicas;
  const current = isComplete || !set.status?.currentRevision ? hash : set.status.currentRevision;
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: active.length,
    readyReplicas: ready,
    availableReplicas: count((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)),
    currentReplicas: count(hasHash(current)),
    updatedReplicas: updated,
    currentRevision: current,
    updateRevision: hash,
    collisionCount: 0,
  } as StatefulSetStatus;
}
