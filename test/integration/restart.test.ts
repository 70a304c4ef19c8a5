// A hub that is killed and started again on its data directory: nothing that
// it acknowledged is lost, nothing has changed, and watches go on where they were.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { startHub, type TestHub } from '../support/hub.ts';
import { shopManifests } from '../support/manifests.ts';

const dataDirectory = await mkdtemp(join(tmpdir(), 'skerry-restart-'));
let hub = await startHub({ dataDirectory });
after(async () => {
  await hub.stop();
  await rm(dataDirectory, { recursive: true, force: true, maxRetries: 3 });
});

const maps = '/api/v1/namespaces/default/configmaps';

/** Kills the hub and starts it again on the same ports. */
async function restart(): Promise<TestHub> {
  await hub.kill9();
  const [httpsPort, mqttPort] = [hub.httpsUrl, hub.mqttUrl].map((url) => Number(url.split(':').at(-1)));
  hub = await startHub({ dataDirectory, httpsPort: httpsPort ?? 0, mqttPort: mqttPort ?? 0 });
  return hub;
}

/** Every object of every kind, as text. */
async function everything(): Promise<string> {
  const kinds = (await hub.kubectl.ok(['api-resources', '--verbs=list', '-o', 'name'])).split('\n').join(',');
  return hub.kubectl.ok(['get', kinds, '-A', '-o', 'yaml']);
}

describe('a hub that is killed', { timeout: 90_000 }, () => {
  it('has everything again: objects, resourceVersions, uids, kubeconfig', async () => {
    await hub.kubectl.apply(Object.values(shopManifests).join('---\n'));
    await hub.kubectl.ok(['wait', '-n', 'shop', 'deploy/web', '--for=jsonpath={.status.replicas}=2', '--timeout=20s']);
    await hub.kubectl.ok([
      'wait',
      '-n',
      'shop',
      'pods',
      '--all',
      '--for=condition=PodScheduled=false',
      '--timeout=20s',
    ]);
    const kubeconfig = await readFile(hub.kubeconfig, 'utf8');
    let before = await everything();
    // The scheduler's and the controllers' last words may still be on their way.
    for (let again = await everything(); again !== before; again = await everything()) before = again;
    const { pid } = hub;
    await restart();
    assert.notEqual(hub.pid, pid);
    assert.equal(await everything(), before);
    assert.equal(await readFile(hub.kubeconfig, 'utf8'), kubeconfig);
  });

  it('goes on counting: a new resourceVersion is higher than all before', async () => {
    const revision = async (): Promise<number> =>
      Number((await hub.get<{ metadata: { resourceVersion: string } }>(maps)).metadata.resourceVersion);
    const before = await revision();
    await restart();
    assert.ok((await revision()) >= before);
    await hub.kubectl.ok(['create', 'configmap', 'later']);
    assert.ok(
      Number(await hub.kubectl.ok(['get', 'cm', 'later', '-o', 'jsonpath={.metadata.resourceVersion}'])) > before,
    );
  });

  it('lets a watch go on from its resourceVersion, across the restart', async () => {
    const { kubectl } = hub;
    await kubectl.ok(['create', 'configmap', 'seen']);
    const watch = await hub.watch(`${maps}?watch=1&fieldSelector=metadata.name%3Dseen`);
    const last = await watch.events.first(({ type }) => type === 'ADDED', 'the object');
    await kubectl.ok(['patch', 'cm', 'seen', '-p', '{"data":{"n":"1"}}']);
    await watch.events.first(({ type }) => type === 'MODIFIED', 'the change');
    const ended = assert.rejects(
      watch.events.first(({ type }) => type === 'NEVER', 'nothing'),
      /it ended before/,
    );
    await restart();
    await ended;
    await kubectl.ok(['patch', 'cm', 'seen', '-p', '{"data":{"n":"2"}}']);
    await kubectl.ok(['delete', 'cm', 'seen']);
    const resumed = await hub.watch(
      `${maps}?watch=1&fieldSelector=metadata.name%3Dseen&resourceVersion=${last.object.metadata.resourceVersion}`,
    );
    await resumed.events.first(({ type }) => type === 'DELETED', 'the deletion');
    const seen = resumed.events.all.map(
      ({ type, object }) => `${type} ${(object.data as { n: string } | undefined)?.n}`,
    );
    assert.deepEqual(seen, ['MODIFIED 1', 'MODIFIED 2', 'DELETED 2']);
    resumed.close();
  });

  it('loses no write that it has acknowledged, and half of none', async () => {
    const acknowledged: string[] = [];
    const tried: string[] = [];
    const write = async (lane: number): Promise<void> => {
      for (let number = 0; ; number += 1) {
        const name = `lane-${lane}-${number}`;
        tried.push(name);
        const body = JSON.stringify({
          metadata: { name, labels: { lane: 'y' } },
          data: { name, filler: 'x'.repeat(500) },
        });
        const { code, text } = await hub.request('POST', maps, { body });
        assert.equal(code, 201, text);
        acknowledged.push(name);
      }
    };
    const lanes = Array.from({ length: 4 }, (_, lane) => write(lane).catch(() => undefined));
    const watch = await hub.watch(`${maps}?watch=1&labelSelector=lane%3Dy`);
    await watch.events.first(() => watch.events.all.length >= 100, 'the hundredth write');
    const killed = hub.kill9();
    await Promise.all([...lanes, killed]);
    hub = await startHub({ dataDirectory });
    const { items } = await hub.get<{
      items: { metadata: { name: string }; data: { name: string; filler: string } }[];
    }>(`${maps}?labelSelector=lane%3Dy`);
    const found = new Set(items.map(({ metadata }) => metadata.name));
    assert.deepEqual(
      acknowledged.filter((name) => !found.has(name)),
      [],
    );
    assert.deepEqual(
      [...found].filter((name) => !tried.includes(name)),
      [],
    );
    for (const { metadata, data } of items) assert.deepEqual([data.name, data.filler.length], [metadata.name, 500]);
  });

  it('goes on with what was under way: a rollout, a garbage collection, a namespace that ends', async () => {
    const { kubectl } = hub;
    await kubectl.ok(['create', 'namespace', 'ending']);
    await kubectl.ok(['create', 'deployment', 'web', '--image=demo:1', '--replicas=3', '-n', 'ending']);
    await kubectl.ok(['wait', 'deploy/web', '--for=jsonpath={.status.replicas}=3', '--timeout=20s', '-n', 'ending']);
    const held = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/hold'] } };
    await kubectl.apply([held], '-n', 'ending');
    await kubectl.ok(['delete', 'namespace', 'ending', '--wait=false']);
    await restart();
    await hub.kubectl.ok(['wait', '--for=delete', 'deploy,rs,pods', '--all', '--timeout=20s', '-n', 'ending']);
    await hub.kubectl.ok([
      'patch',
      'cm',
      'held',
      '-n',
      'ending',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ]);
    await hub.kubectl.ok(['wait', '--for=delete', 'ns/ending', '--timeout=20s']);
  });

  it('refuses a second hub on the same directory', async () => {
    await assert.rejects(startHub({ dataDirectory }), /skerry: .*(in use|locked|running)/i);
    assert.equal((await hub.request('GET', '/readyz')).text, 'ok');
  });
});
