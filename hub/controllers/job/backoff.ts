// How long a job waits after failures before it makes the next pod: 10 s, 20 s
// ... 10 min, as Kubernetes does. Pure.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy
import type { Pod } from '../../../api/meta/kubernetes.ts';
import { parseTime } from '../../../api/meta/time.ts';
import { failedCount, type JobStatus } from './counting.ts';
import type { IndexFailures } from './indexes.ts';

const firstBackoffMs = 10_000;
const longestBackoffMs = 600_000;

/** Time left after so many failures in a row, never more than the whole pause: clocks jump. */
function leftMs(failures: number, lastMs: number, nowMs: number): number {
  const delay = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(failures - 1, 10));
  return Math.min(delay, Math.max(0, lastMs + delay - nowMs));
}

/** Time until the job's next pod, ms. */
export function backoffMs(pods: readonly Pod[], status: JobStatus, nowMs: number): number {
  const failures = failedCount(status);
  const ends = pods.filter((pod) => pod.status?.phase === 'Failed').map(lastEndMs);
  return failures === 0 || ends.length === 0 ? 0 : leftMs(failures, Math.max(...ends), nowMs);
}

/** Time until the next pod of an index whose last one has failed, ms; failures that were ignored count here, too. */
export function indexBackoffMs(last: Pod, { counted, ignored }: IndexFailures, nowMs: number): number {
  return leftMs(counted + ignored, lastEndMs(last), nowMs);
}

function lastEndMs({ status, metadata }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => parseTime(state?.terminated?.finishedAt));
  const known = ends.filter((end) => !Number.isNaN(end));
  return known.length > 0 ? Math.max(...known) : parseTime(metadata.creationTimestamp);
}
