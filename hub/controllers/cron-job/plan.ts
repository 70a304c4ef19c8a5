// CronJob: a job at each time of a schedule. Pure: from the cron job and its
// jobs to steps.
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
import { nextScheduleMs } from '../../../api/kinds/cron-schedule.ts';
import { isConditionTrue } from '../../../api/meta/conditions.ts';
import type { CronJob, Job } from '../../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../../api/meta/object.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';

export type Step =
  | { type: 'create'; name: string; scheduledMs: number }
  | { type: 'delete'; job: Job }
  | { type: 'status'; status: NonNullable<CronJob['status']> }
  | { type: 'event'; isWarning: boolean; reason: string; message: string }
  | { type: 'wait'; delayMs: number };

/** Missed times that are walked through one by one; beyond that (a suspended job, a clock that jumped) the newest is searched for. */
const maxWalked = 100;
/** A schedule is looked at again at least this often: clocks jump. */
const longestWaitMs = 60_000;

function isDone(job: Job): boolean {
  return isConditionTrue(job.status?.conditions, 'Complete') || isConditionTrue(job.status?.conditions, 'Failed');
}

type DueTimes = { dueMs: number | undefined; nextMs: number | undefined; isManyMissed: boolean };

/** The newest time that is due and has no job yet; and the next one. */
function dueTimes(cron: CronJob, nowMs: number): DueTimes {
  const { schedule = '', timeZone, startingDeadlineSeconds } = cron.spec ?? {};
  const lastMs = parseTime(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp);
  const deadlineMs =
    startingDeadlineSeconds === undefined ? Number.NEGATIVE_INFINITY : nowMs - startingDeadlineSeconds * 1000;
  const after = (timeMs: number): number | undefined => nextScheduleMs(schedule, timeZone, timeMs);
  let fromMs = Math.max(lastMs, deadlineMs);
  let dueMs: number | undefined;
  for (let missed = 0; missed < maxWalked; missed += 1) {
    const nextMs = after(fromMs);
    if (nextMs === undefined || nextMs > nowMs) return { dueMs, nextMs, isManyMissed: false };
    dueMs = nextMs;
    fromMs = nextMs;
  }
  for (let untilMs = nowMs; untilMs - fromMs > 1000; ) {
    const middleMs = Math.floor((fromMs + untilMs) / 2);
    const nextMs = after(middleMs);
    if (nextMs === undefined || nextMs > nowMs) untilMs = middleMs;
    else fromMs = middleMs;
  }
  const newestMs = after(fromMs);
  dueMs = newestMs === undefined || newestMs > nowMs ? dueMs : newestMs;
  return { dueMs, nextMs: after(nowMs), isManyMissed: true };
}

/** Steps for a cron job, given its own jobs. */
export function planCronJob(cron: CronJob, jobs: readonly Job[], nowMs: number): Step[] {
  if (cron.metadata.deletionTimestamp !== undefined) return [];
  const active = jobs.filter((job) => !isDone(job));
  const steps: Step[] = [...planNews(cron, jobs), ...planHistory(cron, jobs)];
  let lastScheduleTime = cron.status?.lastScheduleTime as string | undefined;
  if (cron.spec?.suspend !== true) {
    const { dueMs, nextMs, isManyMissed } = dueTimes(cron, nowMs);
    if (dueMs !== undefined) {
      const started = planStart(cron, active, dueMs);
      if (isManyMissed) steps.push(tooManyMissed);
      steps.push(...started);
      if (started.some(({ type }) => type === 'create')) lastScheduleTime = formatTime(dueMs);
    }
    const delayMs = nextMs === undefined ? longestWaitMs : Math.min(longestWaitMs, Math.max(1, nextMs - nowMs));
    steps.push({ type: 'wait', delayMs });
  }
  const status = statusOf(cron, active, jobs, lastScheduleTime);
  return jsonEqual(status, cron.status ?? {}) ? steps : [...steps, { type: 'status', status }];
}

const tooManyMissed: Step = {
  type: 'event',
  isWarning: true,
  reason: 'TooManyMissedTimes',
  message: 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
};

/** What became of the jobs that ran when the cron job was looked at last. */
function planNews(cron: CronJob, jobs: readonly Job[]): Step[] {
  const tell = (reason: string, message: string): Step => ({ type: 'event', isWarning: false, reason, message });
  return (cron.status?.active ?? []).flatMap(({ uid, name }) => {
    const job = jobs.find(({ metadata }) => metadata.uid === uid);
    if (job === undefined) return [tell('MissingJob', `Active job went missing: ${name}`)];
    const end = (job.status?.conditions ?? []).find(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    );
    return end === undefined ? [] : [tell('SawCompletedJob', `Saw completed job: ${name}, condition: ${end.type}`)];
  });
}

function planStart(cron: CronJob, active: readonly Job[], dueMs: number): Step[] {
  const policy = cron.spec?.concurrencyPolicy ?? 'Allow';
  if (policy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return [{ type: 'event', isWarning: false, reason: 'JobAlreadyActive', message }];
  }
  const replaced = policy === 'Replace' ? active : [];
  const name = `${cron.metadata.name}-${Math.floor(dueMs / 60_000)}`;
  return [...replaced.map((job): Step => ({ type: 'delete', job })), { type: 'create', name, scheduledMs: dueMs }];
}

/** Finished jobs beyond the limits go, the oldest first. */
function planHistory(cron: CronJob, jobs: readonly Job[]): Step[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron.spec ?? {};
  const surplus = (condition: string, limit: number): Job[] => {
    const done = jobs.filter((job) => isConditionTrue(job.status?.conditions, condition));
    done.sort((a, b) => parseTime(b.metadata.creationTimestamp) - parseTime(a.metadata.creationTimestamp));
    return done.slice(limit);
  };
  const old = [...surplus('Complete', successfulJobsHistoryLimit), ...surplus('Failed', failedJobsHistoryLimit)];
  return old.map((job) => ({ type: 'delete', job }));
}

function statusOf(
  cron: CronJob,
  active: readonly Job[],
  jobs: readonly Job[],
  lastScheduleTime: string | undefined,
): NonNullable<CronJob['status']> {
  const successes = jobs
    .map((job) => job.status?.completionTime as string | undefined)
    .filter((time) => time !== undefined);
  const known = cron.status?.lastSuccessfulTime as string | undefined;
  const newest = [...successes, ...(known === undefined ? [] : [known])]
    .sort((a, b) => parseTime(a) - parseTime(b))
    .at(-1);
  const references = active
    .map(({ metadata: { name, namespace, uid, resourceVersion } }) => ({
      kind: 'Job',
      namespace,
      name,
      uid,
      apiVersion: 'batch/v1',
      resourceVersion,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...(references.length > 0 ? { active: references } : {}),
    ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
    ...(newest === undefined ? {} : { lastSuccessfulTime: newest }),
  } as unknown as NonNullable<CronJob['status']>;
}
