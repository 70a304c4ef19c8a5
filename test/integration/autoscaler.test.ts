// HorizontalPodAutoscalers with a real hub and no node: bounds are kept without
// metrics, and the conditions say what is missing. test/e2e/autoscaling.test.ts
// has real usage.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Deployment, HorizontalPodAutoscaler } from '../../api/meta/kubernetes.ts';
import { Api } from '../contract/kubernetes/support/api.ts';
import { untilAll } from '../contract/kubernetes/support/objects.ts';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const api = new Api(hub);
after(async () => {
  api.close();
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const autoscalers = api.pathIn('default', 'horizontalpodautoscalers', 'autoscaling/v2');
const deployments = api.pathIn('default', 'deployments', 'apps/v1');

async function deploy(name: string, replicas: number): Promise<void> {
  const labels = { app: name };
  const resources = { requests: { cpu: '100m' } };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'demo:1', resources }] } };
  await api.create(deployments, {
    metadata: { name },
    spec: { replicas, selector: { matchLabels: labels }, template },
  });
}

async function autoscale(name: string, spec: object): Promise<void> {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  await api.create(autoscalers, { metadata: { name }, spec: { scaleTargetRef, maxReplicas: 5, ...spec } });
}

/** Waits until a condition has a reason; resolves with its status and message, and the whole status. */
async function untilCondition(
  name: string,
  type: string,
  reason: string,
): Promise<[string, HorizontalPodAutoscaler['status']]> {
  const isIt = (one: { type: string; reason?: string }): boolean => one.type === type && one.reason === reason;
  const { status } = await api.until<HorizontalPodAutoscaler>(
    `${autoscalers}/${name}`,
    `is ${type} ${reason}`,
    (object) => object.status?.conditions?.some(isIt) === true,
  );
  const condition = status?.conditions?.find(isIt);
  return [`${condition?.status}: ${condition?.message}`, status];
}

async function untilEvent(name: string, reason: string): Promise<string> {
  const events = `${api.pathIn('default', 'events')}?fieldSelector=involvedObject.name%3D${name}`;
  const all = await untilAll(api, events, `has ${reason}`, (items) => items.some((event) => event.reason === reason));
  return String(all.find((event) => event.reason === reason)?.message);
}

describe('an autoscaler', { timeout: 90_000 }, () => {
  it('keeps its target within bounds', async () => {
    await deploy('many', 7);
    await autoscale('many', {});
    const [message, status] = await untilCondition('many', 'AbleToScale', 'SucceededRescale');
    assert.equal(message, 'True: the HPA controller was able to update the target scale to 5');
    assert.equal(status?.desiredReplicas, 5);
    assert.notEqual(status?.lastScaleTime, undefined);
    await api.until<Deployment>(`${deployments}/many`, 'has 5', ({ spec }) => spec?.replicas === 5);
    assert.equal(
      await untilEvent('many', 'SuccessfulRescale'),
      'New size: 5; reason: Current number of replicas above Spec.MaxReplicas',
    );
    await deploy('few', 1);
    await autoscale('few', { minReplicas: 3 });
    await api.until<Deployment>(`${deployments}/few`, 'has 3', ({ spec }) => spec?.replicas === 3);
    assert.equal(
      await untilEvent('few', 'SuccessfulRescale'),
      'New size: 3; reason: Current number of replicas below Spec.MinReplicas',
    );
  });

  it('says that there are no metrics', async () => {
    await deploy('silent', 2);
    await autoscale('silent', {});
    const why =
      'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API';
    const [message, status] = await untilCondition('silent', 'ScalingActive', 'FailedGetResourceMetric');
    assert.equal(message, `False: the HPA was unable to compute the replica count: ${why}`);
    assert.deepEqual([status?.currentReplicas, status?.desiredReplicas], [2, 2]);
    assert.equal(
      await untilEvent('silent', 'FailedComputeMetricsReplicas'),
      `invalid metrics (1 invalid out of 1), first error is: ${why}`,
    );
  });

  it('says which metrics it can’t have', async () => {
    await deploy('custom', 1);
    const metric = { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '10' } };
    await autoscale('custom', { metrics: [{ type: 'Pods', pods: metric }] });
    const [message] = await untilCondition('custom', 'ScalingActive', 'FailedGetPodsMetric');
    assert.match(message, /^False: .*no custom metrics API \(custom\.metrics\.k8s\.io\) registered$/);
  });

  it('says when its target is not there, or can’t be scaled', async () => {
    await autoscale('nothing', {});
    const start = "False: the HPA controller was unable to get the target's current scale: ";
    const [missing] = await untilCondition('nothing', 'AbleToScale', 'FailedGetScale');
    assert.equal(missing, `${start}deployments.apps "nothing" not found`);
    await autoscale('fixed', { scaleTargetRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'c' } });
    const [fixed] = await untilCondition('fixed', 'AbleToScale', 'FailedGetScale');
    assert.equal(fixed, `${start}no matches for kind "ConfigMap" in group ""`);
  });

  it('rests while its target is switched off', async () => {
    await deploy('off', 0);
    await autoscale('off', {});
    const [message] = await untilCondition('off', 'ScalingActive', 'ScalingDisabled');
    assert.equal(message, 'False: scaling is disabled since the replica count of the target is zero');
  });
});
