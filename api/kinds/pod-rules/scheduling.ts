// Where a pod may run: node selector, affinity, tolerations, spread, gates.
// https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
import type { PodSpec, Toleration } from '../../meta/kubernetes.ts';
import { type LabelSelector, labelValueError, qualifiedNameError, validateSelector } from '../../meta/labels.ts';
import { dnsLabelError } from '../../meta/names.ts';
import { duplicate, type FieldError, forbiddenField, invalidValue, notSupported, required } from '../../meta/status.ts';

type Affinity = NonNullable<PodSpec['affinity']>;
type NodeAffinity = NonNullable<Affinity['nodeAffinity']>;
type NodeTerm = NonNullable<NodeAffinity['preferredDuringSchedulingIgnoredDuringExecution']>[number]['preference'];
type Requirement = NonNullable<NodeTerm['matchExpressions']>[number];
type PodAffinity = NonNullable<Affinity['podAffinity']>;
type PodTerm = NonNullable<PodAffinity['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type Spread = NonNullable<PodSpec['topologySpreadConstraints']>[number];

const spreadActions = ['DoNotSchedule', 'ScheduleAnyway'];
const invalidOperator = 'not a valid selector operator';

function labelNameErrors(name: string, field: string): FieldError[] {
  const problem = qualifiedNameError(name);
  return problem === undefined ? [] : [invalidValue(field, name, problem)];
}

function weightErrors(weight: number, path: string): FieldError[] {
  return weight >= 1 && weight <= 100 ? [] : [invalidValue(`${path}.weight`, weight, 'must be in the range 1-100')];
}

function selectorErrors(selector: LabelSelector | undefined, path: string): FieldError[] {
  return selector === undefined ? [] : validateSelector(selector, path);
}

/** How many values an operator wants of a label. */
function valuesErrors({ operator, values = [] }: Requirement, path: string): FieldError[] {
  const at = `${path}.values`;
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0 ? [] : [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist': {
      const rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      return values.length === 0 ? [] : [forbiddenField(at, rule)];
    }
    case 'Gt':
    case 'Lt':
      return values.length === 1
        ? []
        : [required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      return [invalidValue(`${path}.operator`, operator, invalidOperator)];
  }
}

/** Of a node's fields only its name can be asked for. */
function nodeFieldErrors({ key, operator, values = [] }: Requirement, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn')
    errors.push(invalidValue(`${path}.operator`, operator, invalidOperator));
  else if (values.length !== 1) {
    const rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(`${path}.values`, rule));
  }
  if (key !== 'metadata.name') errors.push(invalidValue(`${path}.key`, key, 'not a valid field selector key'));
  return errors;
}

function nodeTermErrors({ matchExpressions = [], matchFields = [] }: NodeTerm, path: string): FieldError[] {
  return [
    ...matchExpressions.flatMap((requirement, index) => {
      const at = `${path}.matchExpressions[${index}]`;
      return [...valuesErrors(requirement, at), ...labelNameErrors(requirement.key ?? '', `${at}.key`)];
    }),
    ...matchFields.flatMap((requirement, index) => nodeFieldErrors(requirement, `${path}.matchFields[${index}]`)),
  ];
}

/** A NodeSelector: at least one term. */
export function nodeSelectorErrors(terms: readonly NodeTerm[] | undefined, path: string): FieldError[] {
  const at = `${path}.nodeSelectorTerms`;
  if ((terms ?? []).length === 0) return [required(at, 'must have at least one node selector term')];
  return (terms ?? []).flatMap((term, index) => nodeTermErrors(term, `${at}[${index}]`));
}

function nodeAffinityErrors(affinity: NodeAffinity, path: string): FieldError[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: needed } = affinity;
  const { preferredDuringSchedulingIgnoredDuringExecution: wanted = [] } = affinity;
  const errors =
    needed === undefined
      ? []
      : nodeSelectorErrors(needed.nodeSelectorTerms, `${path}.requiredDuringSchedulingIgnoredDuringExecution`);
  wanted.forEach(({ weight, preference }, index) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    errors.push(...weightErrors(weight, at), ...nodeTermErrors(preference ?? {}, `${at}.preference`));
  });
  return errors;
}

function topologyKeyErrors(key: string | undefined, path: string): FieldError[] {
  const at = `${path}.topologyKey`;
  return key ? labelNameErrors(key, at) : [required(at, 'can not be empty')];
}

function podTermErrors(term: PodTerm, path: string): FieldError[] {
  const errors = selectorErrors(term.labelSelector as LabelSelector | undefined, `${path}.labelSelector`);
  errors.push(...selectorErrors(term.namespaceSelector as LabelSelector | undefined, `${path}.namespaceSelector`));
  for (const name of term.namespaces ?? []) {
    const problem = dnsLabelError(name);
    if (problem !== undefined) errors.push(invalidValue(`${path}.namespace`, name, problem));
  }
  return [...errors, ...topologyKeyErrors(term.topologyKey, path)];
}

function podAffinityErrors(affinity: PodAffinity, path: string): FieldError[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: needed = [] } = affinity;
  const { preferredDuringSchedulingIgnoredDuringExecution: wanted = [] } = affinity;
  return [
    ...needed.flatMap((term, index) =>
      podTermErrors(term, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`),
    ),
    ...wanted.flatMap(({ weight, podAffinityTerm }, index) => {
      const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      return [...weightErrors(weight, at), ...podTermErrors(podAffinityTerm, `${at}.podAffinityTerm`)];
    }),
  ];
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
function tolerationErrors(toleration: Toleration, path: string): FieldError[] {
  const { key = '', operator = 'Equal', value = '', effect = '', tolerationSeconds } = toleration;
  const errors = key === '' ? [] : labelNameErrors(key, `${path}.key`);
  if (key === '' && operator !== 'Exists') {
    const rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalidValue(`${path}.operator`, toleration.operator ?? '', rule));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const rule = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(invalidValue(`${path}.effect`, effect, rule));
  }
  const problem = labelValueError(value);
  if (operator === 'Exists' && value !== '')
    errors.push(invalidValue(`${path}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
  else if (operator !== 'Exists' && problem !== undefined)
    errors.push(invalidValue(`${path}.operator`, value, problem));
  return errors;
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/ */
function spreadErrors(constraints: readonly Spread[], path: string): FieldError[] {
  const known = new Set<string>();
  return constraints.flatMap((constraint, index) => {
    const at = `${path}[${index}]`;
    const { maxSkew = 0, topologyKey, whenUnsatisfiable: action, minDomains } = constraint;
    const errors = maxSkew > 0 ? [] : [invalidValue(`${at}.maxSkew`, maxSkew, 'must be greater than zero')];
    errors.push(...topologyKeyErrors(topologyKey, at));
    if (!spreadActions.includes(action)) errors.push(notSupported(`${at}.whenUnsatisfiable`, action, spreadActions));
    const pair = `{${topologyKey}, ${action}}`;
    if (known.has(pair)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    known.add(pair);
    if (minDomains !== undefined && minDomains <= 0)
      errors.push(invalidValue(`${at}.minDomains`, minDomains, 'must be greater than zero'));
    if (minDomains !== undefined && action !== 'DoNotSchedule') {
      const rule = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`;
      errors.push(invalidValue(`${at}.minDomains`, minDomains, rule));
    }
    errors.push(...selectorErrors(constraint.labelSelector as LabelSelector | undefined, `${at}.labelSelector`));
    return errors;
  });
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/ */
function gateErrors({ schedulingGates = [], nodeName }: PodSpec, path: string): FieldError[] {
  const names = new Set<string>();
  const errors = schedulingGates.flatMap(({ name }, index) => {
    const at = `${path}.schedulingGates[${index}]`;
    const isDouble = names.has(name);
    names.add(name);
    return isDouble ? [duplicate(at, name)] : labelNameErrors(name ?? '', at);
  });
  if (schedulingGates.length > 0 && nodeName)
    errors.push(forbiddenField(`${path}.nodeName`, 'cannot be set until all schedulingGates have been cleared'));
  return errors;
}

/** All that says where a pod may run. */
export function schedulingErrors(spec: PodSpec, path: string): FieldError[] {
  const { nodeSelector = {}, affinity = {}, tolerations = [], topologySpreadConstraints = [] } = spec;
  const errors = Object.entries(nodeSelector).flatMap(([key, value]) => {
    const problem = labelValueError(value);
    const at = `${path}.nodeSelector`;
    return [...labelNameErrors(key, at), ...(problem === undefined ? [] : [invalidValue(at, value, problem)])];
  });
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity !== undefined) errors.push(...nodeAffinityErrors(nodeAffinity, `${path}.affinity.nodeAffinity`));
  if (podAffinity !== undefined) errors.push(...podAffinityErrors(podAffinity, `${path}.affinity.podAffinity`));
  if (podAntiAffinity !== undefined)
    errors.push(...podAffinityErrors(podAntiAffinity, `${path}.affinity.podAntiAffinity`));
  tolerations.forEach((toleration, index) => {
    errors.push(...tolerationErrors(toleration, `${path}.tolerations[${index}]`));
  });
  errors.push(...spreadErrors(topologySpreadConstraints, `${path}.topologySpreadConstraints`));
  return [...errors, ...gateErrors(spec, path)];
}
