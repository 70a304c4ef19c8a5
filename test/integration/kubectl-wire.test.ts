// What kubectl and other clients rely on below their commands: watches with
// resumption, bookmarks and streamed lists, pages, tables, dry runs,
// collections and protobuf bodies, over plain HTTPS requests.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const kube = hub.kubectl;
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

type Meta = {
  name: string;
  resourceVersion: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};
type List = {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: { metadata: Meta }[];
};

const maps = '/api/v1/namespaces/default/configmaps';
const mergePatch = { 'content-type': 'application/merge-patch+json' };

async function create(name: string, labels: Record<string, string> = {}): Promise<Meta> {
  const { code, text } = await hub.request('POST', maps, { body: JSON.stringify({ metadata: { name, labels } }) });
  assert.equal(code, 201, text);
  return (JSON.parse(text) as { metadata: Meta }).metadata;
}
const remove = (name: string): Promise<unknown> => hub.request('DELETE', `${maps}/${name}`);
const listOf = (query: string): Promise<List> => hub.get<List>(`${maps}?${query}`);
const namesOf = (list: List): string[] => list.items.map(({ metadata }) => metadata.name);

describe('watch', { timeout: 60_000 }, () => {
  it('goes on from a resourceVersion without losing or repeating a change', async () => {
    const { metadata } = await listOf('labelSelector=w%3Dresume');
    const first = await create('resume-1', { w: 'resume' });
    await create('other', { w: 'other' });
    await hub.request('PATCH', `${maps}/resume-1`, { body: '{"data":{"a":"1"}}', headers: mergePatch });
    await remove('resume-1');
    const watch = await hub.watch(
      `${maps}?watch=1&resourceVersion=${metadata.resourceVersion}&labelSelector=w%3Dresume`,
    );
    await watch.events.first(({ type }) => type === 'DELETED', 'the deletion');
    assert.deepEqual(
      watch.events.all.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
    const versions = watch.events.all.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    );
    assert.equal(new Set(versions).size, 3);
    watch.close();
    const later = await hub.watch(`${maps}?watch=1&resourceVersion=${first.resourceVersion}&labelSelector=w%3Dresume`);
    await later.events.first(({ type }) => type === 'DELETED', 'the deletion');
    assert.deepEqual(
      later.events.all.map(({ type }) => type),
      ['MODIFIED', 'DELETED'],
    );
    later.close();
  });

  it('of a selector sees objects come into it and leave it', async () => {
    await create('mover');
    const watch = await hub.watch(`${maps}?watch=1&labelSelector=w%3Dmove`);
    for (const w of ['move', 'away', 'move', null]) {
      await hub.request('PATCH', `${maps}/mover`, {
        body: JSON.stringify({ metadata: { labels: { w } } }),
        headers: mergePatch,
      });
    }
    await watch.events.first(() => watch.events.all.length === 4, 'the fourth event');
    assert.deepEqual(
      watch.events.all.map(({ type }) => type),
      ['ADDED', 'DELETED', 'ADDED', 'DELETED'],
    );
    watch.close();
  });

  it('with sendInitialEvents sends the list, ends it with a bookmark, then changes', async () => {
    await create('init-b', { w: 'init' });
    await create('init-a', { w: 'init' });
    const query =
      'watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=w%3Dinit';
    const watch = await hub.watch(`${maps}?${query}`);
    const bookmark = await watch.events.first(({ type }) => type === 'BOOKMARK', 'the bookmark');
    assert.equal(bookmark.object.kind, 'ConfigMap');
    assert.equal(bookmark.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
    assert.deepEqual(
      watch.events.all.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`),
      ['ADDED init-a', 'ADDED init-b', 'BOOKMARK '],
    );
    const made = await create('init-c', { w: 'init' });
    const added = await watch.events.first(({ object }) => object.metadata.name === 'init-c', 'init-c');
    assert.deepEqual([added.type, added.object.metadata.resourceVersion], ['ADDED', made.resourceVersion]);
    assert.ok(Number(bookmark.object.metadata.resourceVersion) < Number(made.resourceVersion));
    watch.close();
    const resumed = await hub.watch(
      `${maps}?watch=1&resourceVersion=${bookmark.object.metadata.resourceVersion}&labelSelector=w%3Dinit`,
    );
    assert.equal((await resumed.events.first(() => true, 'the first event')).object.metadata.name, 'init-c');
    resumed.close();
    const refused = await hub.request('GET', `${maps}?watch=1&sendInitialEvents=true`);
    assert.ok(refused.code === 400 || refused.code === 422, refused.text);
  });

  it('ends after timeoutSeconds', async () => {
    const watch = await hub.watch(`${maps}?watch=1&timeoutSeconds=1`);
    await assert.rejects(
      watch.events.first(({ type }) => type === 'NEVER', 'nothing'),
      /it ended before/,
    );
  });

  it('of one object by its path and of all namespaces', async () => {
    const one = await hub.watch(`${maps}/single?watch=1`);
    const all = await hub.watch('/api/v1/configmaps?watch=1&fieldSelector=metadata.name%3Dsingle');
    await create('not-single');
    await create('single');
    for (const watch of [one, all]) {
      assert.equal((await watch.events.first(() => true, 'an event')).object.metadata.name, 'single');
      watch.close();
    }
  });

  it('as a table has the columns in its first event', async () => {
    await create('tabled', { w: 'table' });
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const watch = await hub.watch(`${maps}?watch=1&labelSelector=w%3Dtable`, headers);
    const { object } = await watch.events.first(() => true, 'an event');
    assert.equal(object.kind, 'Table');
    assert.deepEqual(
      (object.columnDefinitions as { name: string }[]).map(({ name }) => name),
      ['Name', 'Data', 'Age'],
    );
    const [row] = object.rows as { cells: unknown[]; object: { kind: string } }[];
    assert.deepEqual([row?.cells.slice(0, 2), row?.object.kind], [['tabled', 0], 'PartialObjectMetadata']);
    watch.close();
  });
});

describe('lists', { timeout: 60_000 }, () => {
  it('in pages are a snapshot, whatever happens meanwhile', async () => {
    for (let index = 0; index < 7; index += 1) await create(`page-${index}`, { w: 'page' });
    const whole = await listOf('');
    const first = await listOf('limit=3');
    assert.deepEqual([first.kind, first.apiVersion, first.items.length], ['ConfigMapList', 'v1', 3]);
    assert.equal(first.metadata.remainingItemCount, whole.items.length - 3);
    await create('zz-late');
    await remove('page-6');
    const names = namesOf(first);
    let token = first.metadata.continue;
    while (token !== undefined && token !== '') {
      const next = await listOf(`limit=3&continue=${encodeURIComponent(token)}`);
      assert.equal(next.metadata.resourceVersion, first.metadata.resourceVersion);
      names.push(...namesOf(next));
      token = next.metadata.continue;
    }
    assert.deepEqual(names, namesOf(whole));
    const exact = await listOf(`resourceVersion=${whole.metadata.resourceVersion}&resourceVersionMatch=Exact`);
    assert.deepEqual(namesOf(exact), namesOf(whole));
  });

  it('at a revision that is not there yet are refused so that clients wait', async () => {
    const answer = await hub.request('GET', `${maps}?resourceVersion=999999999&resourceVersionMatch=Exact`);
    assert.deepEqual([answer.code, answer.headers['retry-after']], [504, '1'], answer.text);
    assert.match(answer.text, /Too large resource version/);
  });

  it('in pages with a selector', async () => {
    const first = await listOf('limit=2&labelSelector=w%3Dpage');
    assert.deepEqual(namesOf(first), ['page-0', 'page-1']);
    const rest = await listOf(`labelSelector=w%3Dpage&continue=${encodeURIComponent(first.metadata.continue ?? '')}`);
    assert.deepEqual(namesOf(rest), ['page-2', 'page-3', 'page-4', 'page-5']);
  });

  it('as tables, metadata only and YAML', async () => {
    const accept = (value: string): Promise<string> =>
      hub
        .request('GET', `${maps}?labelSelector=w%3Dpage&limit=1`, { headers: { accept: value } })
        .then(({ text }) => text);
    const table = JSON.parse(await accept('application/json;as=Table;v=v1;g=meta.k8s.io')) as {
      kind: string;
      rows: unknown[];
      metadata: { continue: string };
    };
    assert.deepEqual([table.kind, table.rows.length], ['Table', 1]);
    assert.ok(table.metadata.continue);
    const partial = JSON.parse(
      await accept('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'),
    ) as List;
    assert.deepEqual(
      [partial.kind, partial.apiVersion, Object.keys(partial.items[0] ?? {}).includes('data')],
      ['PartialObjectMetadataList', 'meta.k8s.io/v1', false],
    );
    assert.match(await accept('application/yaml'), /^kind: ConfigMapList\napiVersion: v1\n/);
  });
});

describe('writes', { timeout: 60_000 }, () => {
  it('deletecollection deletes what a selector finds and answers with it', async () => {
    for (const name of ['bulk-1', 'bulk-2', 'bulk-3']) await create(name, { w: name === 'bulk-3' ? 'keep' : 'bulk' });
    const { code, text } = await hub.request('DELETE', `${maps}?labelSelector=w%3Dbulk`);
    assert.equal(code, 200, text);
    assert.deepEqual(namesOf(JSON.parse(text) as List), ['bulk-1', 'bulk-2']);
    assert.deepEqual(namesOf(await listOf('labelSelector=w%20in%20(bulk,keep)')), ['bulk-3']);
  });

  it('a dry run answers as the write would and leaves no trace', async () => {
    const { metadata } = await listOf('');
    const made = await hub.request('POST', `${maps}?dryRun=All`, {
      body: JSON.stringify({ metadata: { name: 'dry' } }),
    });
    assert.equal(made.code, 201);
    assert.equal((JSON.parse(made.text) as { metadata: Meta }).metadata.name, 'dry');
    const again = await hub.request('POST', `${maps}?dryRun=All`, {
      body: JSON.stringify({ metadata: { name: 'bulk-3' } }),
    });
    assert.equal(again.code, 409);
    assert.equal((await hub.request('DELETE', `${maps}/bulk-3?dryRun=All`)).code, 200);
    assert.equal((await hub.request('DELETE', `${maps}?dryRun=All`)).code, 200);
    assert.equal((await listOf('')).metadata.resourceVersion, metadata.resourceVersion);
    assert.deepEqual(namesOf(await listOf('fieldSelector=metadata.name%3Dbulk-3')), ['bulk-3']);
  });

  it('an update that changes nothing is no event', async () => {
    const before = await create('still');
    const { code, text } = await hub.request('PATCH', `${maps}/still`, {
      body: '{"metadata":{"labels":{}}}',
      headers: mergePatch,
    });
    assert.deepEqual(
      [code, (JSON.parse(text) as { metadata: Meta }).metadata.resourceVersion],
      [200, before.resourceVersion],
    );
  });

  it('kubectl create sends protobuf, and every field of it arrives', async () => {
    const args = ['create', 'deployment', 'proto', '--image=demo:1', '--replicas=0', '--port=8080', '-v=8'];
    const { code, stderr } = await kube.run(args);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Content-Type: application\/vnd\.kubernetes\.protobuf/);
    const { spec } = await hub.get<{ spec: { replicas: number; template: { spec: { containers: object[] } } } }>(
      '/apis/apps/v1/namespaces/default/deployments/proto',
    );
    assert.equal(spec.replicas, 0);
    const [container] = spec.template.spec.containers as {
      name: string;
      image: string;
      ports: object[];
      resources: object;
    }[];
    assert.deepEqual(
      [container?.name, container?.image, container?.ports, container?.resources],
      ['demo', 'demo:1', [{ containerPort: 8080, protocol: 'TCP' }], {}],
    );
  });

  it('keeps text of all scripts and empty values', async () => {
    const data = { empty: '', text: 'Schäre 小島 🏝 \u0000 "quoted" \\ \n', zero: '0' };
    await hub.request('POST', maps, { body: JSON.stringify({ metadata: { name: 'text' }, data }) });
    assert.deepEqual((await hub.get<{ data: object }>(`${maps}/text`)).data, data);
  });
});
