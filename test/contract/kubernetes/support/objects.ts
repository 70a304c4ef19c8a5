// Looks at objects, and what becomes of them: selectors, resource versions, a
// life from creation to deletion, and waiting for what a collection holds.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../../api/meta/object.ts';
import type { Api } from './api.ts';
import type { Event } from './observation.ts';

/** `key=value` as the query parameter of a label selector. */
export function labelled(key: string, value: string): string {
  return `labelSelector=${encodeURIComponent(`${key}=${value}`)}`;
}

/** Whether `later` is of a later write than `earlier`; resource versions are decimal numbers since Kubernetes 1.35. */
export function isNewer(later: KubeObject, earlier: KubeObject): boolean {
  return versionOf(later) > versionOf(earlier);
}

/** The resource version, which must be a positive decimal number without zeros before it. */
export function versionOf({ metadata }: KubeObject): bigint {
  assert.match(metadata.resourceVersion ?? '', /^[1-9][0-9]*$/);
  return BigInt(metadata.resourceVersion ?? '');
}

export function nameOf(object: KubeObject): string {
  return object.metadata.name;
}

type Lifecycle = {
  collection: string;
  /** Path of the collection over all namespaces, when there are namespaces. */
  everywhere?: string;
  /** An object of that name. */
  make: (name: string) => object;
};

/**
 * An object is made, read, patched, listed and deleted; two others are made, updated, and deleted together by what
 * their label selects. Others may change the objects meanwhile.
 */
export async function hasLifecycle(api: Api, { collection, everywhere = collection, make }: Lifecycle): Promise<void> {
  const first = await api.create(collection, make('first'));
  const path = `${collection}/first`;
  assert.equal((await api.get(path)).metadata.uid, first.metadata.uid);
  const patched = await api.patch(path, { metadata: { labels: { lifecycle: 'patched' } } }, 'strategic');
  assert.equal(patched.metadata.labels?.lifecycle, 'patched');
  assert.ok(isNewer(patched, first));
  const wasPatched = `${collection}?${labelled('lifecycle', 'patched')}`;
  assert.deepEqual((await api.list(wasPatched)).items.map(nameOf), ['first']);
  await api.delete(path);
  await api.gone(path);
  assert.deepEqual((await api.list(wasPatched)).items, []);

  const others = ['second', 'third'];
  for (const name of others) {
    await api.create(collection, make(name));
    const updated = await api.change(`${collection}/${name}`, ({ metadata }) => {
      metadata.labels = { ...metadata.labels, lifecycle: 'updated' };
    });
    assert.equal(updated.metadata.labels?.lifecycle, 'updated');
  }
  const wasUpdated = labelled('lifecycle', 'updated');
  assert.deepEqual((await api.list(`${everywhere}?${wasUpdated}`)).items.map(nameOf), others);
  await api.delete(`${collection}?${wasUpdated}`);
  for (const name of others) await api.gone(`${collection}/${name}`);
  assert.deepEqual((await api.list(`${everywhere}?${wasUpdated}`)).items, []);
}

/** Waits until what a path of a collection selects is so; resolves with it. */
export async function untilAll<T extends KubeObject = KubeObject>(
  api: Api,
  selected: string,
  what: string,
  fits: (items: T[]) => boolean,
): Promise<T[]> {
  const watch = await api.watch<T>(selected);
  const items = new Map<string, T>();
  const { items: listed } = await api.list<T>(selected);
  if (fits(listed)) {
    watch.close();
    return listed;
  }
  const isSo = ({ type, object }: Event<T>): boolean => {
    if (type === 'DELETED') items.delete(object.metadata.name);
    else items.set(object.metadata.name, object);
    return fits([...items.values()]);
  };
  await watch.first(isSo, `${selected} ${what}`);
  watch.close();
  return [...items.values()];
}
