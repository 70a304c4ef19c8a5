// What a job's policies say of how its pods have ended: whether a failure
// counts, and whether the successes are enough. Pure.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy
import { parseIndexes } from '../../../api/kinds/job-indexes.ts';
import type { ContainerStatus, Job, Pod } from '../../../api/meta/kubernetes.ts';

type Rule = NonNullable<NonNullable<Job['spec']>['podFailurePolicy']>['rules'][number];
type Match = { action: string; why: string };

/** What a rule has found in a pod: `Container c ... failed with exit code 3`, `Pod ... has condition DisruptionTarget`. */
function findingOf({ onExitCodes, onPodConditions }: Rule, pod: Pod): string | undefined {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  if (onExitCodes !== undefined) {
    const { containerName, operator, values } = onExitCodes;
    const codeOf = ({ state }: ContainerStatus): number => state?.terminated?.exitCode ?? 0;
    const container = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
      (status) =>
        (containerName === undefined || status.name === containerName) &&
        codeOf(status) !== 0 &&
        values.includes(codeOf(status)) === (operator === 'In'),
    );
    if (container === undefined) return undefined;
    return `Container ${container.name} for pod ${name} failed with exit code ${codeOf(container)}`;
  }
  const pattern = onPodConditions?.find(({ type, status = 'True' }) =>
    pod.status?.conditions?.some((condition) => condition.type === type && condition.status === status),
  );
  return pattern === undefined ? undefined : `Pod ${name} has condition ${pattern.type}`;
}

/** The first rule of the failure policy that a failed pod meets. */
function matchFailure(job: Job, pod: Pod): Match | undefined {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const finding = findingOf(rule, pod);
    const { action } = rule;
    if (finding !== undefined) return { action, why: `${finding} matching ${action} rule at index ${index}` };
  }
  return undefined;
}

/** What is to be done about a failed pod: FailJob, FailIndex, Ignore or Count. */
export function failureActionOf(job: Job, pod: Pod): string {
  return matchFailure(job, pod)?.action ?? 'Count';
}

/** Why one of the failed pods ends the whole job; undefined when none does. */
export function jobFailureOf(job: Job, failed: readonly Pod[]): string | undefined {
  return failed.map((pod) => matchFailure(job, pod)).find((match) => match?.action === 'FailJob')?.why;
}

/** The rule of the success policy that the completed indexes meet, in words; undefined when they meet none. */
export function metSuccessRule(job: Job, completedIndexes: string | undefined): string | undefined {
  const completed = parseIndexes(completedIndexes);
  const met = job.spec?.successPolicy?.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return completed.size >= (succeededCount ?? Number.POSITIVE_INFINITY);
    const asked = parseIndexes(succeededIndexes);
    const found = [...asked].filter((index) => completed.has(index)).length;
    return found >= (succeededCount ?? asked.size);
  });
  return met === undefined || met < 0 ? undefined : `Matched rules at index ${met}`;
}
