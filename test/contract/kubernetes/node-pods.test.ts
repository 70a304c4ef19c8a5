// Pods as objects: generation, quality of service, sysctls, RuntimeClasses.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { checkOperations } from './support/operations.ts';

type Pod = KubeObject & {
  spec: { nodeName?: string; containers: { name: string }[] };
  status: { phase: string; qosClass?: string };
};

const runtimeVersion = 'node.k8s.io/v1';
const runtimeClasses = `/apis/${runtimeVersion}/runtimeclasses`;

conformance(
  '[sig-node] Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete [Conformance]',
  async (cluster) => {
    const path = cluster.path('pods/generated');
    await cluster.hub.addNode('generation', { generation: 'true' });
    const created = await cluster.create<Pod>(cluster.path('pods'), {
      metadata: { name: 'generated', generation: 100 },
      spec: { nodeSelector: { generation: 'true' }, containers: [{ name: 'c', image: 'busybox' }] },
    });
    assert.equal(created.metadata.generation, 1);
    const bound = await cluster.until<Pod>(path, 'is scheduled', ({ spec }) => spec.nodeName === 'generation');
    assert.equal(bound.metadata.generation, 1);
    // It runs, so that it has to end gracefully; no agent ends it.
    const running = await cluster.patch<Pod>(`${path}/status`, { status: { phase: 'Running' } });
    assert.equal(running.metadata.generation, 1);
    const { code, text } = await cluster.request('DELETE', `${path}?gracePeriodSeconds=60`);
    assert.equal(code, 200, text);
    const ending = await cluster.get<Pod>(path);
    assert.equal(ending.metadata.generation, 2);
    assert.equal(ending.metadata.deletionGracePeriodSeconds, 60);
    await cluster.delete(`${path}?gracePeriodSeconds=0`);
    await cluster.delete('/api/v1/nodes/generation');
  },
);

conformance(
  '[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu [Conformance]',
  async (cluster) => {
    const amounts = { cpu: '100m', memory: '100Mi' };
    await cluster.create(cluster.path('pods'), {
      metadata: { name: 'qos', labels: { name: 'qos' } },
      spec: { containers: [{ name: 'c', image: 'busybox', resources: { limits: amounts, requests: amounts } }] },
    });
    assert.equal((await cluster.get<Pod>(cluster.path('pods/qos'))).status.qosClass, 'Guaranteed');
  },
);

conformance(
  '[sig-node] Sysctls [LinuxOnly] [NodeConformance] should reject invalid sysctls [Conformance]',
  async (cluster) => {
    const sysctls = [
      { name: 'foo-', value: 'bar' },
      { name: 'kernel.shmmax', value: '100000000' },
      { name: 'safe-and-unsafe', value: '100000000' },
      { name: 'bar..', value: '42' },
    ];
    const body = {
      metadata: { name: 'sysctls' },
      spec: {
        containers: [{ name: 'c', image: 'busybox' }],
        restartPolicy: 'Never',
        securityContext: { sysctls },
      },
    };
    const { message } = await cluster.refused(422, 'Invalid', 'POST', cluster.path('pods'), { body });
    for (const wrong of ['foo-', 'bar..']) assert.ok(message.includes(`Invalid value: "${wrong}"`), message);
    for (const right of ['safe-and-unsafe', 'kernel.shmmax']) assert.ok(!message.includes(right), message);
  },
);

async function refusesPodOf(cluster: Cluster, runtimeClassName: string): Promise<void> {
  const body = {
    metadata: { generateName: 'runtime-' },
    spec: { runtimeClassName, containers: [{ name: 'c', image: 'busybox' }] },
  };
  await cluster.refused(403, 'Forbidden', 'POST', cluster.path('pods'), { body });
}

conformance(
  '[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance] [Conformance]',
  async (cluster) => {
    await cluster.create(runtimeClasses, { metadata: { name: 'delete-me' }, handler: 'runc' });
    await cluster.delete(`${runtimeClasses}/delete-me`);
    await cluster.gone(`${runtimeClasses}/delete-me`);
    await refusesPodOf(cluster, 'delete-me');
  },
);

conformance(
  '[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance] [Conformance]',
  async (cluster) => {
    await refusesPodOf(cluster, 'nonexistent');
  },
);

conformance('[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]', async (cluster) => {
  await checkOperations(cluster, {
    apiVersion: runtimeVersion,
    kind: 'RuntimeClass',
    resource: 'runtimeclasses',
    namespaced: false,
    names: ['class-1', 'class-2', 'class-3'],
    fields: { handler: 'some-handler' },
  });
});
