// Whether a job is over, how, and why: failures first, then success. Pure.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup
import { parseIndexes } from '../../../api/kinds/job-indexes.ts';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { parseTime } from '../../../api/meta/time.ts';
import { failedCount, hasEnded, isTracked, type JobStatus, succeededCount } from './counting.ts';
import { hasLimitPerIndex } from './indexes.ts';
import { jobFailureOf, metSuccessRule } from './policies.ts';

export type End = { type: 'Complete' | 'Failed'; reason: string; message: string };

type Situation = { job: Job; status: JobStatus; pods: readonly Pod[]; active: readonly Pod[]; nowMs: number };

const failure = (reason: string, message: string): End => ({ type: 'Failed', reason, message });
const success = (reason: string, message: string): End => ({ type: 'Complete', reason, message });

/** What was decided before: deletions that follow from it must not change the reason. */
export function decidedEnd(job: Job): End | undefined {
  for (const { type, status, reason = '', message = '' } of job.status?.conditions ?? []) {
    if (status !== 'True') continue;
    if (type === 'FailureTarget') return failure(reason, message);
    if (type === 'SuccessCriteriaMet') return success(reason, message);
  }
  return undefined;
}

/** How the job has ended, if it has. */
export function endOf(situation: Situation): End | undefined {
  return failureOf(situation) ?? indexFailureOf(situation) ?? successOf(situation);
}

function failureOf({ job, status, pods, active, nowMs }: Situation): End | undefined {
  const { backoffLimit = 6, activeDeadlineSeconds, suspend } = job.spec ?? {};
  const failed = pods.filter((pod) => isTracked(pod) && pod.status?.phase !== 'Succeeded' && hasEnded(job, pod));
  const why = jobFailureOf(job, failed);
  if (why !== undefined) return failure('PodFailurePolicy', why);
  if (failedCount(status) > backoffLimit || isPastRestarts(job, active))
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const startedMs = parseTime(job.status?.startTime);
  const isLate = activeDeadlineSeconds !== undefined && nowMs - startedMs >= activeDeadlineSeconds * 1000;
  if (isLate && suspend !== true) return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
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

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#backoff-limit-per-index */
function indexFailureOf({ job, status }: Situation): End | undefined {
  if (!hasLimitPerIndex(job)) return undefined;
  const { completions = 0, maxFailedIndexes } = job.spec ?? {};
  const failed = parseIndexes(status.failedIndexes).size;
  if (maxFailedIndexes !== undefined && failed > maxFailedIndexes)
    return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  if (failed > 0 && failed + succeededCount(job, status) >= completions)
    return failure('FailedIndexes', 'Job has failed indexes');
  return undefined;
}

function successOf({ job, status, active }: Situation): End | undefined {
  const rule = metSuccessRule(job, status.completedIndexes);
  if (rule !== undefined) return success('SuccessPolicy', rule);
  const { completions } = job.spec ?? {};
  const succeeded = succeededCount(job, status);
  // A queue of work: one success says that there is none left, the others finish theirs.
  const isEnough = completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
  return isEnough ? success('CompletionsReached', 'Reached expected number of succeeded pods') : undefined;
}
