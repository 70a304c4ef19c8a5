// Deployment: moves pods from old ReplicaSets to the one of the present
// template, within maxSurge and maxUnavailable. Pure: from what is observed to steps.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
import { findCondition, setCondition } from '../../../api/meta/conditions.ts';
import type { Condition, Deployment, PodTemplate, ReplicaSet } from '../../../api/meta/kubernetes.ts';
import { cloneJson, controllerReference, jsonEqual } from '../../../api/meta/object.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';
import { podTemplateHashLabel, resolveCount, templateHash } from '../template-hash.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';

export type Step =
  | { type: 'create'; set: ReplicaSet }
  | { type: 'scale'; set: ReplicaSet; replicas: number }
  | { type: 'annotate-set'; set: ReplicaSet; annotations: Record<string, string> }
  | { type: 'annotate'; revision: string }
  | { type: 'remove'; set: ReplicaSet }
  | { type: 'status'; status: NonNullable<Deployment['status']> };

const replicasOf = (set: ReplicaSet): number => set.spec?.replicas ?? 0;
const availableOf = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[revisionAnnotation] ?? 0);
const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0);

/** Steps for a deployment, given the ReplicaSets it controls. */
export function planDeployment(deployment: Deployment, sets: readonly ReplicaSet[], nowMs: number): Step[] {
  const hash = templateHash(deployment.spec?.template as PodTemplate | undefined);
  const current = sets.find((set) => set.metadata.labels?.[podTemplateHashLabel] === hash);
  const old = sets.filter((set) => set !== current);
  const steps: Step[] = [];
  if (deployment.metadata.deletionTimestamp === undefined) {
    if (deployment.spec?.paused) steps.push(...scaleInPlace(deployment, sets));
    else {
      steps.push(...planRevision(deployment, current, old));
      if (current === undefined) steps.push({ type: 'create', set: newSet(deployment, hash, old) });
      else
        steps.push(
          ...(deployment.spec?.strategy?.type === 'Recreate'
            ? planRecreate(deployment, current, old)
            : planRolling(deployment, current, old)),
        );
      steps.push(...planCleanup(deployment, old));
    }
  }
  const status = statusOf(deployment, current, sets, nowMs);
  if (!jsonEqual(status, deployment.status)) steps.push({ type: 'status', status });
  return steps;
}

/** The present template always has the highest revision: going back makes an old set the newest again. */
function planRevision(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): Step[] {
  const highestOld = Math.max(0, ...old.map(revisionOf));
  const revision = current !== undefined && revisionOf(current) > highestOld ? revisionOf(current) : highestOld + 1;
  const steps: Step[] = [];
  if (current !== undefined) {
    const annotations = { ...copiedAnnotations(deployment), [revisionAnnotation]: String(revision) };
    const isSame = Object.entries(annotations).every(([key, value]) => current.metadata.annotations?.[key] === value);
    if (!isSame) steps.push({ type: 'annotate-set', set: current, annotations });
  }
  if (deployment.metadata.annotations?.[revisionAnnotation] !== String(revision))
    steps.push({ type: 'annotate', revision: String(revision) });
  return steps;
}

function copiedAnnotations(deployment: Deployment): Record<string, string> {
  const {
    [revisionAnnotation]: _revision,
    'kubectl.kubernetes.io/last-applied-configuration': _applied,
    ...rest
  } = deployment.metadata.annotations ?? {};
  return rest;
}

function newSet(deployment: Deployment, hash: string, old: readonly ReplicaSet[]): ReplicaSet {
  const template = cloneJson(deployment.spec?.template) as PodTemplate;
  const labels = { ...(template.metadata?.labels as Record<string, string> | undefined), [podTemplateHashLabel]: hash };
  const selector = deployment.spec?.selector;
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  return {
    metadata: {
      name: `${deployment.metadata.name.slice(0, 242)}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: { ...copiedAnnotations(deployment), [revisionAnnotation]: String(revision) },
      ownerReferences: [controllerReference(deployment, 'apps/v1', 'Deployment')],
    },
    spec: {
      replicas: initialReplicas(deployment, old),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [podTemplateHashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
      ...(deployment.spec?.minReadySeconds ? { minReadySeconds: deployment.spec.minReadySeconds } : {}),
    },
  } as ReplicaSet;
}

function initialReplicas(deployment: Deployment, old: readonly ReplicaSet[]): number {
  const desired = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === 'Recreate')
    return sum(old, (set) => Math.max(replicasOf(set), set.status?.replicas ?? 0)) > 0 ? 0 : desired;
  return Math.max(0, Math.min(desired, desired + limits(deployment).maxSurge - sum(old, replicasOf)));
}

/** maxSurge rounds up, maxUnavailable down; when both come out as 0, one pod may be unavailable. */
function limits(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const desired = deployment.spec?.replicas ?? 1;
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = resolveCount(rolling?.maxSurge, desired, 'up');
  const maxUnavailable = Math.min(desired, resolveCount(rolling?.maxUnavailable, desired, 'down'));
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

function scale(set: ReplicaSet, replicas: number): Step[] {
  return replicasOf(set) === replicas ? [] : [{ type: 'scale', set, replicas }];
}

/** A paused deployment still follows its replica count, with its newest set that runs. */
function scaleInPlace(deployment: Deployment, sets: readonly ReplicaSet[]): Step[] {
  const active = sets.filter((set) => replicasOf(set) > 0).sort((a, b) => revisionOf(b) - revisionOf(a));
  const [first, ...others] = active;
  return first === undefined
    ? []
    : scale(first, Math.max(0, (deployment.spec?.replicas ?? 1) - sum(others, replicasOf)));
}

function planRecreate(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Step[] {
  const downs = old.flatMap((set) => scale(set, 0));
  const oldGone = old.every((set) => (set.status?.replicas ?? 0) === 0 && replicasOf(set) === 0);
  return oldGone ? scale(current, deployment.spec?.replicas ?? 1) : downs;
}

function planRolling(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Step[] {
  const desired = deployment.spec?.replicas ?? 1;
  const { maxSurge, maxUnavailable } = limits(deployment);
  const total = replicasOf(current) + sum(old, replicasOf);
  const steps: Step[] = [];
  let wanted = replicasOf(current);
  if (wanted > desired) wanted = desired;
  else if (wanted < desired) wanted += Math.max(0, Math.min(desired - wanted, desired + maxSurge - total));
  steps.push(...scale(current, wanted));
  const minAvailable = desired - maxUnavailable;
  const newUnavailable = Math.max(0, replicasOf(current) - availableOf(current));
  let removable = total - minAvailable - newUnavailable;
  const targets = new Map(old.map((set) => [set, replicasOf(set)]));
  const inOrder = [...old].sort((a, b) =>
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''),
  );
  // Old pods that do not serve anyway go first.
  for (const set of inOrder) {
    const unhealthy = Math.max(0, replicasOf(set) - availableOf(set));
    const step = Math.max(0, Math.min(unhealthy, removable));
    targets.set(set, (targets.get(set) ?? 0) - step);
    removable -= step;
  }
  let spare = Math.min(removable, availableOf(current) + sum(old, availableOf) - minAvailable);
  for (const set of inOrder) {
    const step = Math.max(0, Math.min(targets.get(set) ?? 0, spare));
    targets.set(set, (targets.get(set) ?? 0) - step);
    spare -= step;
  }
  for (const [set, replicas] of targets) steps.push(...scale(set, replicas));
  return steps;
}

function planCleanup(deployment: Deployment, old: readonly ReplicaSet[]): Step[] {
  const keep = deployment.spec?.revisionHistoryLimit ?? 10;
  const idle = old.filter(
    (set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && set.metadata.deletionTimestamp === undefined,
  );
  const surplus = Math.max(0, idle.length - keep);
  return [...idle]
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .map((set) => ({ type: 'remove', set }));
}

function statusOf(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  sets: readonly ReplicaSet[],
  nowMs: number,
): NonNullable<Deployment['status']> {
  const count = (field: 'replicas' | 'readyReplicas' | 'availableReplicas'): number =>
    sum(sets, (set) => set.status?.[field] ?? 0);
  const replicas = count('replicas');
  const available = count('availableReplicas');
  const desired = deployment.spec?.replicas ?? 1;
  const base = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas,
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: count('readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, replicasOf) - available),
  };
  const now = formatTime(nowMs);
  const enough = available >= desired - limits(deployment).maxUnavailable;
  const availableCondition: Condition = enough
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  const known = deployment.status?.conditions as Condition[] | undefined;
  const progressing = progressCondition(deployment, current, base, nowMs);
  let conditions = setCondition(known, withUpdateTime(availableCondition, known, now), now);
  if (progressing !== undefined) conditions = setCondition(conditions, progressing, now);
  const nonZero = Object.fromEntries(Object.entries(base).filter(([, value]) => value !== 0));
  return { ...nonZero, conditions } as NonNullable<Deployment['status']>;
}

type TimedCondition = Condition & { lastUpdateTime?: string };

function withUpdateTime(condition: Condition, known: Condition[] | undefined, now: string): TimedCondition {
  const before = findCondition(known, condition.type) as TimedCondition | undefined;
  const isSame =
    before !== undefined &&
    before.status === condition.status &&
    before.reason === condition.reason &&
    before.message === condition.message;
  return { ...condition, lastUpdateTime: isSame ? (before.lastUpdateTime ?? now) : now };
}

type Counts = { replicas: number; updatedReplicas: number; readyReplicas: number; availableReplicas: number };

/** Complete, progressing since the last change, or stuck for longer than progressDeadlineSeconds. */
function progressCondition(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  counts: Counts,
  nowMs: number,
): Condition | undefined {
  const deadlineSeconds = deployment.spec?.progressDeadlineSeconds;
  if (deadlineSeconds === undefined || deployment.spec?.paused || current === undefined) return undefined;
  const known = deployment.status?.conditions as TimedCondition[] | undefined;
  const before = findCondition(known, 'Progressing');
  const now = formatTime(nowMs);
  const desired = deployment.spec?.replicas ?? 1;
  const name = current.metadata.name;
  const complete =
    counts.updatedReplicas === desired && counts.replicas === desired && counts.availableReplicas === desired;
  if (complete) {
    return withUpdateTime(
      {
        type: 'Progressing',
        status: 'True',
        reason: 'NewReplicaSetAvailable',
        message: `ReplicaSet "${name}" has successfully progressed.`,
      },
      known,
      now,
    );
  }
  const status = deployment.status ?? {};
  const changed =
    before === undefined ||
    before.reason === 'NewReplicaSetAvailable' ||
    counts.updatedReplicas !== (status.updatedReplicas ?? 0) ||
    counts.readyReplicas > (status.readyReplicas ?? 0) ||
    counts.availableReplicas > (status.availableReplicas ?? 0) ||
    !(before.message ?? '').includes(name);
  const progressing: Condition = {
    type: 'Progressing',
    status: 'True',
    reason: 'ReplicaSetUpdated',
    message: `ReplicaSet "${name}" is progressing.`,
  };
  if (changed) return { ...progressing, lastUpdateTime: now } as TimedCondition;
  if (nowMs - (parseTime(before.lastUpdateTime) || nowMs) > deadlineSeconds * 1000) {
    return withUpdateTime(
      {
        type: 'Progressing',
        status: 'False',
        reason: 'ProgressDeadlineExceeded',
        message: `ReplicaSet "${name}" has timed out progressing.`,
      },
      known,
      now,
    );
  }
  return before;
}
