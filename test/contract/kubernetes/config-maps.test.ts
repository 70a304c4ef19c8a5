// ConfigMaps and Secrets as objects: keys, changes, immutability.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { isNewer, labelled, nameOf } from './support/objects.ts';

type Config = KubeObject & { data: Record<string, string>; immutable?: boolean };

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

conformance('[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]', async (cluster) => {
  const body = { metadata: { name: 'empty-key' }, data: { '': 'value-1' } };
  await cluster.refused(422, 'Invalid', 'POST', cluster.path('configmaps'), { body });
  await cluster.refused(404, 'NotFound', 'GET', cluster.path('configmaps/empty-key'));
});

conformance('[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]', async (cluster) => {
  const maps = cluster.path('configmaps');
  const selector = labelled('static', 'true');
  const watch = await cluster.watch<Config>(`${maps}?${selector}`);
  await cluster.create(maps, {
    metadata: { name: 'lived', labels: { static: 'true' } },
    data: { valueName: 'value' },
  });
  assert.deepEqual((await watch.next('ADDED')).data, { valueName: 'value' });
  await cluster.patch(
    `${maps}/lived`,
    { metadata: { labels: { state: 'patched' } }, data: { valueName: 'value1' } },
    'strategic',
  );
  assert.deepEqual((await watch.next('MODIFIED')).data, { valueName: 'value1' });
  const read = await cluster.get<Config>(`${maps}/lived`);
  assert.deepEqual([read.data, read.metadata.labels?.state], [{ valueName: 'value1' }, 'patched']);
  const { items } = await cluster.list<Config>(`/api/v1/configmaps?${selector}`);
  assert.deepEqual(
    items.map(({ metadata, data }) => [metadata.namespace, metadata.name, metadata.labels?.static, data.valueName]),
    [[cluster.namespace, 'lived', 'true', 'value1']],
  );
  await cluster.delete(`${maps}?${selector}`);
  await watch.next('DELETED');
  assert.deepEqual(watch.types, ['ADDED', 'MODIFIED', 'DELETED']);
});

conformance(
  '[sig-node] ConfigMap should update ConfigMap successfully [NodeConformance] [Conformance]',
  async (cluster) => {
    const metadata = { name: 'changed' };
    await cluster.create(cluster.path('configmaps'), { metadata, data: { 'data-1': 'value-1' } });
    // Without a resource version: unconditionally.
    await cluster.update(cluster.path('configmaps/changed'), { metadata, data: { data: 'value' } });
    assert.deepEqual((await cluster.get<Config>(cluster.path('configmaps/changed'))).data, { data: 'value' });
  },
);

conformance(
  '[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]',
  async (cluster) => {
    const body = { metadata: { name: 'empty-key' }, data: { '': base64('value-1\n') } };
    await cluster.refused(422, 'Invalid', 'POST', cluster.path('secrets'), { body });
    await cluster.refused(404, 'NotFound', 'GET', cluster.path('secrets/empty-key'));
  },
);

conformance('[sig-node] Secrets should patch a secret [Conformance]', async (cluster) => {
  const secrets = cluster.path('secrets');
  const created = await cluster.create<Config>(secrets, {
    metadata: { name: 'patched', labels: { constant: 'true' } },
    data: { key: base64('value') },
    type: 'Opaque',
  });
  const everywhere = `/api/v1/secrets?${labelled('constant', 'true')}`;
  assert.deepEqual((await cluster.list(everywhere)).items.map(nameOf), ['patched']);
  await cluster.patch(
    `${secrets}/patched`,
    { metadata: { labels: { state: 'patched' } }, data: { key: base64('value1') } },
    'strategic',
  );
  const patched = await cluster.get<Config>(`${secrets}/patched`);
  assert.ok(isNewer(patched, created));
  assert.deepEqual(patched.data, { key: base64('value1') });
  assert.deepEqual(patched.metadata.labels, { constant: 'true', state: 'patched' });
  await cluster.delete(`${secrets}?${labelled('state', 'patched')}`);
  assert.deepEqual((await cluster.list(everywhere)).items, []);
});

/** `immutable` forbids to change the data, and to take it back; not to change labels, or to delete. */
async function isImmutable(cluster: Cluster, collection: string, value: (text: string) => string): Promise<void> {
  const path = `${collection}/immutable`;
  await cluster.create(collection, { metadata: { name: 'immutable' }, data: { 'data-1': value('value-1') } });
  const changed = await cluster.change<Config>(path, ({ data }) => {
    data['data-4'] = value('value-4');
  });
  assert.deepEqual(changed.data, { 'data-1': value('value-1'), 'data-4': value('value-4') });
  const marked = await cluster.change<Config>(path, (object) => {
    object.immutable = true;
  });
  assert.equal(marked.immutable, true);
  for (const body of [
    { ...marked, data: { ...marked.data, 'data-5': value('value-5') } },
    { ...marked, immutable: false },
  ]) {
    await cluster.refused(422, 'Invalid', 'PUT', path, { body });
    assert.deepEqual(await cluster.get(path), marked);
  }
  const labelledNow = await cluster.change(path, ({ metadata }) => {
    metadata.labels = { label1: 'value1' };
  });
  assert.deepEqual(labelledNow.metadata.labels, { label1: 'value1' });
  await cluster.delete(path);
  await cluster.refused(404, 'NotFound', 'GET', path);
}

conformance(
  '[sig-storage] ConfigMap should be immutable if `immutable` field is set [Conformance]',
  async (cluster) => {
    await isImmutable(cluster, cluster.path('configmaps'), (text) => text);
  },
);

conformance('[sig-storage] Secrets should be immutable if `immutable` field is set [Conformance]', async (cluster) => {
  await isImmutable(cluster, cluster.path('secrets'), base64);
});
