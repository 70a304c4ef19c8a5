// What Kubernetes' "should support ... API operations" tests ask of a kind: it
// is discovered, and can be created, read, listed, watched, patched, updated
// and deleted, alone and as a collection, its status too where it has one.
import assert from 'node:assert/strict';
import { isJsonObject, type JsonObject, type KubeObject } from '../../../../api/meta/object.ts';
import type { Cluster } from './conformance.ts';
import { isNewer, labelled, versionOf } from './objects.ts';
import type { Event } from './observation.ts';

type Group = { versions: { groupVersion: string; version: string }[] };
type ResourceList = { resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[] };

export type KindOperations = {
  /** As objects have it: `flowcontrol.apiserver.k8s.io/v1`. */
  apiVersion: string;
  kind: string;
  /** Plural, as in paths. */
  resource: string;
  namespaced: boolean;
  /** The object without its metadata. */
  fields: JsonObject;
  /** Of the three objects; without them they have generated ones. */
  names?: readonly string[];
  /** A selector of a query that finds the three, in place of that of their label. */
  selector?: string;
  /** A merge patch of more than metadata, and what the object must then match. */
  patch?: JsonObject;
  /** A change by update, of more than metadata, and what the object must then match. */
  update?: JsonObject;
  /** Conditions of its status can be written. */
  status?: { conditions: JsonObject[] };
  /** Subresources beside status that discovery must name. */
  subresources?: string[];
  /** More to try with one of them, before its deletion. */
  more?: (path: string, created: KubeObject) => Promise<void>;
};

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Asks all this of the cluster; leaves nothing behind when it succeeds. */
export async function checkOperations(cluster: Cluster, wanted: KindOperations): Promise<void> {
  const collection = await discover(cluster, wanted);
  const selector = wanted.selector ?? labelled('conformance', 'operations');
  const fromStart = await cluster.watch(`${collection}?${selector}`);
  const created = await createThree(cluster, collection, wanted);
  const path = `${collection}/${created.metadata.name}`;
  const read = await cluster.get(path);
  assert.deepEqual(
    [read.apiVersion, read.kind, read.metadata.uid],
    [wanted.apiVersion, wanted.kind, created.metadata.uid],
  );
  assert.ok(versionOf(read) > 0n);
  const selected = `${collection}?${selector}`;
  const { items, metadata } = await cluster.list(selected);
  assert.equal(items.length, 3);
  for (const { metadata: wasAdded } of items) {
    const isIt = ({ type, object }: Event): boolean => type === 'ADDED' && object.metadata.uid === wasAdded.uid;
    await fromStart.first(isIt, `${wasAdded.name}, added`);
  }

  const since = `${selector}&resourceVersion=${metadata.resourceVersion}`;
  const watches = [fromStart, await cluster.watch(`${collection}?${since}`)];
  if (wanted.namespaced) {
    const everywhere = `/apis/${wanted.apiVersion}/${wanted.resource}`;
    assert.equal((await cluster.list(`${everywhere}?${selector}`)).items.length, 3);
    watches.push(await cluster.watch(`${everywhere}?${since}`));
  }
  await change(cluster, path, created, wanted);
  // A controller may write between: all that is asked is that each change is seen, as a change.
  const saw = ({ object }: Event, annotation: string): boolean => object.metadata.annotations?.[annotation] === 'true';
  for (const watch of watches) {
    for (const annotation of ['patched', 'updated']) {
      const { type, object } = await watch.first((event) => saw(event, annotation), `the one ${annotation}`);
      assert.deepEqual([type, object.kind, object.metadata.name], ['MODIFIED', wanted.kind, created.metadata.name]);
    }
  }
  if (wanted.status !== undefined) await changeStatus(cluster, path, created, wanted, wanted.status.conditions);
  await wanted.more?.(path, created);

  await cluster.delete(path);
  await cluster.refused(404, 'NotFound', 'GET', path);
  assert.equal((await cluster.list(selected)).items.length, 2);
  await cluster.delete(selected);
  assert.deepEqual((await cluster.list(selected)).items, []);
  for (const watch of watches) {
    const isGone = new Set<string>();
    while (isGone.size < 3) {
      const { object } = await watch.first(({ type }) => type === 'DELETED', 'the deletion of all three');
      isGone.add(object.metadata.name);
    }
  }
}

/** Creates the objects, in the order that lists have; resolves with the last one. */
async function createThree(cluster: Cluster, collection: string, wanted: KindOperations): Promise<KubeObject> {
  const { apiVersion, kind, fields, names } = wanted;
  const labels = { conformance: 'operations' };
  const objects = [0, 1, 2].map((index) => {
    const name = names?.[index];
    const metadata = name === undefined ? { generateName: `conformance-${index}-`, labels } : { name, labels };
    return { apiVersion, kind, ...fields, metadata };
  });
  const created: KubeObject[] = [];
  for (const object of objects) created.push(await cluster.create(collection, object));
  if (names !== undefined) await cluster.refused(409, 'AlreadyExists', 'POST', collection, { body: objects[0] });
  const [, , last] = created;
  assert.ok(last);
  return last;
}

/** Finds the kind in the three discovery documents; resolves with the path of its collection. */
export async function discover(
  cluster: Cluster,
  wanted: Pick<KindOperations, 'apiVersion' | 'kind' | 'resource' | 'namespaced' | 'status' | 'subresources'>,
): Promise<string> {
  const { apiVersion, kind, resource, namespaced, status, subresources = [] } = wanted;
  const [group = '', version = ''] = apiVersion.split('/');
  const { groups } = await cluster.get<{ groups: (Group & { name: string })[] }>('/apis');
  for (const found of [groups.find(({ name }) => name === group), await cluster.get<Group>(`/apis/${group}`)]) {
    assert.ok(
      found?.versions.some((item) => item.version === version && item.groupVersion === apiVersion),
      `${apiVersion} in ${JSON.stringify(found)}`,
    );
  }
  const { resources } = await cluster.get<ResourceList>(`/apis/${apiVersion}`);
  const found = resources.find(({ name }) => name === resource);
  assert.deepEqual([found?.kind, found?.namespaced], [kind, namespaced], resource);
  assert.deepEqual([...(found?.verbs ?? [])].sort(), allVerbs);
  const names = [...subresources, ...(status === undefined ? [] : ['status'])].map((name) => `${resource}/${name}`);
  for (const name of names)
    assert.ok(
      resources.some((item) => item.name === name),
      name,
    );
  return namespaced ? cluster.path(resource, apiVersion) : `/apis/${apiVersion}/${resource}`;
}

async function change(cluster: Cluster, path: string, created: KubeObject, wanted: KindOperations): Promise<void> {
  const { patch = {}, update = {} } = wanted;
  const patched = await cluster.patch(path, { ...patch, metadata: { annotations: { patched: 'true' } } });
  assert.equal(patched.metadata.annotations?.patched, 'true');
  assert.partialDeepStrictEqual(patched, patch);
  assert.ok(isNewer(patched, created));
  const updated = await cluster.change(path, (object) => {
    object.metadata.annotations = { ...object.metadata.annotations, updated: 'true' };
    merge(object, update);
  });
  assert.deepEqual([updated.metadata.annotations?.patched, updated.metadata.annotations?.updated], ['true', 'true']);
  assert.partialDeepStrictEqual(updated, update);
}

async function changeStatus(
  cluster: Cluster,
  path: string,
  created: KubeObject,
  wanted: KindOperations,
  [first = {}, second = {}]: JsonObject[],
): Promise<void> {
  type WithConditions = KubeObject & { status?: { conditions?: JsonObject[] } };
  const has = ({ status }: WithConditions, { type }: JsonObject): boolean =>
    status?.conditions?.some((condition) => condition.type === type) ?? false;
  const status = `${path}/status`;
  const read = await cluster.get(status);
  assert.deepEqual(
    [read.apiVersion, read.kind, read.metadata.uid],
    [wanted.apiVersion, wanted.kind, created.metadata.uid],
  );
  const patched = await cluster.patch<WithConditions>(status, { status: { conditions: [first] } });
  assert.ok(has(patched, first), JSON.stringify(patched.status));
  const updated = await cluster.change<WithConditions>(status, (object) => {
    object.status = { ...object.status, conditions: [...(object.status?.conditions ?? []), second] };
  });
  assert.ok(has(updated, second), JSON.stringify(updated.status));
}

function merge(target: JsonObject, source: JsonObject): void {
  for (const [key, value] of Object.entries(source)) {
    const old = target[key];
    if (isJsonObject(old) && isJsonObject(value)) merge(old, value);
    else target[key] = value;
  }
}
