// Validation of pod specs: what Kubernetes refuses with 422, in its words. The rules are in pod-rules/, by topic;
// words that a field does not know are found by api/schema/enum-errors.ts.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
import type { PodSpec } from '../meta/kubernetes.ts';
import { type FieldError, forbiddenField, notSupported, required } from '../meta/status.ts';
import { containerErrors } from './pod-rules/containers.ts';
import { nameErrors } from './pod-rules/names.ts';
import { hostPortErrors } from './pod-rules/ports.ts';
import { schedulingErrors } from './pod-rules/scheduling.ts';
import { podSecurityErrors } from './pod-rules/security.ts';
import { maxDeadlineSeconds } from './pod-rules/update.ts';
import { volumeErrors } from './pod-rules/volumes.ts';
import { notNegative, rangeAt } from './validation.ts';

const restartPolicies = ['Always', 'OnFailure', 'Never'];

/** Checks the pod spec found at `path`. */
export function validatePodSpec(spec: PodSpec | undefined, path: string): FieldError[] {
  if (spec === undefined) return [required(`${path}.containers`)];
  return [
    ...volumeErrors(spec.volumes, `${path}.volumes`),
    ...containerErrors(spec, path),
    ...hostPortErrors(spec, path),
    ...lifetimeErrors(spec, path),
    ...nameErrors(spec, path),
    ...schedulingErrors(spec, path),
    ...podSecurityErrors(spec, path),
  ];
}

/** Checks the pod spec of a template, which describes pods that do not run yet. */
export function validateTemplateSpec(spec: PodSpec | undefined, path: string): FieldError[] {
  const errors = validatePodSpec(spec, path);
  if ((spec?.ephemeralContainers ?? []).length > 0)
    errors.push(forbiddenField(`${path}.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  return errors;
}

function lifetimeErrors(spec: PodSpec, path: string): FieldError[] {
  const errors = [
    ...notNegative(spec, 'terminationGracePeriodSeconds'),
    ...rangeAt(spec, 'activeDeadlineSeconds', 1, maxDeadlineSeconds),
  ];
  if (!restartPolicies.includes(spec.restartPolicy ?? ''))
    errors.unshift(notSupported('restartPolicy', spec.restartPolicy, restartPolicies));
  return errors.map((error) => ({ ...error, field: `${path}.${error.field}` }));
}
