// Counts a job's pods that have ended, each once, over all crashes: a pod
// carries a finalizer, its uid is written to the status, then the finalizer
// goes, then the count moves. Pure.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers
import { parseIndexes } from '../../../api/kinds/job-indexes.ts';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { indexStatus, isIndexed, lastFailures } from './indexes.ts';
import { failureActionOf } from './policies.ts';

export type JobStatus = NonNullable<Job['status']>;
type Uncounted = { succeeded?: string[]; failed?: string[] };

/** What is known after looking at the pods that have ended. */
export type Count = {
  status: JobStatus;
  /** Pods that may go: they are in the status, or are not counted. */
  released: Pod[];
  /** Pods whose index is to be tried again, by index. */
  retried: ReadonlyMap<number, Pod>;
};

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

/** Whether the job holds a pod so that it can't go uncounted. */
export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) === true;
}

/** Whether a pod is replaced only when it is known to have ended. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === 'Failed';
}

/**
 * Whether a pod has come to its end. One that is deleted before has failed, by then or, where only failed pods are
 * replaced, when its node has confirmed that it is gone (its grace period is 0: nothing more will be heard of it).
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-replacement-policy
 */
export function hasEnded(job: Job, { status, metadata }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  if (metadata.deletionTimestamp === undefined) return false;
  return !replacesOnlyFailed(job) || metadata.deletionGracePeriodSeconds === 0;
}

function uncountedOf(status: JobStatus): Uncounted {
  return (status.uncountedTerminatedPods ?? {}) as Uncounted;
}

/** Succeeded in all, those on their way to being counted included; of an indexed job, indexes. */
export function succeededCount(job: Job, status: JobStatus): number {
  if (isIndexed(job)) return parseIndexes(status.completedIndexes).size;
  return (status.succeeded ?? 0) + (uncountedOf(status).succeeded?.length ?? 0);
}

export function failedCount(status: JobStatus): number {
  return (status.failed ?? 0) + (uncountedOf(status).failed?.length ?? 0);
}

/** Whether every pod that has ended is in the counts, and nothing of the job is left running. */
export function isAllCounted(status: JobStatus, pods: readonly Pod[]): boolean {
  return Object.keys(uncountedOf(status)).length === 0 && !pods.some(isTracked);
}

/** Moves pods that ended through the stages of counting. `isOver`: nothing is tried again. */
export function countPods(job: Job, pods: readonly Pod[], isOver: boolean): Count {
  // One that was let go before it ended was given up, and neither succeeded nor failed.
  const tracked = pods.filter(isTracked);
  const ended = tracked.filter((pod) => hasEnded(job, pod));
  const retried = isOver ? new Map<number, Pod>() : lastFailures(job, tracked, ended);
  const held = new Set(retried.values());
  const booked = settle(job, tracked);
  const { succeeded, failed, released } = booked;
  const known = new Set([...succeeded.left, ...failed.left]);
  for (const pod of ended) {
    const { uid = '' } = pod.metadata;
    if (known.has(uid) || held.has(pod)) continue;
    if (pod.status?.phase === 'Succeeded') succeeded.left.push(uid);
    else if (failureActionOf(job, pod) === 'Ignore') released.push(pod);
    else failed.left.push(uid);
  }
  const uncountedTerminatedPods = {
    ...(succeeded.left.length > 0 ? { succeeded: succeeded.left } : {}),
    ...(failed.left.length > 0 ? { failed: failed.left } : {}),
  };
  const indexes = indexStatus(job, ended);
  const status = {
    ...job.status,
    succeeded: isIndexed(job) ? parseIndexes(indexes.completedIndexes).size : succeeded.count,
    failed: failed.count,
    uncountedTerminatedPods,
    ...indexes,
  } as JobStatus;
  return { status, released, retried };
}

type Settled = { left: string[]; count: number };

/** Counts what the status has on its list and is tracked no more; the rest of the list may lose its finalizers. */
function settle(job: Job, pods: readonly Pod[]): { succeeded: Settled; failed: Settled; released: Pod[] } {
  const tracked = new Map(pods.map((pod) => [pod.metadata.uid ?? '', pod]));
  const of = (uids: readonly string[] = [], before = 0): Settled => {
    const left = uids.filter((uid) => tracked.has(uid));
    return { left, count: before + uids.length - left.length };
  };
  const { succeeded, failed } = uncountedOf(job.status ?? {});
  const released = [...(succeeded ?? []), ...(failed ?? [])].flatMap((uid) => tracked.get(uid) ?? []);
  return { succeeded: of(succeeded, job.status?.succeeded), failed: of(failed, job.status?.failed), released };
}
