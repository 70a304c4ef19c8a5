// HorizontalPodAutoscaler: several metrics, windows, policies, bounds, and
// what the conditions say.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HorizontalPodAutoscaler, Pod } from '../../../api/meta/kubernetes.ts';
import { emptyHistory, type History } from './behavior.ts';
import type { Usage } from './metrics.ts';
import { type Observed, type Plan, planAutoscaler } from './plan.ts';

const nowMs = Date.parse('2024-05-01T12:00:00Z');
const atMs = 10_000_000;

const cpu = (averageUtilization: number): object => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});
const memory = {
  type: 'Resource',
  resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Mi' } },
};
const requests = {
  type: 'Pods',
  pods: { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '1' } },
};

function autoscaler(spec: object = {}): HorizontalPodAutoscaler {
  return {
    metadata: { name: 'h', namespace: 'ns', generation: 3 },
    spec: { minReplicas: 1, maxReplicas: 100, metrics: [cpu(50)], ...spec },
  } as unknown as HorizontalPodAutoscaler;
}

/** As many pods as replicas are asked for, each using so many percent of the CPU it has requested. */
function observed(replicas: number, percent: number, more: Partial<Observed> = {}): Observed {
  const names = Array.from({ length: replicas }, (_, index) => `p${index}`);
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2024-05-01T00:00:00Z' }];
  const pods = names.map((name) => ({
    metadata: { name },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }] },
    status: { phase: 'Running', startTime: '2024-05-01T00:00:00Z', conditions },
  })) as unknown as Pod[];
  const usage = (): Usage => ({ atMs: nowMs, windowMs: 15_000, containers: new Map([['main', { cpu: percent }]]) });
  const usages = new Map(names.map((name) => [name, usage()]));
  return {
    replicas,
    hasSelector: true,
    pods,
    usages,
    history: emptyHistory,
    nowMs,
    atMs,
    ...more,
  };
}

const asked = (entries: [secondsAgo: number, replicas: number][]): History => ({
  changes: [],
  recommendations: entries.map(([seconds, replicas]) => ({ atMs: atMs - seconds * 1000, replicas })),
});
const changed = (entries: [secondsAgo: number, difference: number][]): History => ({
  recommendations: [{ atMs, replicas: 0 }],
  changes: entries.map(([seconds, difference]) => ({ atMs: atMs - seconds * 1000, difference })),
});

/** `AbleToScale=True/ReadyForNewScale` ... */
const conditionsOf = ({ status }: Plan): string[] =>
  (status.conditions ?? []).map(({ type, status: value, reason }) => `${type}=${value}/${reason}`);

describe('the size', () => {
  const far = asked([[1, 0]]);
  const noWindow = { scaleDown: { stabilizationWindowSeconds: 0 } };
  const policies = (up: object, down: object): object => ({
    behavior: { scaleUp: up, scaleDown: { stabilizationWindowSeconds: 0, ...down } },
  });
  const pods = (value: number, periodSeconds = 60): object => ({ type: 'Pods', value, periodSeconds });
  const percent = (value: number, periodSeconds = 60): object => ({ type: 'Percent', value, periodSeconds });
  const cases: [title: string, spec: object, Observed, size: number | undefined, reason: string][] = [
    [
      'what the metric asks for',
      {},
      observed(10, 75),
      15,
      'cpu resource utilization (percentage of request) above target',
    ],
    ['none when it is right', {}, observed(10, 50), undefined, ''],
    [
      'no more than the maximum',
      { maxReplicas: 12 },
      observed(10, 75),
      12,
      'cpu resource utilization (percentage of request) above target',
    ],
    [
      'no less than the minimum',
      { minReplicas: 4, behavior: noWindow },
      observed(10, 10, { history: far }),
      4,
      'All metrics below target',
    ],
    [
      'above the maximum, whatever is used',
      { maxReplicas: 5 },
      observed(10, 500),
      5,
      'Current number of replicas above Spec.MaxReplicas',
    ],
    [
      'below the minimum, whatever is used',
      { minReplicas: 5 },
      observed(2, 1),
      5,
      'Current number of replicas below Spec.MinReplicas',
    ],
    ['none where it is switched off', {}, observed(0, 0), undefined, ''],
    [
      'twice as many in 15 s',
      {},
      observed(10, 500),
      20,
      'cpu resource utilization (percentage of request) above target',
    ],
    ['or four more', {}, observed(1, 5000), 5, 'cpu resource utilization (percentage of request) above target'],
    ['not at once fewer', {}, observed(10, 25, { history: asked([[200, 9]]) }), 9, 'All metrics below target'],
    ['nor when it has just begun to look', {}, observed(10, 25), undefined, ''],
    ['but after five minutes', {}, observed(10, 25, { history: asked([[301, 9]]) }), 5, 'All metrics below target'],
    [
      'a window for more',
      { behavior: { scaleUp: { stabilizationWindowSeconds: 60 } } },
      observed(10, 75, { history: asked([[30, 11]]) }),
      11,
      'cpu resource utilization (percentage of request) above target',
    ],
    [
      'pods in a period',
      policies({ policies: [pods(2)] }, {}),
      observed(10, 75),
      12,
      'cpu resource utilization (percentage of request) above target',
    ],
    [
      'some of them used',
      policies({ policies: [pods(2)] }, {}),
      observed(10, 75, { history: changed([[59, 1]]) }),
      11,
      'cpu resource utilization (percentage of request) above target',
    ],
    [
      'all of them used',
      policies({ policies: [pods(2)] }, {}),
      observed(10, 75, { history: changed([[59, 2]]) }),
      undefined,
      '',
    ],
    [
      'in a period before',
      policies({ policies: [pods(2)] }, {}),
      observed(10, 75, { history: changed([[61, 2]]) }),
      12,
      'cpu resource utilization (percentage of request) above target',
    ],
    [
      'the largest of several',
      policies({ policies: [pods(2), percent(40)] }, {}),
      observed(10, 75),
      14,
      'cpu resource utilization (percentage of request) above target',
    ],
    [
      'the smallest when so asked',
      policies({ policies: [pods(2), percent(40)], selectPolicy: 'Min' }, {}),
      observed(10, 75),
      12,
      'cpu resource utilization (percentage of request) above target',
    ],
    ['none when it is disabled', policies({ selectPolicy: 'Disabled' }, {}), observed(10, 75), undefined, ''],
    [
      'fewer by pods',
      policies({}, { policies: [pods(1)] }),
      observed(10, 25, { history: far }),
      9,
      'All metrics below target',
    ],
    [
      'fewer by percent',
      policies({}, { policies: [percent(10), pods(1)], selectPolicy: 'Min' }),
      observed(20, 25, { history: far }),
      19,
      'All metrics below target',
    ],
    [
      'fewer by the largest',
      policies({}, { policies: [percent(10), pods(1)] }),
      observed(20, 25, { history: far }),
      18,
      'All metrics below target',
    ],
    ['a tolerance of its own', { behavior: { scaleUp: { tolerance: '500m' } } }, observed(10, 74), undefined, ''],
  ];
  for (const [title, spec, world, size, reason] of cases) {
    it(title, () => {
      const { rescale } = planAutoscaler(autoscaler(spec), world);
      assert.deepEqual(rescale, size === undefined ? undefined : { replicas: size, reason });
    });
  }
});

describe('several metrics', () => {
  it('the one that asks for most', () => {
    const { rescale, status } = planAutoscaler(autoscaler({ metrics: [cpu(90), cpu(50)] }), observed(10, 75));
    assert.equal(rescale?.replicas, 15);
    assert.equal(status.currentMetrics?.length, 2);
  });
  it('one that can’t be told does not keep from growing', () => {
    const plan = planAutoscaler(autoscaler({ metrics: [requests, cpu(50)] }), observed(10, 75));
    assert.equal(plan.rescale?.replicas, 15);
    assert.deepEqual(
      plan.warnings.map(({ reason }) => reason),
      ['FailedGetPodsMetric'],
    );
    assert.deepEqual(
      plan.status.currentMetrics?.map(({ type }) => type),
      ['', 'Resource'],
    );
  });
  it('but from shrinking', () => {
    const plan = planAutoscaler(
      autoscaler({ metrics: [memory, cpu(50)] }),
      observed(10, 25, { history: asked([[301, 9]]) }),
    );
    assert.equal(plan.rescale, undefined);
    assert.deepEqual(conditionsOf(plan), [
      'AbleToScale=True/SucceededGetScale',
      'ScalingActive=False/FailedGetResourceMetric',
    ]);
    assert.match(
      plan.warnings.at(-1)?.message ?? '',
      /^invalid metrics \(1 invalid out of 2\), first error is: failed to get memory usage: /,
    );
  });
});

describe('the status', () => {
  const reasons = (spec: object, world: Observed): string[] => conditionsOf(planAutoscaler(autoscaler(spec), world));
  const active = 'ScalingActive=True/ValidMetricFound';
  it('says that all is well', () => {
    const { status } = planAutoscaler(autoscaler(), observed(10, 50));
    assert.deepEqual(conditionsOf({ status } as Plan), [
      'AbleToScale=True/ReadyForNewScale',
      active,
      'ScalingLimited=False/DesiredWithinRange',
    ]);
    const { observedGeneration, currentReplicas, desiredReplicas, currentMetrics } = status;
    assert.deepEqual(
      { observedGeneration, currentReplicas, desiredReplicas, currentMetrics },
      {
        observedGeneration: 3,
        currentReplicas: 10,
        desiredReplicas: 10,
        currentMetrics: [
          { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 50, averageValue: '50m' } } },
        ],
      },
    );
  });
  it('says what limits it', () => {
    assert.equal(reasons({ maxReplicas: 12 }, observed(10, 75))[2], 'ScalingLimited=True/TooManyReplicas');
    assert.equal(reasons({}, observed(10, 500))[2], 'ScalingLimited=True/ScaleUpLimit');
    const idle = observed(4, 1, { history: asked([[301, 9]]) });
    assert.equal(reasons({ minReplicas: 2 }, idle)[2], 'ScalingLimited=True/TooFewReplicas');
    const slow = { behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } } };
    assert.equal(reasons(slow, idle)[2], 'ScalingLimited=True/ScaleDownLimit');
  });
  it('says what it waits for', () => {
    assert.equal(reasons({}, observed(10, 25))[0], 'AbleToScale=True/ScaleDownStabilized');
    const patient = { behavior: { scaleUp: { stabilizationWindowSeconds: 60 } } };
    assert.equal(
      reasons(patient, observed(10, 75, { history: asked([[30, 11]]) }))[0],
      'AbleToScale=True/ScaleUpStabilized',
    );
  });
  it('says why nothing can be told', () => {
    const plan = planAutoscaler(autoscaler({ metrics: [requests] }), observed(10, 75));
    assert.deepEqual(conditionsOf(plan), [
      'AbleToScale=True/SucceededGetScale',
      'ScalingActive=False/FailedGetPodsMetric',
    ]);
    assert.equal(
      plan.status.conditions?.[1]?.message,
      'the HPA was unable to compute the replica count: unable to get metric requests: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
    );
    assert.deepEqual(reasons({}, observed(0, 0))[1], 'ScalingActive=False/ScalingDisabled');
    assert.deepEqual(reasons({}, observed(3, 50, { hasSelector: false }))[1], 'ScalingActive=False/InvalidSelector');
  });
});
