// Job: pods until enough have succeeded, or too many failed. Pure: from the job
// and its pods to steps. How pods that ended are counted is in counting.ts.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import { parseIndexes } from '../../../api/kinds/job-indexes.ts';
import { findCondition, isConditionTrue, setCondition } from '../../../api/meta/conditions.ts';
import type { Condition, Job, Pod } from '../../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../../api/meta/object.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';
import { compareForDeletion, isActive, isReady } from '../pods.ts';
import { backoffMs, indexBackoffMs } from './backoff.ts';
import {
  type Count,
  countPods,
  hasEnded,
  isAllCounted,
  isTracked,
  type JobStatus,
  replacesOnlyFailed,
  succeededCount,
} from './counting.ts';
import { decidedEnd, type End, endOf } from './end.ts';
import { failuresAfter, hasLimitPerIndex, type IndexFailures, indexOf, isIndexed } from './indexes.ts';

/** Where a pod is to be made: nowhere in particular, or at an index that has failed so often. */
export type Place = { index?: number; failures?: IndexFailures };

export type Step =
  | { type: 'create'; places: Place[] }
  | { type: 'delete-pod'; pod: Pod }
  | { type: 'release'; pod: Pod }
  | { type: 'status'; status: JobStatus }
  | { type: 'delete-job' }
  | { type: 'wait'; delayMs: number };

/** The value of `spec.managedBy` that means this controller, as no value does. */
const controllerName = 'kubernetes.io/job-controller';

export function isFinished(job: Job): boolean {
  return isConditionTrue(job.status?.conditions, 'Complete') || isConditionTrue(job.status?.conditions, 'Failed');
}

/** Steps for a job, given its own pods. */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): Step[] {
  const isDeleted = job.metadata.deletionTimestamp !== undefined;
  if ((job.spec?.managedBy ?? controllerName) !== controllerName)
    return isFinished(job) && !isDeleted ? planExpiry(job, nowMs) : [];
  // Nobody counts any more; pods that outlive the job must not carry its finalizer for ever.
  if (isDeleted) return pods.filter(isTracked).map(release);
  const active = pods.filter(isActive);
  if (isFinished(job))
    return [...pods.filter(isTracked).map(release), ...active.map(remove), ...planExpiry(job, nowMs)];
  const decided = decidedEnd(job);
  const count = countPods(job, pods, decided !== undefined);
  const { status } = count;
  const steps = count.released.map(release);
  const end = decided ?? endOf({ job, status, pods, active, nowMs });
  if (end !== undefined)
    return [...steps, ...active.map(remove), ...statusStep(job, ending(job, status, end, pods, nowMs))];
  const wanted = planPods(job, count, pods, nowMs);
  return [...steps, ...wanted, ...statusStep(job, running(job, status, pods, nowMs)), ...deadlineStep(job, nowMs)];
}

const release = (pod: Pod): Step => ({ type: 'release', pod });
const remove = (pod: Pod): Step => ({ type: 'delete-pod', pod });

function statusStep(job: Job, status: JobStatus): Step[] {
  return jsonEqual(status, job.status) ? [] : [{ type: 'status', status }];
}

/** On their way out, and not known to have ended. */
function terminatingOf(pods: readonly Pod[]): Pod[] {
  return pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp !== undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
}

/**
 * The status of a job that is over. What was decided is said at once; the last word when no pod is left running and
 * all are counted. https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
 */
function ending(job: Job, status: JobStatus, end: End, pods: readonly Pod[], nowMs: number): JobStatus {
  const now = formatTime(nowMs);
  const { type, reason, message } = end;
  const terminating = terminatingOf(pods).length + pods.filter(isActive).length;
  const early = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  const outcome = { status: 'True', reason, message };
  let conditions = setCondition(status.conditions as Condition[] | undefined, { type: early, ...outcome }, now);
  const isOver = terminating === 0 && isAllCounted(status, pods);
  if (isOver) conditions = setCondition(conditions, { type, ...outcome }, now);
  return {
    ...status,
    active: 0,
    ready: 0,
    terminating,
    startTime: job.status?.startTime ?? now,
    ...(isOver && type === 'Complete' ? { completionTime: now } : {}),
    conditions: conditions as unknown as JobStatus['conditions'],
  } as JobStatus;
}

function running(job: Job, status: JobStatus, pods: readonly Pod[], nowMs: number): JobStatus {
  const now = formatTime(nowMs);
  const active = pods.filter(isActive);
  const isSuspended = job.spec?.suspend === true;
  const known = findCondition(status.conditions, 'Suspended');
  const suspension: Condition = isSuspended
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
  const conditions =
    isSuspended || known !== undefined
      ? setCondition(status.conditions as Condition[] | undefined, suspension, now)
      : status.conditions;
  const { startTime, ...rest } = status;
  const started = isSuspended ? undefined : (startTime ?? now);
  return {
    ...rest,
    ...(started === undefined ? {} : { startTime: started }),
    active: isSuspended ? 0 : active.length,
    ready: active.filter(isReady).length,
    terminating: terminatingOf(pods).length,
    ...(conditions === undefined ? {} : { conditions }),
  } as JobStatus;
}

/** Pods to make or to take away, so that as many run as should. */
function planPods(job: Job, count: Count, pods: readonly Pod[], nowMs: number): Step[] {
  const active = pods.filter(isActive);
  if (job.spec?.suspend === true) return active.flatMap(giveUp);
  const unwanted = unwantedOf(job, active);
  const wanted = wantedActive(job, count.status, active.length);
  const surplus = Math.max(unwanted.size, active.length - wanted);
  if (surplus > 0)
    return [...active]
      .sort((a, b) => Number(unwanted.has(b)) - Number(unwanted.has(a)) || compareForDeletion(a, b))
      .slice(0, surplus)
      .flatMap(giveUp);
  const missing = wanted - active.length - (replacesOnlyFailed(job) ? terminatingOf(pods).length : 0);
  if (missing <= 0) return [];
  if (isIndexed(job)) return planIndexes(job, count, pods, missing, nowMs);
  const delayMs = backoffMs(pods, count.status, nowMs);
  if (delayMs > 0) return [{ type: 'wait', delayMs }];
  return [{ type: 'create', places: Array.from({ length: missing }, () => ({})) }];
}

/** Pods to give up however many may run: given up before by a process that was cut short, or at an index too many. */
function unwantedOf(job: Job, active: readonly Pod[]): Set<Pod> {
  const { completions = 0 } = job.spec ?? {};
  const taken = new Set<number | undefined>();
  const unwanted = new Set<Pod>();
  // Of two at one index the better one stays.
  for (const pod of [...active].sort((a, b) => compareForDeletion(b, a))) {
    const index = indexOf(pod);
    if (!isTracked(pod) || (isIndexed(job) && ((index ?? 0) >= completions || taken.has(index)))) unwanted.add(pod);
    else taken.add(index);
  }
  return unwanted;
}

/** How many pods should run at once; a queue that is known to be empty keeps those that run. */
function wantedActive(job: Job, status: JobStatus, active: number): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  const succeeded = succeededCount(job, status);
  if (completions !== undefined) return Math.min(parallelism, completions - succeeded);
  return succeeded > 0 ? active : parallelism;
}

/** Makes pods at the lowest indexes that are free, each after its own failures where each has a limit of its own. */
function planIndexes(
  job: Job,
  { status, retried }: Count,
  pods: readonly Pod[],
  missing: number,
  nowMs: number,
): Step[] {
  const holdsPlace = (pod: Pod): boolean => isActive(pod) || (replacesOnlyFailed(job) && !hasEnded(job, pod));
  const taken = new Set([
    ...parseIndexes(status.completedIndexes),
    ...parseIndexes(status.failedIndexes),
    ...pods.filter(holdsPlace).map(indexOf),
  ]);
  const free = Array.from({ length: job.spec?.completions ?? 0 }, (_, index) => index).filter(
    (index) => !taken.has(index),
  );
  if (!hasLimitPerIndex(job)) {
    const delayMs = backoffMs(pods, status, nowMs);
    if (delayMs > 0) return [{ type: 'wait', delayMs }];
    return [{ type: 'create', places: free.slice(0, missing).map((index) => ({ index })) }];
  }
  const turns = free.map((index) => {
    const last = retried.get(index);
    const failures = last === undefined ? { counted: 0, ignored: 0 } : failuresAfter(job, last);
    return { index, failures, delayMs: last === undefined ? 0 : indexBackoffMs(last, failures, nowMs) };
  });
  const due = turns.filter(({ delayMs }) => delayMs === 0).slice(0, missing);
  const waits = turns.flatMap(({ delayMs }) => (delayMs > 0 ? [delayMs] : []));
  return [
    ...(due.length > 0
      ? [{ type: 'create', places: due.map(({ index, failures }) => ({ index, failures })) } as const]
      : []),
    ...(due.length < missing && waits.length > 0 ? [{ type: 'wait', delayMs: Math.min(...waits) } as const] : []),
  ];
}

/** A pod that the controller itself takes away is no failure: it goes uncounted. */
function giveUp(pod: Pod): Step[] {
  return [...(isTracked(pod) ? [release(pod)] : []), remove(pod)];
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/ */
function planExpiry(job: Job, nowMs: number): Step[] {
  const ttlSeconds = job.spec?.ttlSecondsAfterFinished;
  if (ttlSeconds === undefined) return [];
  const end = (job.status?.conditions ?? []).find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  const leftMs = parseTime(end?.lastTransitionTime) + ttlSeconds * 1000 - nowMs;
  return [leftMs > 0 ? { type: 'wait', delayMs: leftMs } : { type: 'delete-job' }];
}

function deadlineStep(job: Job, nowMs: number): Step[] {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || job.spec?.suspend === true) return [];
  const startedMs = job.status?.startTime === undefined ? nowMs : parseTime(job.status.startTime);
  return [{ type: 'wait', delayMs: Math.max(1, startedMs + seconds * 1000 - nowMs) }];
}
