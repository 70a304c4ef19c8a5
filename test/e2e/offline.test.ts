// The promise of Skerry, with real parts: two nodes behind real links, one cut.
// It keeps its pods, comes back from a power cut without the hub, and when the
// link returns (after a power cut of the hub, too) converges without touching
// what was right.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Link, type TestAgent } from '../support/agent.ts';
import { type Pod, readyOf, TestCluster } from '../support/cluster.ts';
import { environmentOf, executeIn, images } from '../support/engine.ts';

const password = 'seal and salt';

const template = (app: string, image: string, more: object = {}): object => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image,
        command: ['sh', '-c', 'trap "exit 0" TERM; echo up; while :; do sleep 1; done'],
        env: [
          { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'ALL_' }],
        volumeMounts: [
          { name: 'settings', mountPath: '/etc/settings' },
          { name: 'keys', mountPath: '/etc/keys' },
          { name: 'scratch', mountPath: '/scratch' },
        ],
      },
    ],
    volumes: [
      { name: 'settings', configMap: { name: 'settings' } },
      { name: 'keys', secret: { secretName: 'keys' } },
      { name: 'scratch', emptyDir: {} },
    ],
    ...more,
  },
});

const workload = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, ...spec },
});

const pinned = (node: string): object =>
  workload('Deployment', `pinned-${node}`, {
    replicas: 2,
    template: template(`pinned-${node}`, images.one, { nodeSelector: { 'kubernetes.io/hostname': node } }),
  });

const settings = (color: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data: { color, 'app.conf': `tide=${color}\n` },
});

const keys = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { password } };

describe('a node that goes offline', { timeout: 240_000 }, () => {
  let cluster: TestCluster;
  let near: TestAgent;
  let far: TestAgent;
  /** Running containers by POD/CONTAINER, as they were before the cut. */
  let nearAtFirst: Map<string, string>;
  let farAtFirst: Map<string, string>;
  let farPods: Pod[];
  let deleted: string;
  /** Containers of the far node after its power cut. */
  let farAfterPowerCut: Map<string, string>;

  before(async () => {
    cluster = await TestCluster.start();
    near = await cluster.addAgent({ name: 'near', link: await Link.create() });
    far = await cluster.addAgent({ name: 'far', link: await Link.create() });
  });
  after(() => cluster?.stop());

  const podsOf = (node: string): Promise<Pod[]> => cluster.pods('--field-selector', `spec.nodeName=${node}`);
  const restarts = (pods: readonly Pod[]): Record<string, number> =>
    Object.fromEntries(
      pods.map((pod) => [pod.metadata.name, pod.status.containerStatuses?.[0]?.restartCount ?? -1] as const).sort(),
    );
  const idsOf = (containers: ReadonlyMap<string, string>, app: string): string[] =>
    [...containers].filter(([name]) => name.startsWith(`${app}-`)).map(([, id]) => id);

  async function assertContent(id: string, color: string, fileColor = color): Promise<void> {
    const environment = await environmentOf(id);
    assert.equal(environment.COLOR, color);
    assert.equal(environment.ALL_color, color);
    assert.equal(environment.NODE, 'far');
    assert.equal(await executeIn(id, ['cat', '/etc/settings/app.conf']), `tide=${fileColor}\n`);
    assert.equal(await executeIn(id, ['cat', '/etc/keys/password']), password);
  }

  it('runs the workloads of both nodes', async () => {
    await cluster.kubectl.apply([
      settings('blue'),
      keys,
      pinned('near'),
      pinned('far'),
      workload('Deployment', 'steady', { replicas: 2, template: template('steady', images.one) }),
      workload('DaemonSet', 'beacon', { template: template('beacon', images.one) }),
    ]);
    for (const name of ['deployment/pinned-near', 'deployment/pinned-far', 'deployment/steady', 'daemonset/beacon'])
      await cluster.kubectl.ok(['rollout', 'status', name, '--timeout=50s']);
    assert.deepEqual(await cluster.differences(near), []);
    assert.deepEqual(await cluster.differences(far), []);
    nearAtFirst = await near.running();
    farAtFirst = await far.running();
    farPods = await podsOf('far');
    assert.equal(idsOf(farAtFirst, 'pinned-far').length, 2);
    assert.equal(idsOf(nearAtFirst, 'pinned-near').length, 2);
    assert.equal(nearAtFirst.size + farAtFirst.size, 8);
    for (const id of farAtFirst.values()) {
      await assertContent(id, 'blue');
      await executeIn(id, ['sh', '-c', 'echo kept > /scratch/note']);
    }
  });

  it('is NotReady when its link is cut, and nothing is evicted or restarted', async () => {
    await far.link?.cut();
    const node = await cluster.nodeReady('far', 'Unknown');
    const condition = node.status.conditions.find(({ type }) => type === 'Ready');
    assert.equal(condition?.reason, 'NodeStatusUnknown');
    assert.match(await cluster.kubectl.ok(['get', 'node', 'far']), /\bNotReady\b/);
    const unreachable = (taint: { key: string; effect: string }): boolean =>
      taint.key === 'node.kubernetes.io/unreachable' && taint.effect === 'NoExecute';
    await cluster.until('the node is tainted unreachable', async () => {
      const { spec } = await cluster.kubectl.json<typeof node>(['get', 'node', 'far']);
      return spec.taints?.some(unreachable) ? true : undefined;
    });
    const pods = await cluster.until('the pods are called not ready', async () => {
      const found = await podsOf('far');
      return found.every((pod) => readyOf(pod.status.conditions) === 'False') ? found : undefined;
    });
    const names = (list: readonly Pod[]): string[] => list.map((pod) => pod.metadata.uid).sort();
    assert.deepEqual(names(pods), names(farPods));
    assert.ok(pods.every((pod) => pod.metadata.deletionTimestamp === undefined && pod.status.phase === 'Running'));
    assert.deepEqual(await far.running(), farAtFirst);
    assert.deepEqual(await near.running(), nearAtFirst);
    assert.equal(readyOf((await cluster.nodeReady('near', 'True')).status.conditions), 'True');
  });

  it('keeps deletions and changes waiting while it is cut off', async () => {
    deleted = farPods.find((pod) => pod.metadata.name.startsWith('pinned-far-'))?.metadata.name ?? '';
    await cluster.kubectl.ok(['delete', 'pod', deleted, '--wait=false']);
    await cluster.kubectl.ok(['set', 'image', 'deployment/pinned-far', `main=${images.two}`]);
    await cluster.kubectl.apply([settings('green')]);
    const pod = await cluster.pod(deleted);
    assert.notEqual(pod.metadata.deletionTimestamp, undefined);
    assert.match(await cluster.kubectl.ok(['get', 'pod', deleted]), /\bTerminating\b/);
    // What is new for the cut node waits for it: a node out of reach takes no new pods.
    const fresh = await cluster.until('pods of the new revision and for the deleted one wait', async () => {
      const pods = (await cluster.pods('-l', 'app=pinned-far')).filter((item) => item.spec.nodeName === undefined);
      return pods.some(({ spec }) => spec.containers[0]?.image === images.two) ? pods : undefined;
    });
    assert.ok(fresh.every(({ status }) => status.phase === 'Pending'));
    assert.deepEqual(await far.running(), farAtFirst);
  });

  it('comes back from a power cut without the hub, as it was', async () => {
    await far.losePower();
    assert.deepEqual(await far.running(), new Map());
    await far.start();
    farAfterPowerCut = await cluster.until(
      'the containers are back',
      async () => {
        const running = await far.running();
        return [...farAtFirst.keys()].every((name) => running.has(name)) ? running : undefined;
      },
      60_000,
    );
    assert.deepEqual([...farAfterPowerCut.keys()].sort(), [...farAtFirst.keys()].sort());
    const before_ = new Set(farAtFirst.values());
    for (const id of farAfterPowerCut.values()) {
      assert.ok(!before_.has(id), 'a killed container was started again instead of made anew');
      await assertContent(id, 'blue');
      assert.equal(await executeIn(id, ['cat', '/version']), '1\n');
      assert.equal(await executeIn(id, ['cat', '/scratch/note']), 'kept\n');
    }
    assert.equal((await cluster.nodeReady('far', 'Unknown')).metadata.name, 'far');
  });

  it('converges when the hub has lost power, too, and the link returns', async () => {
    await cluster.restartHub();
    await cluster.nodeReady('near', 'True', 60_000);
    assert.deepEqual(await near.running(), nearAtFirst);
    await far.link?.heal();
    await cluster.nodeReady('far', 'True', 60_000);
    await cluster.kubectl.ok(['rollout', 'status', 'deployment/pinned-far', '--timeout=50s']);
    await cluster.podGone(deleted);
    await cluster.until('the far node runs what the API says', async () => {
      const differences = await cluster.differences(far);
      if (differences.length > 0) throw new Error(differences.join('; '));
      return true;
    });
    const farNow = await far.running();
    const renewed = idsOf(farNow, 'pinned-far');
    assert.equal(renewed.length, 2);
    for (const id of renewed) {
      await assertContent(id, 'green');
      assert.equal(await executeIn(id, ['cat', '/version']), '2\n');
    }
    // What was right was adopted: nothing of it was started again, and its files follow their source.
    for (const app of ['steady', 'beacon']) {
      assert.deepEqual(idsOf(farNow, app), idsOf(farAfterPowerCut, app));
      for (const id of idsOf(farNow, app)) {
        const conf = ['cat', '/etc/settings/app.conf'];
        await cluster.until('files follow the ConfigMap', async () =>
          (await executeIn(id, conf)) === 'tide=green\n' ? true : undefined,
        );
        await assertContent(id, 'blue', 'green');
      }
    }
    for (const [name, count] of Object.entries(restarts(await podsOf('far'))))
      assert.equal(count, name.startsWith('pinned-far-') ? 0 : 1, `restarts of ${name}`);
  });

  it('has not moved anything on the other node', async () => {
    assert.deepEqual(await near.running(), nearAtFirst);
    assert.deepEqual(await cluster.differences(near), []);
    assert.deepEqual(new Set(Object.values(restarts(await podsOf('near')))), new Set([0]));
    assert.deepEqual(cluster.hub.errors(), []);
  });
});
