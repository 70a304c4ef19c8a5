// A device with a real engine: from its first boot with a token to a running
// pod, a power cut without the hub, and a new life under another name, which
// leaves nothing of the old one.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { TestCluster } from '../support/cluster.ts';
import { TestDevice } from '../support/device.ts';
import { containersOf, engineSocket, killContainers } from '../support/engine.ts';
import { shellPod } from '../support/pods.ts';
import { runDirectory } from '../support/traces.ts';

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.start();
});
after(() => cluster.stop());

const engine = ['--runtime-endpoint', engineSocket];
type Identity = { instance: string; nodeName: string };

const pod = (name: string, room: string): object => shellPod(name, undefined, {}, { nodeSelector: { room } });

it('runs its pods from the first boot on, without the hub, and none of another life', async (context) => {
  const device = new TestDevice('serial-e2e-device', [], runDirectory);
  context.after(() => device.kill9());
  const hub = cluster.hubUrl();
  device.configure({ hub, token: await cluster.token('--uses', '1'), name: 'first', labels: { room: 'first' } });
  device.start(engine);
  assert.equal(await device.ready(), 'first');
  await cluster.nodeReady('first', 'True');
  assert.ok(device.calls.includes('confirm-boot'));
  await cluster.kubectl.apply([pod('one', 'first')]);
  await cluster.podReady('one');

  await cluster.hub.kill9();
  const { instance } = device.read<Identity>('identity.json') ?? assert.fail('it has no identity');
  await device.kill9();
  await killContainers(instance);
  device.start(engine);
  assert.equal(await device.ready(), 'first');
  await cluster.until('the pod runs again without the hub', async () =>
    (await containersOf(instance)).find(({ name, state }) => name === 'main' && state === 'running'),
  );
  await cluster.startHub();
  await cluster.nodeReady('first', 'True');
  await device.stop();

  device.configure({ hub, token: await cluster.token('--uses', '1'), name: 'second', labels: { room: 'second' } });
  device.start(engine);
  assert.equal(await device.ended, 0);
  device.start(engine);
  assert.equal(await device.ready(), 'second');
  await cluster.nodeReady('second', 'True');
  await cluster.until('nothing is left of the first node', async () =>
    (await containersOf(instance)).length === 0 ? true : undefined,
  );
  await cluster.kubectl.apply([pod('two', 'second')]);
  await cluster.podReady('two');
});
