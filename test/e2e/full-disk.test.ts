// A hub whose disk is full, on a small file system of its own: reads go on,
// writes are refused with a Status, the node keeps its pods, and all that
// waited arrives when there is room again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestAgent } from '../support/agent.ts';
import { TestCluster } from '../support/cluster.ts';
import { docker } from '../support/engine.ts';
import { shellPod } from '../support/pods.ts';
import { runDirectory } from '../support/traces.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

describe('a hub with a full disk', { timeout: 90_000 }, () => {
  const directory = join(runDirectory, 'small');
  const ballast = join(directory, 'ballast');
  let cluster: TestCluster;
  let agent: TestAgent;

  before(async () => {
    mkdirSync(directory, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', directory]);
    cluster = await TestCluster.start({ hubDirectory: 'small/hub' });
    agent = await cluster.addAgent({ name: 'solo' });
    await cluster.kubectl.apply([shellPod('steady')]);
    await cluster.podReady('steady');
  });
  after(() => cluster?.stop());

  /** Leaves not a byte free. */
  function fill(): void {
    for (const size of [1 << 20, 1 << 12, 1]) {
      try {
        for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
  }

  const write = (name: string): ReturnType<TestCluster['hub']['request']> =>
    cluster.hub.request('POST', configMaps, {
      body: JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { text: 'x'.repeat(8000) },
      }),
    });
  const restarts = async (): Promise<number | undefined> =>
    (await cluster.pod('steady')).status.containerStatuses?.[0]?.restartCount;

  it('refuses writes with a Status and serves reads', async () => {
    assert.equal((await write('before')).code, 201);
    fill();
    const refusal = await cluster.until('a write is refused', async () => {
      const answer = await write(`during-${process.hrtime.bigint()}`);
      return answer.code === 201 ? undefined : answer;
    });
    assert.ok([507, 503].includes(refusal.code), `${refusal.code} ${refusal.text}`);
    const status = JSON.parse(refusal.text) as { kind: string; status: string; message: string; code: number };
    assert.deepEqual([status.kind, status.status, status.code], ['Status', 'Failure', refusal.code]);
    assert.match(status.message, /disk|space|storage/i);
    assert.match(await cluster.kubectl.fails(['create', 'configmap', 'typed']), /disk|space|storage/i);
    assert.equal((await cluster.hub.request('GET', `${configMaps}/before`)).code, 200);
    assert.match(await cluster.kubectl.ok(['get', 'pods']), /steady +1\/1 +Running/);
  });

  it('takes what waited when there is room again', async () => {
    const before_ = (await agent.running()).get('steady/main') ?? '';
    await docker.getContainer(before_).kill({ signal: 'SIGKILL' });
    await cluster.until('the agent has started it again', async () => {
      const id = (await agent.running()).get('steady/main');
      return id !== undefined && id !== before_ ? id : undefined;
    });
    assert.equal(await restarts(), 0);
    await rm(ballast);
    await cluster.until('writes are taken', async () => ((await write('after')).code === 201 ? true : undefined));
    await cluster.until('the restart is known', async () => ((await restarts()) === 1 ? true : undefined));
    await cluster.nodeReady('solo', 'True');
    assert.deepEqual(await cluster.differences(agent), []);
  });

  it('has lost nothing that it had taken', async () => {
    await cluster.restartHub();
    for (const name of ['before', 'after'])
      assert.equal((await cluster.hub.request('GET', `${configMaps}/${name}`)).code, 200);
    assert.equal((await cluster.hub.request('GET', `${configMaps}/typed`)).code, 404);
    await cluster.nodeReady('solo', 'True', 60_000);
  });
});
