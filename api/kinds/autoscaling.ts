// HorizontalPodAutoscaler: autoscaling/v2 is stored, autoscaling/v1 is another
// form of the same objects. What v1 has no field for travels in annotations.
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
import type { HorizontalPodAutoscaler } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { JsonObject, KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue } from '../meta/status.ts';
import { DecodeError, decodeType } from '../schema/decode.ts';
import { autoscalerErrors } from './autoscaling-validation.ts';
import { ageColumn, integerAt, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';

type Metric = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['metrics']>[number];
type MetricStatus = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];
const asAutoscaler = (object: KubeObject): HorizontalPodAutoscaler => object as HorizontalPodAutoscaler;

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior';
/** Target that an autoscaler without metrics gets, percent of the pods' CPU requests. */
const defaultCpuPercent = 80;

function isCpuPercent(metric: Metric): boolean {
  const { name, target } = metric.resource ?? {};
  return metric.type === 'Resource' && name === 'cpu' && target?.type === 'Utilization';
}

function cpuMetric(percent: number): Metric {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } };
}

const validate = (object: KubeObject): FieldError[] => autoscalerErrors(asAutoscaler(object));

/** What rules of how fast to scale have when some of them are given. */
function defaultBehavior(behavior: NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['behavior']>): void {
  const periodSeconds = 15;
  const double = { type: 'Percent', value: 100, periodSeconds };
  behavior.scaleUp ??= {};
  behavior.scaleDown ??= {};
  const fourMore = { type: 'Pods', value: 4, periodSeconds };
  setDefaults(behavior.scaleUp, { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [fourMore, double] });
  setDefaults(behavior.scaleDown, { selectPolicy: 'Max', policies: [double] });
}

function targetText(metric: Metric, current: MetricStatus | undefined): string {
  const source = metric.type === 'ContainerResource' ? metric.containerResource : metric.resource;
  const name = source?.name ?? metric.type.toLowerCase();
  const target = (source ?? metric.pods ?? metric.object ?? metric.external)?.target;
  const now = (current?.resource ?? current?.containerResource ?? current?.pods ?? current?.object ?? current?.external)
    ?.current;
  if (target?.averageUtilization !== undefined)
    return `${name}: ${now?.averageUtilization === undefined ? '<unknown>' : `${now.averageUtilization}%`}/${target.averageUtilization}%`;
  const wanted = target?.averageValue ?? target?.value ?? '<auto>';
  return `${name}: ${now?.averageValue ?? now?.value ?? '<unknown>'}/${wanted}`;
}

function targetsText(object: KubeObject): string {
  const { spec, status } = asAutoscaler(object);
  const metrics = (spec?.metrics ?? []).map((metric, index) => targetText(metric, status?.currentMetrics?.[index]));
  if (metrics.length === 0) return '<none>';
  return metrics.slice(0, 2).join(', ') + (metrics.length > 2 ? ` + ${metrics.length - 2} more...` : '');
}

const columns: Kind['columns'] = [
  textColumn('Reference', 'What it scales.', (object) => {
    const { kind, name } = asAutoscaler(object).spec?.scaleTargetRef ?? { kind: '', name: '' };
    return `${kind}/${name}`;
  }),
  textColumn('Targets', 'Metrics and what they should be.', targetsText),
  textColumn('MinPods', 'Least pods.', (object) => String(asAutoscaler(object).spec?.minReplicas ?? '<unset>')),
  integerAt('MaxPods', 'spec.maxReplicas', 'Most pods.'),
  integerAt('Replicas', 'status.currentReplicas', 'Pods that there are.'),
  ageColumn,
];

const common = {
  group: 'autoscaling',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
};

export const autoscalerKind: Kind = defineKind({
  ...common,
  version: 'v2',
  typeId: 'autoscaling.v2.HorizontalPodAutoscaler',
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { minReplicas: 1 });
    if (((spec.metrics as unknown[] | undefined) ?? []).length === 0) spec.metrics = [cpuMetric(defaultCpuPercent)];
    const { behavior } = asAutoscaler(object).spec ?? {};
    if (behavior !== undefined) defaultBehavior(behavior);
  },
  prepareCreate: (object) => {
    object.status = { desiredReplicas: 0, currentMetrics: null };
  },
  validate,
  columns,
});

/** autoscaling/v1 to v2. */
function toStored(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: percent, ...spec } = specOf(object);
  const { currentCPUUtilizationPercentage: current, ...status } = (object.status ?? {}) as JsonObject;
  const {
    [metricsAnnotation]: others,
    [behaviorAnnotation]: behavior,
    ...annotations
  } = object.metadata.annotations ?? {};
  const metrics = [
    ...(typeof percent === 'number' ? [cpuMetric(percent)] : []),
    ...(others === undefined ? [] : (JSON.parse(others) as Metric[])),
  ];
  const metadata = { ...object.metadata, annotations };
  if (Object.keys(annotations).length === 0) delete (metadata as { annotations?: object }).annotations;
  const currentMetrics =
    typeof current === 'number'
      ? [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }]
      : null;
  return {
    ...object,
    metadata,
    spec: {
      ...spec,
      ...(metrics.length === 0 ? {} : { metrics }),
      ...(behavior === undefined ? {} : { behavior: JSON.parse(behavior) as unknown }),
    },
    ...(object.status === undefined ? {} : { status: { ...status, currentMetrics } }),
  };
}

/** autoscaling/v2 to v1. */
function fromStored(object: KubeObject): KubeObject {
  const { metrics, behavior, ...spec } = specOf(object) as JsonObject & { metrics?: Metric[] };
  const {
    currentMetrics,
    conditions: _conditions,
    ...status
  } = (object.status ?? {}) as JsonObject & {
    currentMetrics?: MetricStatus[] | null;
  };
  const cpu = metrics?.find(isCpuPercent)?.resource?.target.averageUtilization;
  const others = (metrics ?? []).filter((metric) => !isCpuPercent(metric));
  const current = (currentMetrics ?? []).find(({ resource }) => resource?.name === 'cpu')?.resource?.current;
  const annotations = {
    ...object.metadata.annotations,
    ...(others.length === 0 ? {} : { [metricsAnnotation]: JSON.stringify(others) }),
    ...(behavior === undefined ? {} : { [behaviorAnnotation]: JSON.stringify(behavior) }),
  };
  return {
    ...object,
    metadata: { ...object.metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: { ...spec, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
    status: {
      ...status,
      ...(current?.averageUtilization === undefined
        ? {}
        : { currentCPUUtilizationPercentage: current.averageUtilization }),
    },
  };
}

/** Metrics and behavior in annotations that a client wrote are checked before they are read. */
function annotationErrors(object: KubeObject): FieldError[] {
  return [metricsAnnotation, behaviorAnnotation].flatMap((name) => {
    const text = object.metadata.annotations?.[name];
    if (text === undefined) return [];
    const wrong = (detail: string): FieldError[] => [invalidValue(`metadata.annotations[${name}]`, text, detail)];
    try {
      const value: unknown = JSON.parse(text);
      if (name === behaviorAnnotation) decodeType(value, 'autoscaling.v2.HorizontalPodAutoscalerBehavior');
      else if (!Array.isArray(value)) return wrong('must be JSON');
      else for (const metric of value) decodeType(metric, 'autoscaling.v2.MetricSpec');
      return [];
    } catch (error) {
      return wrong(error instanceof DecodeError ? error.message : 'must be JSON');
    }
  });
}

function validateV1(object: KubeObject): FieldError[] {
  const errors = annotationErrors(object);
  return errors.length > 0 ? errors : validate(toStored(object));
}

export const autoscalerV1Kind: Kind = defineKind({
  ...common,
  version: 'v1',
  typeId: 'autoscaling.v1.HorizontalPodAutoscaler',
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { minReplicas: 1 });
    if (object.metadata.annotations?.[metricsAnnotation] === undefined)
      setDefaults(spec, { targetCPUUtilizationPercentage: defaultCpuPercent });
  },
  prepareCreate: (object) => {
    object.status = { currentReplicas: 0, desiredReplicas: 0 };
  },
  validate: validateV1,
  columns: columns.map((column) => ({
    ...column,
    value: (object: KubeObject, nowMs: number) =>
      column.value(column.name === 'Targets' ? toStored(object) : object, nowMs),
  })),
  storage: { kind: () => autoscalerKind, toStored, fromStored },
});
