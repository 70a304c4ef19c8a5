// POST pods/NAME/eviction: a delete that disruption budgets may refuse.
// https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
import { podDisruptionBudgetKind } from '../../api/kinds/policy.ts';
import { isConditionTrue } from '../../api/meta/conditions.ts';
import type { Pod, PodDisruptionBudget } from '../../api/meta/kubernetes.ts';
import { matchesSelector } from '../../api/meta/labels.ts';
import type { JsonObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError, type Status } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { remove } from './delete.ts';
import { decodeAs } from './input.ts';
import { type ApiParts, nameOf } from './parts.ts';
import { readPod } from './pod-targets.ts';
import { decodeStored, listPrefix } from './stored-object.ts';
import { replace } from './update.ts';

const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
const expected = { apiVersion: 'policy/v1', kind: 'Eviction', typeId: 'policy.v1.Eviction' };

/** Seconds after which a client that was refused may ask again. */
const retryAfterSeconds = 10;

/** @throws ApiError TooManyRequests when a budget has no disruptions left */
export async function evict(parts: ApiParts, operation: Operation): Promise<Reply> {
  const { value } = decodeAs(operation.body, expected, operation.query.fieldValidation);
  const pod = await readPod(parts, operation);
  const options = (value.deleteOptions ?? {}) as JsonObject & { dryRun?: string[] };
  const query = { ...operation.query, ...(options.dryRun?.[0] === undefined ? {} : { dryRun: options.dryRun[0] }) };
  const asked: Operation = { ...operation, query };
  if (needsBudget(pod)) await takeDisruption(parts, asked, pod);
  const deletion: Operation = { ...asked, verb: 'delete', subresource: undefined, body: options };
  await remove(parts, deletion);
  return { code: 201, body: success };
}

/** Pods that don't run, or go already, disturb nobody. */
function needsBudget({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && !['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '');
}

async function takeDisruption(parts: ApiParts, operation: Operation, pod: Pod): Promise<void> {
  const { entries } = await parts.store.list({ prefix: listPrefix(podDisruptionBudgetKind, pod.metadata.namespace) });
  const budgets = entries
    .map((entry) => decodeStored(podDisruptionBudgetKind, entry) as PodDisruptionBudget)
    .filter(({ spec }) => matchesSelector(spec?.selector, pod.metadata.labels));
  const [budget, another] = budgets;
  if (budget === undefined) return;
  if (another !== undefined)
    throw new ApiError(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  const { resource, namespace, name } = {
    resource: { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' },
    ...budget.metadata,
  };
  const change: Operation = {
    ...operation,
    verb: 'update',
    resource,
    namespace,
    name,
    subresource: 'status',
    body: undefined,
  };
  if (isUnhealthyAndFree(budget, pod)) return;
  await replace(parts, change, podDisruptionBudgetKind, (old) => {
    const status = checkedStatus(old as PodDisruptionBudget);
    const disruptedPods = { ...status.disruptedPods, [nameOf(operation)]: formatTime(parts.clock.nowMs()) };
    return {
      object: {
        ...old,
        status: { ...status, disruptionsAllowed: (status.disruptionsAllowed ?? 0) - 1, disruptedPods },
      },
    };
  });
}

type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;

/** A pod that is not ready counts for nothing; whether it may go is the budget's policy. */
function isUnhealthyAndFree({ spec, status }: PodDisruptionBudget, pod: Pod): boolean {
  if (isConditionTrue(pod.status?.conditions, 'Ready')) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** @throws ApiError TooManyRequests */
function checkedStatus({ metadata, status }: PodDisruptionBudget): BudgetStatus {
  const { observedGeneration = 0, disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
  const isStale = observedGeneration < (metadata.generation ?? 0);
  if (!isStale && status !== undefined && disruptionsAllowed > 0) return status;
  const message = isStale
    ? `The disruption budget ${metadata.name} is still being processed by the server.`
    : `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  throw new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    // Clients wait by themselves where they are told how long, and kubectl drain would say nothing meanwhile.
    details: { causes: [{ reason: 'DisruptionBudget', message }], ...(isStale ? { retryAfterSeconds } : {}) },
  });
}
