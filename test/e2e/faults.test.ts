// What goes wrong around an agent: tokens that are no good, a hub that is away,
// a second agent with the same identity or name, an engine that is down, and
// the removal of an agent.
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { skerry, TestAgent } from '../support/agent.ts';
import { TestCluster } from '../support/cluster.ts';
import { containersOf, networksOf } from '../support/engine.ts';
import { EngineProxy } from '../support/engine-proxy.ts';
import { shellPod } from '../support/pods.ts';
import { runDirectory } from '../support/traces.ts';

/** Starts an agent that must end by itself; resolves with the one line that it says on stderr. */
async function refused(exitCode: number, ...args: string[]): Promise<string> {
  const { code, stderr } = await skerry(['agent', '--log-level', 'info', ...args]);
  assert.match(stderr, /^skerry: [^\n]+\n$/);
  assert.equal(code, exitCode, stderr);
  return stderr.trim();
}

describe('joining', { timeout: 90_000 }, () => {
  let cluster: TestCluster;
  let token: string;
  before(async () => {
    cluster = await TestCluster.start();
    await cluster.addAgent({ name: 'taken' });
    token = await cluster.token();
  });
  after(() => cluster?.stop());

  const join_ = (exitCode: number, given: string, name = 'newcomer', hub = cluster.hubUrl()): Promise<string> =>
    refused(
      exitCode,
      ...['--data-dir', join(runDirectory, 'newcomer'), '--hub', hub, '--token', given, '--node-name', name],
    );

  it('is refused with a token that is wrong, revoked, expired or malformed', async () => {
    const [prefix, id, secret = '', authority] = token.split('.');
    const wrong = [prefix, id, [...secret].reverse().join(''), authority].join('.');
    assert.match(await join_(2, wrong), /the hub refuses the token: it is wrong, expired or revoked/);
    assert.match(await join_(2, [prefix, 'nobody', secret, authority].join('.')), /the hub refuses the token/);
    for (const text of ['nonsense', `${prefix}.${id}.${secret}`, `${token}.more`])
      assert.match(await join_(2, text), /the token is malformed: expected skerry1\.ID\.SECRET\.CA/);

    const short = await cluster.token('--ttl', '1s');
    const path = `/api/v1/namespaces/kube-system/secrets/bootstrap-token-${short.split('.')[1]}`;
    const { data } = await cluster.hub.get<{ data: Record<string, string> }>(path);
    const expires = Date.parse(Buffer.from(data.expiration ?? '', 'base64').toString());
    await cluster.until('the token has expired', async () => (Date.now() > expires ? true : undefined));
    assert.match(await join_(2, short), /the hub refuses the token/);

    const revoked = await cluster.token();
    const { code } = await skerry([
      'token',
      'revoke',
      revoked.split('.')[1] ?? '',
      '--data-dir',
      cluster.hub.dataDirectory,
    ]);
    assert.equal(code, 0);
    assert.match(await join_(2, revoked), /the hub refuses the token/);
  });

  it('is refused by the device when the hub is not the one of the token', async () => {
    const [prefix, id, secret, authority = ''] = token.split('.');
    const other = [prefix, id, secret, [...authority].reverse().join('')].join('.');
    assert.match(await join_(2, other), /the hub is not the one that the token is for/);
  });

  it('is refused for the name of a node that exists, and for another than the token is for', async () => {
    assert.match(await join_(2, token, 'taken'), /node taken exists already: choose another --node-name/);
    const bound = await cluster.token('--node', 'reserved');
    assert.match(await join_(2, bound), /the token is for node reserved, not for newcomer/);
    assert.match(await join_(2, token, 'No_Name'), /--node-name/);
  });

  it('needs a hub, and says which one does not answer', async () => {
    assert.match(await join_(1, token, 'newcomer', 'mqtts://127.0.0.1:1'), /127\.0\.0\.1:1\b/);
    const missing = await refused(1, '--data-dir', join(runDirectory, 'newcomer'));
    assert.match(missing, /this device has not joined: --hub and --token are required the first time/);
    const { code, stderr } = await skerry(['status', '--data-dir', join(runDirectory, 'newcomer')]);
    assert.equal(code, 1);
    assert.match(stderr, /^skerry: [^\n]*no agent has joined here\n$/);
  });
});

describe('an agent in trouble', { timeout: 180_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  let engine: EngineProxy;
  before(async () => {
    cluster = await TestCluster.start();
    engine = await EngineProxy.start(join(runDirectory, 'engine.sock'));
    agent = await cluster.addAgent({ name: 'solo', args: ['--runtime-endpoint', engine.path] });
    await cluster.kubectl.apply([shellPod('steady')]);
    await cluster.podReady('steady');
  });
  after(async () => {
    await engine?.stop();
    await cluster?.stop();
  });

  const saysOutOfReach = (): number =>
    agent.output.all.filter((line) => line.includes('the hub is out of reach')).length;
  const restartsOf = async (name: string): Promise<number | undefined> =>
    (await cluster.pod(name)).status.containerStatuses?.[0]?.restartCount;

  it('keeps trying when the hub is away, says so once, and returns', async () => {
    const running = await agent.running();
    await cluster.hub.kill9();
    let attempts = 0;
    const port = Number(new URL(cluster.hubUrl()).port);
    const listener = createServer((socket) => {
      attempts += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
    await cluster.until('it has tried three times', async () => (attempts >= 3 ? true : undefined));
    await new Promise((resolve) => listener.close(resolve));
    assert.equal(saysOutOfReach(), 1);
    await cluster.startHub();
    await agent.output.first((line) => /"connected to the hub"/.test(line), 'the first connection');
    await cluster.until('it is connected again', async () =>
      agent.output.all.filter((line) => /"connected to the hub"/.test(line)).length === 2 ? true : undefined,
    );
    await cluster.nodeReady('solo', 'True');
    assert.equal(saysOutOfReach(), 1);
    assert.deepEqual(await agent.running(), running);
  });

  it('starts without the hub, and finds it later', async () => {
    const running = await agent.running();
    assert.equal(await agent.stop(), 0);
    await cluster.hub.kill9();
    await agent.start();
    await cluster.until('it says that the hub is away', async () => (saysOutOfReach() === 1 ? true : undefined));
    await cluster.startHub();
    await agent.output.first((line) => /"connected to the hub"/.test(line), 'the connection', 30_000);
    await cluster.nodeReady('solo', 'True');
    assert.deepEqual(await agent.running(), running);
    assert.equal(await restartsOf('steady'), 0);
  });

  it('is alone with its identity: a copy is refused while it is connected', async () => {
    const again = new TestAgent({ name: 'solo', dataDirectory: agent.dataDirectory });
    again.launch();
    assert.equal(await again.ended, 1);
    assert.match(again.output.all.join('\n'), /^skerry: .* is in use by the agent with process id \d+$/);

    // As on another device, with a card that was copied and an engine of its own.
    const copy = new TestAgent({
      name: 'solo',
      dataDirectory: join(runDirectory, 'copy'),
      args: ['--runtime-endpoint', join(runDirectory, 'no-engine.sock')],
    });
    await cp(agent.dataDirectory, copy.dataDirectory, { recursive: true });
    await rm(join(copy.dataDirectory, 'lock'));
    await copy.start();
    const sentence = /another agent with this identity is connected: this one waits until it is gone/;
    await copy.output.first((line) => sentence.test(line), 'the refusal');
    // The first one goes on working.
    await cluster.kubectl.apply([shellPod('beside')]);
    await cluster.podReady('beside');
    assert.equal(agent.output.all.filter((line) => line.includes('is gone')).length, 0);
    await copy.kill9();
    await cluster.nodeReady('solo', 'True');
    await cluster.kubectl.ok(['delete', 'pod', 'beside', '--wait=false']);
    await cluster.podGone('beside');
  });

  it('says that its engine is down, touches nothing, and goes on when it is back', async () => {
    const running = await agent.running();
    await engine.stop();
    const node = await cluster.nodeReady('solo', 'False');
    const ready = node.status.conditions.find(({ type }) => type === 'Ready');
    assert.equal(ready?.reason, 'KubeletNotReady');
    assert.match(ready?.message ?? '', /the container engine does not answer/);
    assert.match(await cluster.kubectl.ok(['get', 'node', 'solo']), /\bNotReady\b/);
    await cluster.until('the node is tainted', async () => {
      const { spec } = await cluster.kubectl.json<typeof node>(['get', 'node', 'solo']);
      return spec.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready') ? true : undefined;
    });
    assert.deepEqual(await agent.running(), running);
    const { stdout } = await skerry(['status', '--data-dir', agent.dataDirectory, '--runtime-endpoint', engine.path]);
    assert.match(stdout, /^container engine: .*does not answer/m);
    // Wanted while it is down, had when it is up.
    await cluster.kubectl.apply([shellPod('later', 'sleep 1', {}, { nodeName: 'solo', restartPolicy: 'Never' })]);
    engine = await EngineProxy.start(engine.path);
    await cluster.nodeReady('solo', 'True');
    await cluster.podUntil('later', 'has run', (pod) => pod.status.phase === 'Succeeded');
    await cluster.podReady('steady');
    assert.deepEqual(await agent.running(), running);
    assert.equal(await restartsOf('steady'), 0);
  });

  it('starts while its engine is down', async () => {
    const running = await agent.running();
    await agent.kill9();
    await engine.stop();
    await agent.start();
    await cluster.nodeReady('solo', 'False');
    engine = await EngineProxy.start(engine.path);
    await cluster.nodeReady('solo', 'True');
    await cluster.podReady('steady');
    assert.deepEqual(await agent.running(), running);
    assert.deepEqual(cluster.hub.errors(), []);
  });

  it('leaves nothing behind when it is uninstalled, and nothing of others goes', async () => {
    const other = await cluster.addAgent({ name: 'other' });
    await cluster.kubectl.apply([shellPod('elsewhere', undefined, {}, { nodeName: 'other' })]);
    await cluster.podReady('elsewhere');
    const [running, { instance }] = [await other.running(), agent];
    assert.equal((await networksOf(instance)).length, 1);
    const args = ['--data-dir', agent.dataDirectory, '--runtime-endpoint', engine.path, '--uninstall'];
    assert.match(await refused(1, ...args), /is in use by the agent/);
    await agent.stop();
    assert.notDeepEqual(await containersOf(instance), []);
    const { code, stderr } = await skerry(['agent', ...args]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(await containersOf(instance), []);
    assert.deepEqual(await networksOf(instance), []);
    assert.throws(() => agent.instance, /has not joined/);
    assert.deepEqual(await other.running(), running);
    assert.equal((await networksOf(other.instance)).length, 1);
  });
});
