// Completion indexes of an indexed job: which are done, which have failed for
// good, and how often each has failed. Pure.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#backoff-limit-per-index
import { formatIndexes, parseIndexes } from '../../../api/kinds/job-indexes.ts';
import type { Job, Pod } from '../../../api/meta/kubernetes.ts';
import { failureActionOf } from './policies.ts';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
/** Failures of a pod's index before it was made: counted ones, and those that the failure policy ignored. */
export const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
export const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

/** How often an index has failed. */
export type IndexFailures = { counted: number; ignored: number };

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}

export function hasLimitPerIndex(job: Job): boolean {
  return isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined;
}

/** The index of a pod; undefined when it has none. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
}

/** What the status of an indexed job says of its indexes; nothing of other jobs. */
export type IndexStatus = { completedIndexes?: string; failedIndexes?: string };

/** Indexes known before and those of pods that have ended together; only ones that the job has: it may have shrunk. */
export function indexStatus(job: Job, ended: readonly Pod[]): IndexStatus {
  if (!isIndexed(job)) return {};
  const { completions = 0 } = job.spec ?? {};
  const joined = (known: string | undefined, pods: readonly Pod[]): string => {
    const found = pods.map(indexOf).filter((index) => index !== undefined);
    return formatIndexes(new Set([...parseIndexes(known), ...found].filter((index) => index < completions)));
  };
  const succeeded = ended.filter((pod) => pod.status?.phase === 'Succeeded');
  const completedIndexes = joined(job.status?.completedIndexes, succeeded);
  if (!hasLimitPerIndex(job)) return { completedIndexes };
  const failed = ended.filter((pod) => pod.status?.phase !== 'Succeeded' && hasFailedItsIndex(job, pod));
  return { completedIndexes, failedIndexes: joined(job.status?.failedIndexes, failed) };
}

/** Whether an index is not tried again after this failure. */
function hasFailedItsIndex(job: Job, pod: Pod): boolean {
  const action = failureActionOf(job, pod);
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && failuresBefore(pod).counted >= (job.spec?.backoffLimitPerIndex ?? 0);
}

function failuresBefore({ metadata }: Pod): IndexFailures {
  const read = (name: string): number => Number(metadata.annotations?.[name] ?? 0) || 0;
  return { counted: read(failureCountAnnotation), ignored: read(ignoredCountAnnotation) };
}

/** How often the index of a failed pod has failed, this time included. */
export function failuresAfter(job: Job, pod: Pod): IndexFailures {
  const { counted, ignored } = failuresBefore(pod);
  return failureActionOf(job, pod) === 'Ignore' ? { counted, ignored: ignored + 1 } : { counted: counted + 1, ignored };
}

/**
 * The last failure of each index that will be tried again. Such a pod alone knows how often the index has failed, so
 * it is kept, uncounted, until the pod that follows it is there and says so.
 */
export function lastFailures(job: Job, pods: readonly Pod[], ended: readonly Pod[]): Map<number, Pod> {
  if (!hasLimitPerIndex(job)) return new Map();
  const { completedIndexes, failedIndexes } = indexStatus(job, ended);
  const settled = new Set<number | undefined>([
    ...parseIndexes(completedIndexes),
    ...parseIndexes(failedIndexes),
    ...pods.filter((pod) => !ended.includes(pod)).map(indexOf),
  ]);
  const total = (pod: Pod): number => failuresBefore(pod).counted + failuresBefore(pod).ignored;
  const last = new Map<number, Pod>();
  for (const pod of ended) {
    const index = indexOf(pod);
    if (index === undefined || settled.has(index) || index >= (job.spec?.completions ?? 0)) continue;
    const known = last.get(index);
    if (known === undefined || total(pod) >= total(known)) last.set(index, pod);
  }
  return last;
}
