// A HorizontalPodAutoscaler by what real containers use: a busy pod gets
// company, and the status tells how busy they are.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HorizontalPodAutoscaler } from '../../api/meta/kubernetes.ts';
import { TestCluster } from '../support/cluster.ts';
import { shell } from '../support/pods.ts';

/** Several rounds of the autoscaler, which are 15 s apart. */
const scaleTimeoutMs = 90_000;

describe('an autoscaler', { timeout: 150_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start();
    await cluster.addAgent({ name: 'busy' });
  });
  after(async () => {
    const errors = cluster?.hub.errors();
    await cluster?.stop();
    assert.deepEqual(errors, []);
  });

  it('makes more pods while they are busy', async () => {
    const labels = { app: 'loop' };
    const limited = { requests: { cpu: '20m' }, limits: { cpu: '100m' } };
    const containers = [shell('main', 'while true; do :; done', { resources: limited })];
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'loop' };
    const target = { type: 'Utilization', averageUtilization: 50 };
    await cluster.kubectl.apply([
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'loop' },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers } },
        },
      },
      {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'loop' },
        spec: { scaleTargetRef, maxReplicas: 3, metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }] },
      },
    ]);
    const scaled = await cluster.until(
      'there are three',
      async () => {
        const found = await cluster.kubectl.json<HorizontalPodAutoscaler>(['get', 'hpa', 'loop']);
        return found.status?.currentReplicas === 3 ? found : undefined;
      },
      scaleTimeoutMs,
    );
    const current = scaled.status?.currentMetrics?.[0]?.resource?.current;
    assert.ok((current?.averageUtilization ?? 0) > 50, JSON.stringify(scaled.status));
    assert.match(
      await cluster.kubectl.ok(['describe', 'hpa', 'loop']),
      /New size: 3; reason: cpu resource utilization/,
    );
    assert.match(await cluster.kubectl.ok(['get', 'hpa', 'loop']), /Deployment\/loop +cpu: \d+%\/50% +1 +3 +3/);
  });
});
