// What Kubernetes refuses of a job's spec, in its words.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/
import type { Job } from '../meta/kubernetes.ts';
import { qualifiedNameError } from '../meta/labels.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { duplicate, type FieldError, invalidValue, notSupported, required, tooLong, tooMany } from '../meta/status.ts';
import { countIndexes } from './job-indexes.ts';
import { validateTemplateSpec } from './pod-validation.ts';
import { immutableMessage, notNegative, oneOfAt, unchangedAt } from './validation.ts';

type JobSpec = NonNullable<Job['spec']>;
type FailureRule = NonNullable<JobSpec['podFailurePolicy']>['rules'][number];
type SuccessRule = NonNullable<JobSpec['successPolicy']>['rules'][number];

const restartPolicies = ['OnFailure', 'Never'];
const failureActions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const exitCodeOperators = ['In', 'NotIn'];
const conditionStatuses = ['False', 'True', 'Unknown'];
const maxRules = 20;
const maxConditionPatterns = 20;
const maxExitCodes = 255;
const maxManagedByLength = 63;
const maxSucceededIndexesLength = 64 * 1024;
/** Most that an indexed job may run, or see fail, at once; and of one with more completions than that. */
const maxIndexes = 100_000;
const maxIndexesOfMany = 10_000;

/** What is wrong with the spec of a job, found at `path`. */
export function jobSpecErrors(spec: JobSpec | undefined, path: string): FieldError[] {
  if (spec === undefined) return [];
  const under = (errors: FieldError[]): FieldError[] =>
    errors.map((error) => ({ ...error, field: `${path}.${error.field}` }));
  return under([
    ...notNegative(spec, 'parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit'),
    ...notNegative(spec, 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'),
    ...oneOfAt(spec, 'completionMode', ['NonIndexed', 'Indexed']),
    ...managedByErrors(spec),
    ...indexErrors(spec),
    ...failurePolicyErrors(spec),
    ...successPolicyErrors(spec),
    ...replacementErrors(spec),
    ...validateTemplateSpec(spec.template?.spec, 'template.spec'),
    ...restartPolicyErrors(spec),
  ]);
}

function managedByErrors({ managedBy }: JobSpec): FieldError[] {
  if (managedBy === undefined) return [];
  const [host = '', ...rest] = managedBy.split('/');
  const isPath = rest.join('/') !== '' && dnsSubdomainError(host) === undefined;
  const errors = isPath
    ? []
    : [invalidValue('managedBy', managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  return managedBy.length > maxManagedByLength ? [...errors, tooLong('managedBy', maxManagedByLength)] : errors;
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#backoff-limit-per-index */
function indexErrors(spec: JobSpec): FieldError[] {
  const { completionMode, completions, parallelism = 1, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const errors: FieldError[] = [];
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined)
    errors.push(required('backoffLimitPerIndex', 'when maxFailedIndexes is specified'));
  if (completionMode !== 'Indexed') {
    for (const [field, value] of Object.entries({ backoffLimitPerIndex, maxFailedIndexes }))
      if (value !== undefined) errors.push(invalidValue(field, value, 'requires indexed completion mode'));
    return errors;
  }
  const atMost = (field: string, value: number | undefined, max: number, when = ''): void => {
    if ((value ?? 0) > max) errors.push(invalidValue(field, value, `must be less than or equal to ${max}${when}`));
  };
  if (completions === undefined) errors.push(required('completions', 'when completion mode is Indexed'));
  atMost('parallelism', parallelism, maxIndexes, ' when completion mode is Indexed');
  if ((maxFailedIndexes ?? 0) > (completions ?? Number.POSITIVE_INFINITY))
    errors.push(invalidValue('maxFailedIndexes', maxFailedIndexes, 'must be less than or equal to completions'));
  atMost('maxFailedIndexes', maxFailedIndexes, maxIndexes);
  if ((completions ?? 0) > maxIndexes && backoffLimitPerIndex !== undefined) {
    if (maxFailedIndexes === undefined)
      errors.push(required('maxFailedIndexes', `must be specified when completions is above ${maxIndexes}`));
    const when = ` when completions are above ${maxIndexes} and used with backoff limit per index`;
    atMost('parallelism', parallelism, maxIndexesOfMany, when);
    atMost('maxFailedIndexes', maxFailedIndexes, maxIndexesOfMany, when);
  }
  return errors;
}

/** Words as Go prints a list of them: `["In" "NotIn"]`. */
function validValues(words: readonly string[]): string {
  return `valid values: [${words.map((word) => JSON.stringify(word)).join(' ')}]`;
}

/** A word that must be there, and be one of these. */
function wordErrors(field: string, value: string | undefined, words: readonly string[]): FieldError[] {
  if (!value) return [required(field, validValues(words))];
  return words.includes(value) ? [] : [notSupported(field, value, words)];
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy */
function failurePolicyErrors(spec: JobSpec): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const errors = rules.flatMap((rule, index) => failureRuleErrors(spec, rule, `podFailurePolicy.rules[${index}]`));
  return rules.length > maxRules ? [tooMany('podFailurePolicy.rules', rules.length, maxRules), ...errors] : errors;
}

function failureRuleErrors(spec: JobSpec, rule: FailureRule, path: string): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const errors = wordErrors(`${path}.action`, action, failureActions);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
    errors.push(invalidValue(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  if (onExitCodes !== undefined) errors.push(...exitCodeErrors(spec, onExitCodes, `${path}.onExitCodes`));
  if (onPodConditions.length > maxConditionPatterns)
    errors.push(tooMany(`${path}.onPodConditions`, onPodConditions.length, maxConditionPatterns));
  onPodConditions.forEach(({ type, status }, index) => {
    const at = `${path}.onPodConditions[${index}]`;
    const problem = qualifiedNameError(type);
    if (problem !== undefined) errors.push(invalidValue(`${at}.type`, type, problem));
    errors.push(...wordErrors(`${at}.status`, status, conditionStatuses));
  });
  const wrong = (detail: string): FieldError => ({
    reason: 'FieldValueInvalid',
    field: path,
    message: `Invalid value: ${detail}`,
  });
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    errors.push(wrong('specifying both OnExitCodes and OnPodConditions is not supported'));
  if (onExitCodes === undefined && onPodConditions.length === 0)
    errors.push(wrong('specifying one of OnExitCodes and OnPodConditions is required'));
  return errors;
}

function exitCodeErrors(
  { template }: JobSpec,
  { operator, containerName, values = [] }: NonNullable<FailureRule['onExitCodes']>,
  path: string,
): FieldError[] {
  const errors = wordErrors(`${path}.operator`, operator, exitCodeOperators);
  const containers = [...(template.spec?.containers ?? []), ...(template.spec?.initContainers ?? [])];
  if (containerName !== undefined && !containers.some(({ name }) => name === containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalidValue(`${path}.containerName`, containerName, detail));
  }
  const at = `${path}.values`;
  if (values.length === 0) errors.push(invalidValue(at, values, 'at least one value is required'));
  else if (values.length > maxExitCodes) errors.push(tooMany(at, values.length, maxExitCodes));
  values.forEach((value, index) => {
    if (operator === 'In' && value === 0)
      errors.push(invalidValue(`${at}[${index}]`, value, 'must not be 0 for the In operator'));
    if (values.indexOf(value) < index) errors.push(duplicate(`${at}[${index}]`, value));
  });
  if (values.some((value, index) => index > 0 && (values[index - 1] ?? value) > value))
    errors.push(invalidValue(at, values, 'must be ordered'));
  return errors;
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy */
function successPolicyErrors(spec: JobSpec): FieldError[] {
  const { successPolicy, completionMode } = spec;
  if (successPolicy === undefined) return [];
  if (completionMode !== 'Indexed')
    return [invalidValue('successPolicy', successPolicy, 'requires indexed completion mode')];
  const { rules = [] } = successPolicy;
  const at = 'successPolicy.rules';
  const errors = rules.flatMap((rule, index) => successRuleErrors(spec, rule, `${at}[${index}]`));
  if (rules.length === 0)
    errors.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > maxRules) errors.push(tooMany(at, rules.length, maxRules));
  return errors;
}

function successRuleErrors(
  { completions = 0 }: JobSpec,
  { succeededIndexes, succeededCount }: SuccessRule,
  path: string,
): FieldError[] {
  if (succeededIndexes === undefined && succeededCount === undefined)
    return [required(path, 'at least one of succeededCount or succeededIndexes must be specified')];
  const errors: FieldError[] = [];
  const counted = countIndexes(succeededIndexes ?? '', completions);
  if ((succeededIndexes?.length ?? 0) > maxSucceededIndexesLength)
    errors.push(tooLong(`${path}.succeededIndexes`, maxSucceededIndexesLength));
  if ('problem' in counted) {
    const detail = `error parsing succeededIndexes: ${counted.problem}`;
    errors.push(invalidValue(`${path}.succeededIndexes`, succeededIndexes, detail));
  }
  if (succeededCount === undefined) return errors;
  const at = `${path}.succeededCount`;
  if (succeededCount < 0) errors.push(invalidValue(at, succeededCount, 'must be greater than or equal to 0'));
  const atMost = (max: number, what: string): void => {
    if (succeededCount > max)
      errors.push(invalidValue(at, succeededCount, `must be less than or equal to ${max} (the number of ${what})`));
  };
  atMost(completions, 'specified completions');
  if ('count' in counted && counted.count > 0) atMost(counted.count, 'indexes in the specified succeededIndexes field');
  return errors;
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-replacement-policy */
function replacementErrors({ podReplacementPolicy, podFailurePolicy }: JobSpec): FieldError[] {
  const words = podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  return oneOfAt({ podReplacementPolicy }, 'podReplacementPolicy', words);
}

function restartPolicyErrors({ template, podFailurePolicy, backoffLimitPerIndex }: JobSpec): FieldError[] {
  const at = 'template.spec.restartPolicy';
  const policy = template?.spec?.restartPolicy;
  if (policy === undefined || policy === 'Always')
    return [required(at, `valid values: ${restartPolicies.map((word) => JSON.stringify(word)).join(', ')}`)];
  if (!restartPolicies.includes(policy)) return [notSupported(at, policy, restartPolicies)];
  if (policy === 'Never') return [];
  return Object.entries({ podFailurePolicy, backoffLimitPerIndex }).flatMap(([field, value]) =>
    value === undefined ? [] : [invalidValue(at, policy, `only "Never" is supported when ${field} is specified`)],
  );
}

const fixedFields = [
  'selector',
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
].map((field) => `spec.${field}`);

/** What may not change of a job. */
export function jobUpdateErrors(object: KubeObject, old: KubeObject): FieldError[] {
  const [now, before] = [(object as Job).spec, (old as Job).spec];
  const errors = unchangedAt(object, old, ...fixedFields);
  // https://kubernetes.io/docs/concepts/workloads/controllers/job/#elastic-indexed-jobs
  if (now?.completionMode !== 'Indexed') errors.push(...unchangedAt(object, old, 'spec.completions'));
  else if (
    now.completions !== undefined &&
    now.completions !== before?.completions &&
    now.completions !== now.parallelism
  )
    errors.push(
      invalidValue('spec.completions', now.completions, 'can only be modified in tandem with spec.parallelism'),
    );
  // A job that is suspended and has not started may still be told where to run.
  const isOpen = before?.suspend === true && (old as Job).status?.startTime === undefined;
  const fixed = (spec: JobSpec | undefined): unknown => (isOpen ? withoutDirectives(spec?.template) : spec?.template);
  if (!jsonEqual(fixed(now), fixed(before)))
    errors.push(invalidValue('spec.template', now?.template, immutableMessage));
  return errors;
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#mutable-scheduling-directives */
function withoutDirectives(template: JobSpec['template'] | undefined): JsonObject {
  const { labels: _labels, annotations: _annotations, ...metadata } = template?.metadata ?? {};
  const {
    nodeSelector: _selector,
    tolerations: _tolerations,
    schedulingGates: _gates,
    affinity,
    ...spec
  } = {
    ...template?.spec,
  };
  const { nodeAffinity: _node, ...others } = { ...affinity };
  return { metadata, spec, affinity: others };
}
