// StatefulSet: pods with names that stay, made and taken away in order. Pure:
// from the set, its pods and its claims to steps.
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../api/meta/kubernetes.ts';
import { cloneJson, jsonEqual } from '../../../api/meta/object.ts';
import { isActive, isAvailable, isReady } from '../pods.ts';
import { revisionHashLabel } from '../template-hash.ts';

export type Step =
  | { type: 'create-claim'; claim: PersistentVolumeClaim }
  | { type: 'create'; ordinal: number; hash: string }
  | { type: 'delete'; pod: Pod }
  | { type: 'status'; status: StatefulSetStatus };

type StatefulSetStatus = NonNullable<StatefulSet['status']>;

/** What is known of a set when it is looked at. */
export type Observed = {
  pods: readonly Pod[];
  claimNames: ReadonlySet<string>;
  /** Of the present template. */
  hash: string;
  nowMs: number;
};

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** The number at the end of a pod's name; undefined when the pod has another. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const text = pod.metadata.name.slice(set.metadata.name.length + 1);
  return pod.metadata.name.startsWith(`${set.metadata.name}-`) && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The claims that a pod of the set uses, one for each template. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  const labels = set.spec?.selector.matchLabels as Record<string, string> | undefined;
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const metadata = template.metadata as PersistentVolumeClaim['metadata'];
    return {
      metadata: {
        name: `${metadata.name}-${podName(set, ordinal)}`,
        namespace: set.metadata.namespace ?? '',
        labels: { ...metadata.labels, ...labels },
        ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      },
      spec: cloneJson(template.spec),
    } as PersistentVolumeClaim;
  });
}

/** Steps for a set, given its own pods. */
export function planStatefulSet(set: StatefulSet, { pods, claimNames, hash, nowMs }: Observed): Step[] {
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
  const steps = planPods(set, { ordinals, byOrdinal, surplus: surplus.map(([, pod]) => pod), hash, oldHash, nowMs });
  // A claim is made with its pod: sets in order do not take room before its turn.
  const claims = ordinals
    .filter(
      (ordinal) => byOrdinal.has(ordinal) || steps.some((step) => step.type === 'create' && step.ordinal === ordinal),
    )
    .flatMap((ordinal) => claimsOf(set, ordinal))
    .filter(({ metadata }) => !claimNames.has(metadata.name))
    .map((claim): Step => ({ type: 'create-claim', claim }));
  return [...claims, ...steps, ...statusSteps];
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

function planPods(set: StatefulSet, { ordinals, byOrdinal, surplus, hash, oldHash, nowMs }: Situation): Step[] {
  const isOrdered = set.spec?.podManagementPolicy !== 'Parallel';
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const steps: Step[] = [];
  for (const [index, ordinal] of ordinals.entries()) {
    const pod = byOrdinal.get(ordinal);
    // Below the partition a pod that is made anew is made as it was.
    if (pod === undefined) steps.push({ type: 'create', ordinal, hash: index < partition ? oldHash : hash });
    else if (isDead(pod) && pod.metadata.deletionTimestamp === undefined) steps.push({ type: 'delete', pod });
    else if (isActive(pod) && isAvailable(pod, minReadySeconds, nowMs)) continue;
    // The next waits until this one is there, and ready.
    if (isOrdered) return steps;
  }
  const going = surplus.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  if (!isOrdered) steps.push(...going.map((pod): Step => ({ type: 'delete', pod })));
  else if (going.length > 0 && steps.length === 0) {
    const isWaiting = surplus.some((pod) => pod.metadata.deletionTimestamp !== undefined);
    const [last] = going;
    return isWaiting || last === undefined ? [] : [{ type: 'delete', pod: last }];
  }
  if (steps.length > 0 || surplus.length > 0) return steps;
  return planUpdate(
    set,
    [...ordinals].slice(partition).map((ordinal) => byOrdinal.get(ordinal)),
    hash,
    nowMs,
  );
}

/** One pod of an old template at a time, the last first. */
function planUpdate(set: StatefulSet, pods: readonly (Pod | undefined)[], hash: string, nowMs: number): Step[] {
  if (set.spec?.updateStrategy?.type !== 'RollingUpdate') return [];
  for (const pod of [...pods].reverse()) {
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return [];
    if (pod.metadata.labels?.[revisionHashLabel] !== hash) return [{ type: 'delete', pod }];
    if (!isAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)) return [];
  }
  return [];
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
