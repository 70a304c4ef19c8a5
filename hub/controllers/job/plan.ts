// Job: pods until enough have succeeded, or too many failed. Pure: from the job
// and its pods to steps. A pod that ended is counted before it may go: it
// carries a finalizer, its uid is written to the status, then the finalizer
// goes, then the count moves, so that no crash counts twice or never.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import { findCondition, isConditionTrue, setCondition } from '../../../api/meta/conditions.ts';
import type { Condition, Job, Pod } from '../../../api/meta/kubernetes.ts';
import { cloneJson, jsonEqual } from '../../../api/meta/object.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';
import { compareForDeletion, isActive, isReady } from '../pods.ts';

export type Step =
  | { type: 'create'; indexes: (number | undefined)[] }
  | { type: 'delete-pod'; pod: Pod }
  | { type: 'release'; pod: Pod }
  | { type: 'status'; status: JobStatus }
  | { type: 'delete-job' }
  | { type: 'wait'; delayMs: number };

export type JobStatus = NonNullable<Job['status']>;
type Uncounted = { succeeded?: string[]; failed?: string[] };

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** Delay before the next pod after failures: 10 s, 20 s ... 10 min, as Kubernetes'. */
const firstBackoffMs = 10_000;
const longestBackoffMs = 600_000;

export function isFinished(job: Job): boolean {
  return isConditionTrue(job.status?.conditions, 'Complete') || isConditionTrue(job.status?.conditions, 'Failed');
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) === true;
}

function hasEnded(pod: Pod): boolean {
  // A pod that is deleted before it ended has failed.
  return (
    pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined
  );
}

function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
}

/** Steps for a job, given its own pods. */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): Step[] {
  if (job.metadata.deletionTimestamp !== undefined) {
    // Nobody counts any more; pods that outlive the job must not carry its finalizer for ever.
    return pods.filter(isTracked).map((pod) => ({ type: 'release', pod }));
  }
  const booked = book(job, pods);
  const active = pods.filter((pod) => isActive(pod));
  if (isFinished(job)) return [...booked.steps, ...planFinished(job, active, nowMs)];
  const { status, steps } = booked;
  const end = decidedEnd(job) ?? endOf(job, status, active, nowMs);
  if (end !== undefined) {
    const deletions = active.map((pod): Step => ({ type: 'delete-pod', pod }));
    return [...steps, ...deletions, ...statusStep(job, finished(job, status, end, active, nowMs))];
  }
  const wanted = planPods(job, status, pods, active, nowMs);
  return [...steps, ...wanted, ...statusStep(job, running(job, status, active, nowMs)), ...deadlineStep(job, nowMs)];
}

/** Moves pods that ended through the three stages of counting. */
function book(job: Job, pods: readonly Pod[]): { status: JobStatus; steps: Step[] } {
  const uncounted: Uncounted = cloneJson((job.status?.uncountedTerminatedPods ?? {}) as Uncounted);
  let { succeeded = 0, failed = 0 } = job.status ?? {};
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid ?? '', pod]));
  const settle = (list: string[] | undefined): { left: string[]; counted: number } => {
    const left = (list ?? []).filter((uid) => {
      const pod = byUid.get(uid);
      return pod !== undefined && isTracked(pod);
    });
    return { left, counted: (list ?? []).length - left.length };
  };
  const steps: Step[] = [...(uncounted.succeeded ?? []), ...(uncounted.failed ?? [])].flatMap((uid): Step[] => {
    const pod = byUid.get(uid);
    return pod !== undefined && isTracked(pod) ? [{ type: 'release', pod }] : [];
  });
  const [good, bad] = [settle(uncounted.succeeded), settle(uncounted.failed)];
  succeeded += good.counted;
  failed += bad.counted;
  const known = new Set([...good.left, ...bad.left]);
  for (const pod of pods) {
    const { uid = '' } = pod.metadata;
    if (!isTracked(pod) || !hasEnded(pod) || known.has(uid)) continue;
    (pod.status?.phase === 'Succeeded' ? good.left : bad.left).push(uid);
  }
  const uncountedTerminatedPods = {
    ...(good.left.length > 0 ? { succeeded: good.left } : {}),
    ...(bad.left.length > 0 ? { failed: bad.left } : {}),
  };
  const indexes = completedIndexes(job, pods);
  if (indexes !== undefined) succeeded = parseIndexes(indexes).size;
  const status = {
    ...job.status,
    succeeded,
    failed,
    uncountedTerminatedPods,
    ...(indexes === undefined ? {} : { completedIndexes: indexes }),
  } as JobStatus;
  return { status, steps };
}

/** Succeeded in all, those on their way to being counted included. */
function succeededCount(status: JobStatus): number {
  return (status.succeeded ?? 0) + ((status.uncountedTerminatedPods as Uncounted | undefined)?.succeeded?.length ?? 0);
}

function failedCount(status: JobStatus): number {
  return (status.failed ?? 0) + ((status.uncountedTerminatedPods as Uncounted | undefined)?.failed?.length ?? 0);
}

/** `0-2,5`: the indexes of an indexed job that have succeeded. */
function completedIndexes(job: Job, pods: readonly Pod[]): string | undefined {
  if (job.spec?.completionMode !== 'Indexed') return undefined;
  const { completions = 0 } = job.spec;
  const done = parseIndexes(job.status?.completedIndexes);
  for (const pod of pods) {
    const index = indexOf(pod);
    if (pod.status?.phase === 'Succeeded' && index !== undefined) done.add(index);
  }
  return formatIndexes(new Set([...done].filter((index) => index < completions)));
}

export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',').filter((item) => item !== '')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let index = first; index <= last; index += 1) indexes.add(index);
  }
  return indexes;
}

export function formatIndexes(indexes: ReadonlySet<number>): string {
  const parts: string[] = [];
  const sorted = [...indexes].sort((a, b) => a - b);
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(start === end ? `${sorted[start]}` : `${sorted[start]}${end === start + 1 ? ',' : '-'}${sorted[end]}`);
    start = end + 1;
  }
  return parts.join(',');
}

type End = { type: 'Complete' | 'Failed'; reason: string; message: string };

/** What was decided before: deletions that follow from it must not change the reason. */
function decidedEnd(job: Job): End | undefined {
  for (const { type, status, reason = '', message = '' } of job.status?.conditions ?? []) {
    if (status !== 'True') continue;
    if (type === 'FailureTarget') return { type: 'Failed', reason, message };
    if (type === 'SuccessCriteriaMet') return { type: 'Complete', reason, message };
  }
  return undefined;
}

/** Containers that restart in place count as failures, too. */
function isPastRestarts(job: Job, active: readonly Pod[]): boolean {
  const { template, backoffLimit = 6 } = job.spec ?? {};
  if (template?.spec?.restartPolicy !== 'OnFailure') return false;
  const restarts = active
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return restarts >= Math.max(1, backoffLimit);
}

/** How the job has ended, if it has. */
function endOf(job: Job, status: JobStatus, active: readonly Pod[], nowMs: number): End | undefined {
  const { completions, backoffLimit = 6, activeDeadlineSeconds, completionMode } = job.spec ?? {};
  const failed = failedCount(status);
  if (failed > backoffLimit || isPastRestarts(job, active))
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  const startedMs = parseTime(job.status?.startTime);
  if (
    activeDeadlineSeconds !== undefined &&
    nowMs - startedMs >= activeDeadlineSeconds * 1000 &&
    job.spec?.suspend !== true
  )
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  const succeeded = completionMode === 'Indexed' ? parseIndexes(status.completedIndexes).size : succeededCount(status);
  const complete: End = {
    type: 'Complete',
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
  if (completions !== undefined) return succeeded >= completions ? complete : undefined;
  // A queue of work: one success says that there is none left, the others finish theirs.
  return succeeded > 0 && active.length === 0 ? complete : undefined;
}

function statusStep(job: Job, status: JobStatus): Step[] {
  return jsonEqual(status, job.status) ? [] : [{ type: 'status', status }];
}

function finished(
  job: Job,
  status: JobStatus,
  { type, reason, message }: End,
  active: readonly Pod[],
  nowMs: number,
): JobStatus {
  const now = formatTime(nowMs);
  const isCounted = Object.keys(status.uncountedTerminatedPods ?? {}).length === 0 && active.length === 0;
  const early = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  let conditions = setCondition(
    status.conditions as Condition[] | undefined,
    { type: early, status: 'True', reason, message },
    now,
  );
  // The last word is said when every pod is accounted for.
  if (isCounted) conditions = setCondition(conditions, { type, status: 'True', reason, message }, now);
  return {
    ...status,
    active: 0,
    ready: 0,
    terminating: 0,
    startTime: job.status?.startTime ?? now,
    ...(isCounted && type === 'Complete' ? { completionTime: now } : {}),
    conditions: conditions as unknown as JobStatus['conditions'],
  } as JobStatus;
}

function running(job: Job, status: JobStatus, active: readonly Pod[], nowMs: number): JobStatus {
  const now = formatTime(nowMs);
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
    terminating: 0,
    ...(conditions === undefined ? {} : { conditions }),
  } as JobStatus;
}

/** Pods to make or to take away, so that as many run as should. */
function planPods(job: Job, status: JobStatus, pods: readonly Pod[], active: readonly Pod[], nowMs: number): Step[] {
  const { parallelism = 1, completions, completionMode, suspend } = job.spec ?? {};
  if (suspend === true) return active.flatMap(giveUp);
  // Without the finalizer it was given up before, by a process that was cut short.
  const isGone = (pod: Pod): boolean =>
    !isTracked(pod) || (completionMode === 'Indexed' && (indexOf(pod) ?? 0) >= (completions ?? 0));
  const succeeded = completionMode === 'Indexed' ? parseIndexes(status.completedIndexes).size : succeededCount(status);
  const left = completions === undefined ? (succeeded > 0 ? active.length : parallelism) : completions - succeeded;
  // In a queue that is empty, what runs may go on.
  const missing = completions === undefined && succeeded > 0 ? 0 : Math.min(parallelism, left) - active.length;
  const surplus = active.filter(isGone).length;
  if (missing < 0 || surplus > 0)
    return [...active]
      .sort((a, b) => Number(isGone(b)) - Number(isGone(a)) || compareForDeletion(a, b))
      .slice(0, Math.max(surplus, -missing))
      .flatMap(giveUp);
  if (missing === 0) return [];
  const delayMs = backoffMs(pods, status, nowMs);
  if (delayMs > 0) return [{ type: 'wait', delayMs }];
  if (completionMode !== 'Indexed')
    return [{ type: 'create', indexes: Array.from({ length: missing }, () => undefined) }];
  const taken = new Set([...parseIndexes(status.completedIndexes), ...active.map(indexOf)]);
  const free = Array.from({ length: completions ?? 0 }, (_, index) => index).filter((index) => !taken.has(index));
  return [{ type: 'create', indexes: free.slice(0, missing) }];
}

/** A pod that the controller itself takes away is no failure: it goes uncounted. */
function giveUp(pod: Pod): Step[] {
  return [...(isTracked(pod) ? [{ type: 'release', pod } as const] : []), { type: 'delete-pod', pod }];
}

/** Time until the next pod after a failure. */
function backoffMs(pods: readonly Pod[], status: JobStatus, nowMs: number): number {
  const failures = failedCount(status);
  const ends = pods.filter((pod) => pod.status?.phase === 'Failed').map((pod) => lastEndMs(pod));
  if (failures === 0 || ends.length === 0) return 0;
  const delay = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(failures - 1, 10));
  return Math.min(delay, Math.max(0, Math.max(...ends) + delay - nowMs));
}

function lastEndMs({ status, metadata }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => parseTime(state?.terminated?.finishedAt));
  const known = ends.filter((end) => !Number.isNaN(end));
  return known.length > 0 ? Math.max(...known) : parseTime(metadata.creationTimestamp);
}

function planFinished(job: Job, active: readonly Pod[], nowMs: number): Step[] {
  const steps: Step[] = active.map((pod) => ({ type: 'delete-pod', pod }));
  const ttlSeconds = job.spec?.ttlSecondsAfterFinished;
  if (ttlSeconds === undefined) return steps;
  const end = (job.status?.conditions ?? []).find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  const leftMs = parseTime(end?.lastTransitionTime) + ttlSeconds * 1000 - nowMs;
  return [...steps, leftMs > 0 ? { type: 'wait', delayMs: leftMs } : { type: 'delete-job' }];
}

function deadlineStep(job: Job, nowMs: number): Step[] {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || job.spec?.suspend === true) return [];
  const startedMs = job.status?.startTime === undefined ? nowMs : parseTime(job.status.startTime);
  return [{ type: 'wait', delayMs: Math.max(1, startedMs + seconds * 1000 - nowMs) }];
}
