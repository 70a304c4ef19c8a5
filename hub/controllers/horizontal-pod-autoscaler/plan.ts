// HorizontalPodAutoscaler: from the autoscaler, its target's scale, pods and
// their usage to a new number of replicas, and what the status says of it. Pure.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
import { setCondition } from '../../../api/meta/conditions.ts';
import type { Condition, HorizontalPodAutoscaler, Pod } from '../../../api/meta/kubernetes.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { type History, limit, recent, stabilize } from './behavior.ts';
import { type Measurement, measure, millisOf, type Target, type Tolerance, type Usage } from './metrics.ts';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;
type Metric = NonNullable<Spec['metrics']>[number];
export type AutoscalerStatus = NonNullable<HorizontalPodAutoscaler['status']>;
type MetricStatus = NonNullable<AutoscalerStatus['currentMetrics']>[number];

/** What is known of the target when it is looked at; `atMs` is monotonic. */
export type Observed = {
  /** Replicas that the target is asked for. */
  replicas: number;
  /** Whether the target says which pods are its own. */
  hasSelector: boolean;
  pods: readonly Pod[];
  usages: ReadonlyMap<string, Usage>;
  history: History;
  nowMs: number;
  atMs: number;
};

export type Plan = {
  status: AutoscalerStatus;
  /** The size that the target should get, when that is another. */
  rescale?: { replicas: number; reason: string };
  warnings: { reason: string; message: string }[];
  history: History;
};

/** Kubernetes' --horizontal-pod-autoscaler-tolerance. */
const defaultTolerance = 0.1;

type ConditionType = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';

/** The status with another condition. */
export function withCondition(
  status: AutoscalerStatus,
  type: ConditionType,
  isTrue: boolean,
  [reason, message]: readonly [reason: string, message: string],
  nowMs: number,
): AutoscalerStatus {
  const conditions = setCondition(
    status.conditions as Condition[] | undefined,
    { type, status: isTrue ? 'True' : 'False', reason, message },
    formatTime(nowMs),
  );
  return { ...status, conditions: conditions as unknown as AutoscalerStatus['conditions'] } as AutoscalerStatus;
}

/** What an autoscaler does next, given what its target is and uses. */
export function planAutoscaler(autoscaler: HorizontalPodAutoscaler, observed: Observed): Plan {
  const { minReplicas: min = 1, maxReplicas: max = 1 } = autoscaler.spec ?? {};
  const { replicas: current, nowMs, atMs } = observed;
  // What there is when the autoscaler is first seen counts as asked for: it does not shrink at once.
  const first = { atMs, replicas: current };
  const known = recent(observed.history, atMs);
  const history = known.recommendations.length === 0 ? { ...known, recommendations: [first] } : known;
  const status = withCondition(
    statusOf(autoscaler, current),
    'AbleToScale',
    true,
    ['SucceededGetScale', "the HPA controller was able to get the target's current scale"],
    nowMs,
  );
  if (current === 0 && min !== 0) {
    const disabled = ['ScalingDisabled', 'scaling is disabled since the replica count of the target is zero'] as const;
    const idle = withCondition({ ...status, desiredReplicas: 0 }, 'ScalingActive', false, disabled, nowMs);
    return { status: idle, warnings: [], history };
  }
  if (current > max)
    return {
      status,
      ...sized(current, max, 'Current number of replicas above Spec.MaxReplicas'),
      warnings: [],
      history,
    };
  if (current < min)
    return {
      status,
      ...sized(current, min, 'Current number of replicas below Spec.MinReplicas'),
      warnings: [],
      history,
    };
  return planByMetrics(autoscaler, { ...observed, history }, status);
}

function sized(current: number, replicas: number, reason: string): Pick<Plan, 'rescale'> {
  return replicas === current ? {} : { rescale: { replicas, reason } };
}

function statusOf({ metadata, status }: HorizontalPodAutoscaler, current: number): AutoscalerStatus {
  const { lastScaleTime, conditions } = status ?? {};
  return {
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
    currentReplicas: current,
    desiredReplicas: current,
    currentMetrics: status?.currentMetrics ?? null,
    ...(conditions === undefined ? {} : { conditions }),
  } as AutoscalerStatus;
}

function planByMetrics(autoscaler: HorizontalPodAutoscaler, observed: Observed, before: AutoscalerStatus): Plan {
  const { minReplicas: min = 1, maxReplicas: max = 1 } = autoscaler.spec ?? {};
  const { replicas: current, history, nowMs, atMs } = observed;
  if (!observed.hasSelector) return withoutSelector(before, observed);
  const results = (autoscaler.spec?.metrics ?? []).map((metric) => measureMetric(autoscaler, metric, observed));
  const currentMetrics = results.map((result) => ('problem' in result ? { type: '' } : result.status));
  const measured = { ...before, currentMetrics } as AutoscalerStatus;
  const decision = decide(results, current);
  const warnings = results.flatMap((result) =>
    'problem' in result ? [{ reason: result.reason, message: result.problem }] : [],
  );
  if ('problem' in decision) {
    const message = `the HPA was unable to compute the replica count: ${decision.problem}`;
    const status = withCondition(measured, 'ScalingActive', false, [decision.reason, message], nowMs);
    return {
      status,
      warnings: [...warnings, { reason: 'FailedComputeMetricsReplicas', message: decision.summary }],
      history,
    };
  }
  const found = `the HPA was able to successfully calculate a replica count from ${decision.name}`;
  let status = withCondition(measured, 'ScalingActive', true, ['ValidMetricFound', found], nowMs);
  const stable = stabilize(autoscaler, history, decision.replicas, current, atMs);
  status = withCondition(status, 'AbleToScale', true, [stable.reason, stable.message], nowMs);
  const limited = limit(autoscaler, history, stable.replicas, { current, min, max }, atMs);
  status = withCondition(status, 'ScalingLimited', limited.isLimited, [limited.reason, limited.message], nowMs);
  const reason = decision.replicas > current ? `${decision.name} above target` : 'All metrics below target';
  const recommendations = [...history.recommendations, { atMs, replicas: decision.replicas }];
  return {
    status: { ...status, desiredReplicas: limited.replicas },
    ...sized(current, limited.replicas, reason),
    warnings,
    history: { ...history, recommendations },
  };
}

function withoutSelector(before: AutoscalerStatus, { history, nowMs }: Observed): Plan {
  const why = ['InvalidSelector', "the HPA target's scale is missing a selector"] as const;
  const message = 'selector is required';
  return {
    status: withCondition(before, 'ScalingActive', false, why, nowMs),
    warnings: ['SelectorRequired', 'FailedComputeMetricsReplicas'].map((reason) => ({ reason, message })),
    history,
  };
}

type Result = { name: string; replicas: number; status: MetricStatus } | { reason: string; problem: string };
type Decision = { name: string; replicas: number } | { reason: string; problem: string; summary: string };

/** The metric that asks for most. When one can't be told, fewer pods are not made of the others' word. */
function decide(results: readonly Result[], current: number): Decision {
  const valid = results.flatMap((result) => ('problem' in result ? [] : [result]));
  const [invalid] = results.flatMap((result) => ('problem' in result ? [result] : []));
  const most = valid.reduce<{ name: string; replicas: number } | undefined>(
    (best, result) => (best === undefined || result.replicas > best.replicas ? result : best),
    undefined,
  );
  if (invalid !== undefined && (most === undefined || most.replicas < current)) {
    const count = results.length - valid.length;
    const summary = `invalid metrics (${count} invalid out of ${results.length}), first error is: ${invalid.problem}`;
    return { ...invalid, summary };
  }
  return most ?? { name: '', replicas: current };
}

function toleranceOf(behavior: Spec['behavior']): Tolerance {
  const of = (text: string | undefined): number => (text === undefined ? defaultTolerance : millisOf(text) / 1000);
  return { up: of(behavior?.scaleUp?.tolerance), down: of(behavior?.scaleDown?.tolerance) };
}

function measureMetric(autoscaler: HorizontalPodAutoscaler, metric: Metric, observed: Observed): Result {
  const source = metric.type === 'ContainerResource' ? metric.containerResource : metric.resource;
  if (!['Resource', 'ContainerResource'].includes(metric.type) || source === undefined)
    return unservedMetric(autoscaler, metric);
  const container = metric.containerResource?.container;
  const resource = source.name;
  const { averageUtilization: percent, averageValue } = source.target;
  const target: Target =
    percent === undefined
      ? { resource, container, averageMillis: millisOf(averageValue) }
      : { resource, container, percent };
  const tolerance = toleranceOf(autoscaler.spec?.behavior);
  const situation = { currentReplicas: observed.replicas, tolerance, nowMs: observed.nowMs };
  const result: Measurement = measure(observed.pods, observed.usages, target, situation);
  if ('problem' in result) return { reason: `FailedGet${metric.type}Metric`, problem: result.problem };
  const { replicas, current } = result;
  const name =
    percent === undefined ? `${resource} resource` : `${resource} resource utilization (percentage of request)`;
  const status =
    container === undefined
      ? { type: metric.type, resource: { name: resource, current } }
      : { type: metric.type, containerResource: { name: resource, container, current } };
  return { name, replicas, status: status as MetricStatus };
}

/** Metrics that come from an API which the hub does not have. */
function unservedMetric({ metadata }: HorizontalPodAutoscaler, { type, pods, object, external }: Metric): Result {
  const custom =
    'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';
  const outside =
    'unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered';
  switch (type) {
    case 'Pods':
      return { reason: 'FailedGetPodsMetric', problem: `unable to get metric ${pods?.metric.name}: ${custom}` };
    case 'Object': {
      const { kind, name } = object?.describedObject ?? {};
      const where = `${kind} on ${metadata.namespace} ${name}`;
      return {
        reason: 'FailedGetObjectMetric',
        problem: `unable to get metric ${object?.metric.name}: ${where}: ${custom}`,
      };
    }
    case 'External': {
      const where = `${metadata.namespace}/${external?.metric.name}`;
      return { reason: 'FailedGetExternalMetric', problem: `unable to get external metric ${where}: ${outside}` };
    }
    default:
      return { reason: 'InvalidMetricSourceType', problem: `unknown metric source type ${JSON.stringify(type)}` };
  }
}
