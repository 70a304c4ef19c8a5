// What Kubernetes refuses of a HorizontalPodAutoscaler, in its words.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
import type { HorizontalPodAutoscaler } from '../meta/kubernetes.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { type FieldError, forbiddenField, invalidValue, notSupported, required } from '../meta/status.ts';
import { requiredAt } from './validation.ts';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;
type Metric = NonNullable<Spec['metrics']>[number];
type MetricTarget = NonNullable<Metric['resource']>['target'];
type Rules = NonNullable<NonNullable<Spec['behavior']>['scaleUp']>;

/** The field of each type's source. */
const sources: Record<string, 'containerResource' | 'external' | 'object' | 'pods' | 'resource'> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};
const selectPolicies = ['Disabled', 'Max', 'Min'];
const policyTypes = ['Percent', 'Pods'];
const maxWindowSeconds = 3600;
const maxPeriodSeconds = 1800;

export function autoscalerErrors(autoscaler: HorizontalPodAutoscaler): FieldError[] {
  const { minReplicas = 1, maxReplicas = 0, metrics = [], behavior } = autoscaler.spec ?? {};
  const errors = requiredAt(autoscaler, 'spec.scaleTargetRef.kind', 'spec.scaleTargetRef.name');
  if (minReplicas < 1) errors.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  if (maxReplicas < 1) errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  else if (maxReplicas < minReplicas)
    errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  metrics.forEach((metric, index) => {
    errors.push(...metricErrors(metric, `spec.metrics[${index}]`));
  });
  if (behavior?.scaleUp !== undefined) errors.push(...rulesErrors(behavior.scaleUp, 'spec.behavior.scaleUp'));
  if (behavior?.scaleDown !== undefined) errors.push(...rulesErrors(behavior.scaleDown, 'spec.behavior.scaleDown'));
  return errors;
}

function metricErrors(metric: Metric, path: string): FieldError[] {
  if (!metric.type) return [required(`${path}.type`, 'must specify a metric source type')];
  const expected = sources[metric.type];
  if (expected === undefined) return [notSupported(`${path}.type`, metric.type, Object.keys(sources))];
  const errors: FieldError[] = [];
  if (metric[expected] === undefined)
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  for (const field of Object.values(sources))
    if (field !== expected && metric[field] !== undefined)
      errors.push(forbiddenField(`${path}.${field}`, 'must populate the given metric source only'));
  return [...errors, ...sourceErrors(metric, `${path}.${expected}`)];
}

function sourceErrors(metric: Metric, path: string): FieldError[] {
  const { resource, containerResource, pods, object, external } = metric;
  const source = containerResource ?? resource;
  if (metric.type === 'ContainerResource' || metric.type === 'Resource') {
    if (source === undefined) return [];
    const errors: FieldError[] = [];
    if (!source.name) errors.push(required(`${path}.name`, 'must specify a resource name'));
    if (containerResource !== undefined && !containerResource.container)
      errors.push(required(`${path}.container`, 'must specify a container'));
    return [...errors, ...targetErrors(source.target, `${path}.target`), ...resourceTargetErrors(source.target, path)];
  }
  const custom = pods ?? object ?? external;
  if (custom === undefined) return [];
  const named = custom.metric?.name ? [] : [required(`${path}.metric.name`, 'must specify a metric name')];
  return [...named, ...targetErrors(custom.target, `${path}.target`)];
}

function targetErrors(target: MetricTarget | undefined, path: string): FieldError[] {
  const { type, value, averageValue, averageUtilization } = target ?? ({} as Partial<MetricTarget>);
  const errors: FieldError[] = [];
  if (!type) errors.push(required(`${path}.type`, 'must specify a metric target type'));
  else if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    errors.push(invalidValue(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const [field, quantity] of Object.entries({ value, averageValue }))
    if (quantity !== undefined && (parseQuantity(quantity) ?? 0) <= 0)
      errors.push(invalidValue(`${path}.${field}`, quantity, 'must be positive'));
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalidValue(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  return errors;
}

/** Resources are measured either by value or in percent of what is requested. */
function resourceTargetErrors(target: MetricTarget | undefined, path: string): FieldError[] {
  const { averageUtilization, averageValue } = target ?? ({} as Partial<MetricTarget>);
  if (averageUtilization === undefined && averageValue === undefined) {
    const detail = 'must set either a target raw value or a target utilization';
    return [required(`${path}.target.averageUtilization`, detail)];
  }
  return averageUtilization !== undefined && averageValue !== undefined
    ? [forbiddenField(`${path}.target.averageValue`, 'may not set both a target raw value and a target utilization')]
    : [];
}

function rulesErrors(
  { stabilizationWindowSeconds, selectPolicy, policies = [], tolerance }: Rules,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const between = (field: string, value: number, isLow: boolean, least: string, max: number): void => {
    if (isLow) errors.push(invalidValue(field, value, `must be ${least}`));
    if (value > max) errors.push(invalidValue(field, value, `must be less than or equal to ${max}`));
  };
  const window = stabilizationWindowSeconds ?? 0;
  between(`${path}.stabilizationWindowSeconds`, window, window < 0, 'greater than or equal to zero', maxWindowSeconds);
  if (selectPolicy !== undefined && !selectPolicies.includes(selectPolicy))
    errors.push(notSupported(`${path}.selectPolicy`, selectPolicy, selectPolicies));
  if (policies.length === 0) errors.push(required(`${path}.policies`, 'must specify at least one Policy'));
  policies.forEach(({ type, value, periodSeconds }, index) => {
    const at = `${path}.policies[${index}]`;
    if (!policyTypes.includes(type)) errors.push(notSupported(`${at}.type`, type, policyTypes));
    between(`${at}.value`, value, value <= 0, 'greater than zero', Number.POSITIVE_INFINITY);
    between(`${at}.periodSeconds`, periodSeconds, periodSeconds <= 0, 'greater than zero', maxPeriodSeconds);
  });
  if (tolerance !== undefined && (parseQuantity(tolerance) ?? 0) < 0)
    errors.push(invalidValue(`${path}.tolerance`, tolerance, 'must be greater than or equal to 0'));
  return errors;
}
