// Informers and watches of @kubernetes/client-node over what happens to
// connections: cut and healed, the hub killed and started again, and a history
// that is compacted meanwhile. In the end they hold what the API says, and
// each change was told once.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CoreV1Api,
  type Informer,
  KubeConfig,
  makeInformer,
  type ObjectCache,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  Watch,
} from '@kubernetes/client-node';
import { Arrivals } from '../support/arrivals.ts';
import { RestartableHub } from '../support/restartable-hub.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const namespace = 'default';
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const retryMs = 100;

type Seen = { type: string; name: string; n: string | undefined };

describe('client-node over broken connections', { timeout: 120_000 }, () => {
  let hub: RestartableHub;
  let proxy: TcpProxy;
  /** Straight to the hub: what the test itself does. */
  let core: CoreV1Api;
  /** Through the proxy. */
  let config: KubeConfig;
  const ends: (() => Promise<void>)[] = [];

  before(async () => {
    hub = await RestartableHub.start();
    proxy = await TcpProxy.start({ port: hub.httpsPort });
    const direct = new KubeConfig();
    direct.loadFromFile(hub.hub.kubeconfig);
    core = direct.makeApiClient(CoreV1Api);
    config = new KubeConfig();
    config.loadFromFile(await hub.hub.kubeconfigVia(proxy.port));
  });
  after(async () => {
    for (const end of ends) await end();
    await proxy?.stop();
    await hub?.stop();
  });

  const create = (name: string, t: string, n = '1'): Promise<V1ConfigMap> =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { t } }, data: { n } } });
  const change = (name: string, n: string): Promise<V1ConfigMap> =>
    core.patchNamespacedConfigMap(
      { namespace, name, body: { data: { n } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  const remove = (name: string): Promise<unknown> => core.deleteNamespacedConfigMap({ namespace, name });

  /** An informer through the proxy that starts again after errors, as its users do. */
  async function inform(t: string): Promise<{
    informer: Informer<V1ConfigMap> & ObjectCache<V1ConfigMap>;
    seen: Arrivals<Seen>;
  }> {
    const labelSelector = `t=${t}`;
    const listed = config.makeApiClient(CoreV1Api);
    const informer = makeInformer(
      config,
      path,
      () => listed.listNamespacedConfigMap({ namespace, labelSelector }),
      labelSelector,
    );
    const seen = new Arrivals<Seen>(`informer of ${t}`);
    for (const type of ['add', 'update', 'delete'] as const)
      informer.on(type, ({ metadata, data }: V1ConfigMap) =>
        seen.push({ type, name: metadata?.name ?? '', n: data?.n }),
      );
    let stopped = false;
    informer.on('error', () => {
      if (!stopped) setTimeout(() => void informer.start(), retryMs);
    });
    ends.push(async () => {
      stopped = true;
      await informer.stop();
    });
    await informer.start();
    return { informer, seen };
  }

  const versions = (items: readonly V1ConfigMap[]): string[] =>
    items.map(({ metadata }) => `${metadata?.name} ${metadata?.uid} ${metadata?.resourceVersion}`).sort();
  const assertHolds = async (informer: ObjectCache<V1ConfigMap>, t: string): Promise<void> => {
    const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: `t=${t}` });
    assert.deepEqual(versions(informer.list(namespace)), versions(items));
  };

  it('hears of each change once when its connection was cut', async () => {
    for (const name of ['cut-kept', 'cut-changed', 'cut-gone']) await create(name, 'cut');
    const { informer, seen } = await inform('cut');
    await seen.first(() => seen.all.length === 3, 'what is there');
    assert.ok(proxy.connections > 0);
    proxy.cut();
    await change('cut-changed', '2');
    await change('cut-changed', '3');
    await remove('cut-gone');
    await create('cut-new', 'cut');
    proxy.heal();
    await seen.first(({ name }) => name === 'cut-new', 'the newest object');
    assert.deepEqual(
      seen.all.slice(0, 3).map(({ type, name }) => `${type} ${name}`),
      ['add cut-changed', 'add cut-gone', 'add cut-kept'],
    );
    assert.deepEqual(seen.all.slice(3), [
      { type: 'update', name: 'cut-changed', n: '2' },
      { type: 'update', name: 'cut-changed', n: '3' },
      { type: 'delete', name: 'cut-gone', n: '1' },
      { type: 'add', name: 'cut-new', n: '1' },
    ]);
    await assertHolds(informer, 'cut');
  });

  it('goes on after the hub was killed and started again', async () => {
    await create('killed-kept', 'killed');
    await create('killed-changed', 'killed');
    const { informer, seen } = await inform('killed');
    await seen.first(() => seen.all.length === 2, 'what is there');
    await hub.restart();
    await change('killed-changed', '2');
    await create('killed-new', 'killed');
    await seen.first(({ name }) => name === 'killed-new', 'the newest object');
    assert.deepEqual(seen.all.slice(2), [
      { type: 'update', name: 'killed-changed', n: '2' },
      { type: 'add', name: 'killed-new', n: '1' },
    ]);
    await assertHolds(informer, 'killed');
  });

  it('lists anew when its place in history is compacted away', async () => {
    for (const name of ['old-kept', 'old-changed', 'old-gone']) await create(name, 'old');
    const { informer, seen } = await inform('old');
    await seen.first(() => seen.all.length === 3, 'what is there');
    proxy.cut();
    await change('old-changed', '2');
    await change('old-changed', '3');
    await remove('old-gone');
    await create('old-passing', 'old');
    await remove('old-passing');
    await hub.restartCompacted();
    proxy.heal();
    await create('old-new', 'old');
    await seen.first(({ name }) => name === 'old-new', 'the newest object');
    // The state in between and what came and went meanwhile are history: nobody hears of them.
    assert.deepEqual(
      seen.all.slice(3).sort((a, b) => (a.name < b.name ? -1 : 1)),
      [
        { type: 'update', name: 'old-changed', n: '3' },
        { type: 'delete', name: 'old-gone', n: '1' },
        { type: 'add', name: 'old-new', n: '1' },
      ],
    );
    await assertHolds(informer, 'old');
  });

  it('answers 410 Expired for what is compacted', async () => {
    // A watch says it in its stream: programs that have got as far as a watch look there.
    const watch = await hub.hub.watch(`${path}?watch=1&resourceVersion=1`);
    const { type, object } = await watch.events.first(() => true, 'an event');
    assert.deepEqual([type, object.kind, object.code, object.reason], ['ERROR', 'Status', 410, 'Expired']);
    await assert.rejects(
      watch.events.first((event) => event.type !== 'ERROR', 'another event'),
      /it ended before/,
    );
    const { code, text } = await hub.hub.request('GET', `${path}?resourceVersion=1&resourceVersionMatch=Exact`);
    const status = JSON.parse(text) as { reason: string };
    assert.deepEqual([code, status.reason], [410, 'Expired']);
  });

  it('says with a bookmark where the list ends that a watch begins with', async () => {
    await create('mark-one', 'mark');
    await create('mark-two', 'mark');
    type Event = { type: string; name: string | undefined; version: string; done: string | undefined; keys: string[] };
    const seen = new Arrivals<Event>('watch');
    const start = (query: Record<string, string>): Promise<AbortController> =>
      new Watch(config).watch(
        path,
        { labelSelector: 't=mark', allowWatchBookmarks: 'true', ...query },
        (type: string, { metadata, ...rest }: V1ConfigMap) =>
          seen.push({
            type,
            name: metadata?.name,
            version: metadata?.resourceVersion ?? '',
            done: metadata?.annotations?.['k8s.io/initial-events-end'],
            keys: Object.keys(rest).sort(),
          }),
        () => undefined,
      );
    const first = await start({ sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
    const bookmark = await seen.first(({ type }) => type === 'BOOKMARK', 'the bookmark');
    assert.deepEqual(
      seen.all.map(({ type, name }) => [type, name]),
      [
        ['ADDED', 'mark-one'],
        ['ADDED', 'mark-two'],
        ['BOOKMARK', undefined],
      ],
    );
    assert.equal(bookmark.done, 'true');
    assert.deepEqual(bookmark.keys, ['apiVersion', 'kind']);
    const { metadata } = await core.readNamespacedConfigMap({ namespace, name: 'mark-two' });
    assert.ok(Number(bookmark.version) >= Number(metadata?.resourceVersion));
    first.abort();
    // A watch from the bookmark tells what is newer, and nothing of what was listed.
    const before = seen.all.length;
    const second = await start({ resourceVersion: bookmark.version });
    await change('mark-one', '2');
    await seen.first(({ type, name }) => type === 'MODIFIED' && name === 'mark-one', 'the change');
    assert.deepEqual(seen.all.slice(before).filter(({ type }) => type !== 'BOOKMARK').length, 1);
    second.abort();
  });
});
