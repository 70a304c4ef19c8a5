// What of a pod may change after it was made.
// https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement
import type { Pod, PodSpec } from '../../meta/kubernetes.ts';
import { jsonEqual } from '../../meta/object.ts';
import { type FieldError, forbiddenField, invalidValue } from '../../meta/status.ts';

/** Longest `activeDeadlineSeconds`. */
export const maxDeadlineSeconds = 2 ** 31 - 1;
const unchangeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const none: PodSpec = { containers: [] };

/** A deadline may be set, and then only come nearer. */
function deadlineErrors(now: PodSpec, before: PodSpec): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  const [next, old] = [now.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (next === undefined)
    return old === undefined ? [] : [invalidValue(field, null, 'must not update from a positive integer to nil value')];
  if (next < 0 || next > maxDeadlineSeconds)
    return [invalidValue(field, next, `must be between 0 and ${maxDeadlineSeconds}, inclusive`)];
  return old !== undefined && old < next
    ? [invalidValue(field, next, 'must be less than or equal to previous value')]
    : [];
}

function tolerationErrors(now: PodSpec, before: PodSpec): FieldError[] {
  const kept = (before.tolerations ?? []).every(({ tolerationSeconds: _old, ...toleration }) =>
    now.tolerations?.some(({ tolerationSeconds: _new, ...other }) => jsonEqual(toleration, other)),
  );
  return kept
    ? []
    : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

/** Gates only go. */
function gateErrors(now: PodSpec, before: PodSpec): FieldError[] {
  const known = new Set(before.schedulingGates?.map(({ name }) => name));
  return (now.schedulingGates ?? [])
    .filter(({ name }) => !known.has(name))
    .map(({ name }) =>
      forbiddenField('spec.schedulingGates', `only deletion is allowed, but found new scheduling gate '${name}'`),
    );
}

/** The spec without what may change, or is checked by itself. */
function fixedPart(spec: PodSpec, { nodeSelector, ...before }: PodSpec): object {
  const { activeDeadlineSeconds: _a, tolerations: _t, schedulingGates: _s, containers, initContainers, ...rest } = spec;
  const withoutImages = (list: PodSpec['initContainers']): object[] | undefined =>
    list?.map(({ image: _, ...container }) => container);
  const { terminationGracePeriodSeconds: grace } = rest;
  const mayBeOne = (before.terminationGracePeriodSeconds ?? 0) < 0;
  const isGated = (before.schedulingGates ?? []).length > 0;
  const known = Object.entries(rest.nodeSelector ?? {}).filter(([key]) => nodeSelector?.[key] !== undefined);
  return {
    ...rest,
    terminationGracePeriodSeconds: mayBeOne && grace === 1 ? before.terminationGracePeriodSeconds : grace,
    // While it waits at a gate, where it may run may become narrower.
    nodeSelector: isGated ? Object.fromEntries(known) : (rest.nodeSelector ?? {}),
    containers: withoutImages(containers),
    initContainers: withoutImages(initContainers),
  };
}

/** The errors of a change of a pod's spec. */
export function podChangeErrors({ spec: now = none }: Pod, { spec: before = none }: Pod): FieldError[] {
  const lists = (['containers', 'initContainers'] as const).filter(
    (field) => (now[field] ?? []).length !== (before[field] ?? []).length,
  );
  if (lists.length > 0)
    return lists.map((field) => forbiddenField(`spec.${field}`, 'pod updates may not add or remove containers'));
  const errors = [...deadlineErrors(now, before), ...tolerationErrors(now, before), ...gateErrors(now, before)];
  if (!jsonEqual(fixedPart(now, before), fixedPart(before, before))) errors.push(forbiddenField('spec', unchangeable));
  return errors;
}
