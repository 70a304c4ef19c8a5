// ReplicaSet: as many pods as it asks for. Pure: from the set and its pods to steps.
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/

import type { Pod, ReplicaSet } from '../../../api/meta/kubernetes.ts';
import { matchesSelector } from '../../../api/meta/labels.ts';
import { controllerOf, jsonEqual } from '../../../api/meta/object.ts';
import { compareForDeletion, isActive, isAvailable, isOwnedBy, isReady } from '../pods.ts';

export type Step =
  | { type: 'adopt'; pod: Pod }
  | { type: 'release'; pod: Pod }
  | { type: 'create'; count: number }
  | { type: 'delete'; pod: Pod }
  | { type: 'status'; status: NonNullable<ReplicaSet['status']> };

/** Most pods made at a time: the next round makes the rest. */
const maxCreates = 500;

/** Steps for a set, given all pods of its namespace. */
export function planReplicaSet(set: ReplicaSet, pods: readonly Pod[], nowMs: number): Step[] {
  const steps: Step[] = [];
  const owned: Pod[] = [];
  for (const pod of pods) {
    const selected = matchesSelector(set.spec?.selector, pod.metadata.labels);
    if (isOwnedBy(pod, set)) {
      if (selected || pod.metadata.deletionTimestamp !== undefined) owned.push(pod);
      else steps.push({ type: 'release', pod });
    } else if (
      selected &&
      controllerOf(pod) === undefined &&
      isActive(pod) &&
      set.metadata.deletionTimestamp === undefined
    ) {
      steps.push({ type: 'adopt', pod });
      owned.push(pod);
    }
  }
  const active = owned.filter(isActive);
  if (set.metadata.deletionTimestamp === undefined) {
    const missing = (set.spec?.replicas ?? 1) - active.length;
    if (missing > 0) steps.push({ type: 'create', count: Math.min(missing, maxCreates) });
    for (const pod of missing < 0 ? [...active].sort(compareForDeletion).slice(0, -missing) : [])
      steps.push({ type: 'delete', pod });
  }
  const status = statusOf(set, active, nowMs);
  if (!jsonEqual(status, set.status)) steps.push({ type: 'status', status });
  return steps;
}

function statusOf(set: ReplicaSet, active: Pod[], nowMs: number): NonNullable<ReplicaSet['status']> {
  const template = set.spec?.template?.metadata?.labels as Record<string, string> | undefined;
  const count = (test: (pod: Pod) => boolean): number => active.filter(test).length;
  return {
    replicas: active.length,
    fullyLabeledReplicas: count((pod) =>
      Object.entries(template ?? {}).every(([key, value]) => pod.metadata.labels?.[key] === value),
    ),
    readyReplicas: count(isReady),
    availableReplicas: count((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)),
    observedGeneration: set.metadata.generation ?? 0,
  };
}
