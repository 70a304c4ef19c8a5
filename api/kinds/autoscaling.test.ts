// HorizontalPodAutoscalers: defaults, and what is refused, in Kubernetes' words.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HorizontalPodAutoscaler } from '../meta/kubernetes.ts';
import { autoscalerKind, autoscalerV1Kind } from './autoscaling.ts';

type Part = Record<string, unknown>;

function autoscaler(spec: Part): HorizontalPodAutoscaler {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const object = { metadata: { name: 'h' }, spec: { scaleTargetRef, maxReplicas: 5, ...spec } };
  autoscalerKind.applyDefaults?.(object);
  return object as unknown as HorizontalPodAutoscaler;
}
const refused = (spec: Part): string[] =>
  (autoscalerKind.validate?.(autoscaler(spec)) ?? []).map(({ field, message }) => `${field}: ${message}`);

const cpu = (target: Part, more: Part = {}): Part => ({
  metrics: [{ type: 'Resource', resource: { name: 'cpu', target }, ...more }],
});
const half = { type: 'Utilization', averageUtilization: 50 };
const up = (scaleUp: Part): Part => ({ behavior: { scaleUp } });
const policy = (more: Part): Part => up({ policies: [{ type: 'Pods', value: 1, periodSeconds: 60, ...more }] });
const at = 'spec.metrics[0]';
const rules = 'spec.behavior.scaleUp';

describe('an autoscaler is refused', () => {
  const cases: [spec: Part, errors: string[]][] = [
    [{}, []],
    [{ maxReplicas: 0 }, ['spec.maxReplicas: Invalid value: 0: must be greater than 0']],
    [{ minReplicas: 6 }, ['spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`']],
    [{ minReplicas: 0 }, ['spec.minReplicas: Invalid value: 0: must be greater than or equal to 1']],
    [cpu(half), []],
    [
      cpu({ type: 'Utilization' }),
      [
        `${at}.resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization`,
      ],
    ],
    [
      cpu({ ...half, averageValue: '1' }),
      [`${at}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization`],
    ],
    [
      cpu({ type: 'Utilization', averageUtilization: 0 }),
      [`${at}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`],
    ],
    [
      cpu({ type: 'AverageValue', averageValue: '0' }),
      [`${at}.resource.target.averageValue: Invalid value: "0": must be positive`],
    ],
    [
      cpu({ ...half, type: 'Some' }),
      [`${at}.resource.target.type: Invalid value: "Some": must be either Utilization, Value, or AverageValue`],
    ],
    [cpu(half, { type: '' }), [`${at}.type: Required value: must specify a metric source type`]],
    [
      cpu(half, { type: 'Moon' }),
      [
        `${at}.type: Unsupported value: "Moon": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"`,
      ],
    ],
    [
      cpu(half, { type: 'Pods' }),
      [
        `${at}.pods: Required value: must populate information for the given metric source`,
        `${at}.resource: Forbidden: must populate the given metric source only`,
      ],
    ],
    [
      { metrics: [{ type: 'ContainerResource', containerResource: { name: 'cpu', container: '', target: half } }] },
      [`${at}.containerResource.container: Required value: must specify a container`],
    ],
    [policy({}), []],
    [policy({ value: 0 }), [`${rules}.policies[0].value: Invalid value: 0: must be greater than zero`]],
    [
      policy({ periodSeconds: 1801 }),
      [`${rules}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800`],
    ],
    [
      policy({ type: 'Nodes' }),
      [`${rules}.policies[0].type: Unsupported value: "Nodes": supported values: "Percent", "Pods"`],
    ],
    [up({ policies: [] }), [`${rules}.policies: Required value: must specify at least one Policy`]],
    [
      up({ selectPolicy: 'Any' }),
      [`${rules}.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"`],
    ],
    [
      up({ stabilizationWindowSeconds: -1 }),
      [`${rules}.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero`],
    ],
    [
      up({ stabilizationWindowSeconds: 3601 }),
      [`${rules}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600`],
    ],
    [up({ tolerance: '-1' }), [`${rules}.tolerance: Invalid value: "-1": must be greater than or equal to 0`]],
  ];
  for (const [spec, errors] of cases)
    it(JSON.stringify(spec).slice(0, 120), () => assert.deepEqual(refused(spec), errors));
});

describe('an autoscaler gets', () => {
  it('80 % of the CPU, and at least one pod', () => {
    const { spec } = autoscaler({});
    assert.equal(spec?.minReplicas, 1);
    assert.deepEqual(spec?.metrics, [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ]);
    assert.equal(spec?.behavior, undefined);
  });
  it('what is left of a behavior', () => {
    const { spec } = autoscaler({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } });
    const double = { type: 'Percent', value: 100, periodSeconds: 15 };
    assert.deepEqual(spec?.behavior, {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, double],
      },
      scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Max', policies: [double] },
    });
  });
});

describe('annotations of autoscaling/v1', () => {
  const refusedV1 = (name: string, value: unknown): string[] => {
    const annotations = { [`autoscaling.alpha.kubernetes.io/${name}`]: JSON.stringify(value) };
    const spec = { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 5 };
    const errors = autoscalerV1Kind.validate?.({ metadata: { name: 'h', annotations }, spec }) ?? [];
    return errors.map(({ field }) => field);
  };
  it('may hold what autoscaling/v2 allows', () => {
    assert.deepEqual(refusedV1('metrics', cpu(half).metrics), []);
    assert.deepEqual(refusedV1('behavior', policy({}).behavior), []);
  });
  it('and nothing else', () => {
    for (const value of [1, 'a', {}, [null], [1], [{ type: 1 }], [{ resource: 5 }]])
      assert.deepEqual(refusedV1('metrics', value), ['metadata.annotations[autoscaling.alpha.kubernetes.io/metrics]']);
    for (const value of [1, null, [], { scaleUp: { policies: 5 } }])
      assert.deepEqual(refusedV1('behavior', value), [
        'metadata.annotations[autoscaling.alpha.kubernetes.io/behavior]',
      ]);
    assert.deepEqual(refusedV1('metrics', cpu({ type: 'Utilization' }).metrics), [
      'spec.metrics[0].resource.target.averageUtilization',
    ]);
    assert.deepEqual(refusedV1('behavior', policy({ value: 0 }).behavior), ['spec.behavior.scaleUp.policies[0].value']);
  });
});
