// What controllers of pods share: which pods they own, which count, which go first.
import { findCondition, isConditionTrue } from '../../api/meta/conditions.ts';
import type { Pod, PodTemplate } from '../../api/meta/kubernetes.ts';
import { cloneJson, controllerOf, controllerReference, type KubeObject } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import { parseTime } from '../../api/meta/time.ts';

/** Whether a pod still counts: not finished and not on its way out. */
export function isActive(pod: Pod): boolean {
  return (
    pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined
  );
}

export function isReady(pod: Pod): boolean {
  return isConditionTrue(pod.status?.conditions, 'Ready');
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = findCondition(pod.status?.conditions, 'Ready');
  if (ready?.status !== 'True') return false;
  return minReadySeconds === 0 || nowMs - parseTime(ready.lastTransitionTime) >= minReadySeconds * 1000;
}

export function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** Whether something could not be made because its namespace goes, or has gone. */
export function isNamespaceGone(error: unknown): boolean {
  if (hasReason(error, 'NotFound')) return true;
  return (
    hasReason(error, 'Forbidden') &&
    error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
  );
}

/** A pod made from a template, to be created. */
export function podFromTemplate(owner: KubeObject, apiVersion: string, kind: string, template: PodTemplate): Pod {
  const metadata = template.metadata ?? {};
  return {
    metadata: {
      name: '',
      generateName: `${owner.metadata.name.slice(0, 57)}-`,
      namespace: owner.metadata.namespace ?? '',
      labels: { ...(metadata.labels as Record<string, string> | undefined) },
      annotations: { ...(metadata.annotations as Record<string, string> | undefined) },
      ownerReferences: [controllerReference(owner, apiVersion, kind)],
    },
    spec: cloneJson(template.spec),
  } as Pod;
}

/** Order in which pods are given up: those that do least first. */
export function compareForDeletion(a: Pod, b: Pod): number {
  const rank = (pod: Pod): number[] => [
    pod.spec?.nodeName ? 1 : 0,
    pod.status?.phase === 'Running' ? 1 : 0,
    isReady(pod) ? 1 : 0,
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount)),
    // The youngest goes first.
    -(parseTime(pod.metadata.creationTimestamp) || 0),
  ];
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
