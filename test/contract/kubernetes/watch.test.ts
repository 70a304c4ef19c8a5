// Watches of ConfigMaps: selectors, resumption, order.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import type { Observation } from './support/observation.ts';

const label = 'watched';

/** A watch of the ConfigMaps whose label has one of these values. */
function watchMaps(cluster: Cluster, values: string[], resourceVersion?: string): Promise<Observation<KubeObject>> {
  const selector = encodeURIComponent(`${label} in (${values.join(',')})`);
  const from = resourceVersion === undefined ? '' : `&resourceVersion=${resourceVersion}`;
  return cluster.watch(`${cluster.path('configmaps')}?labelSelector=${selector}${from}`);
}

function create(cluster: Cluster, name: string, value: string): Promise<KubeObject> {
  return cluster.create(cluster.path('configmaps'), { metadata: { name, labels: { [label]: value } } });
}

/** The mutation of a ConfigMap's data that tests look for. */
function mutate(cluster: Cluster, name: string, mutation: string): Promise<KubeObject> {
  return cluster.change(cluster.path(`configmaps/${name}`), (map) => {
    map.data = { mutation };
  });
}

function relabel(cluster: Cluster, name: string, value: string): Promise<KubeObject> {
  return cluster.change(cluster.path(`configmaps/${name}`), (map) => {
    map.metadata.labels = { [label]: value };
  });
}

/** Waits until as many events came, which must be exactly these: `TYPE name mutation`. */
async function assertEvents(watch: Observation<KubeObject>, expected: string[]): Promise<void> {
  for (const _ of expected) await watch.first(() => true, `${expected.length} events`);
  const seen = watch.events.map(({ type, object }) => {
    const { mutation = '-' } = (object.data ?? {}) as { mutation?: string };
    return `${type} ${object.metadata.name} ${mutation}`;
  });
  assert.deepEqual(seen, expected);
}

conformance(
  '[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]',
  async (cluster) => {
    const [watchA, watchB, watchBoth] = [
      await watchMaps(cluster, ['a']),
      await watchMaps(cluster, ['b']),
      await watchMaps(cluster, ['a', 'b']),
    ];
    const written = [await create(cluster, 'map-a', 'a')];
    for (const mutation of ['1', '2']) written.push(await mutate(cluster, 'map-a', mutation));
    for (const object of written) {
      const type = object === written[0] ? 'ADDED' : 'MODIFIED';
      assert.deepEqual(await watchA.next(type), object);
      assert.deepEqual(await watchBoth.next(type), object);
    }
    await cluster.delete(cluster.path('configmaps/map-a'));
    const createdB = await create(cluster, 'map-b', 'b');
    // What the other watches must not see would have come before this.
    assert.deepEqual(await watchB.next('ADDED'), createdB);
    await cluster.delete(cluster.path('configmaps/map-b'));
    await watchA.next('DELETED');
    for (const type of ['DELETED', 'ADDED', 'DELETED']) await watchBoth.next(type);
    await watchB.next('DELETED');

    assert.deepEqual(watchA.types, ['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED']);
    assert.deepEqual(watchB.types, ['ADDED', 'DELETED']);
    assert.deepEqual(watchBoth.types, [...watchA.types, ...watchB.types]);
  },
);

conformance(
  '[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]',
  async (cluster) => {
    await create(cluster, 'past', 'past');
    const first = await mutate(cluster, 'past', '1');
    const second = await mutate(cluster, 'past', '2');
    await cluster.delete(cluster.path('configmaps/past'));
    const watch = await watchMaps(cluster, ['past'], first.metadata.resourceVersion);
    assert.deepEqual(await watch.next('MODIFIED'), second);
    await watch.next('DELETED');
  },
);

conformance(
  '[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch [Conformance]',
  async (cluster) => {
    const broken = await watchMaps(cluster, ['restarted']);
    await create(cluster, 'restarted', 'restarted');
    await mutate(cluster, 'restarted', '1');
    await broken.next('ADDED');
    const last = await broken.next('MODIFIED');
    broken.close();
    const missed = await mutate(cluster, 'restarted', '2');
    const restarted = await watchMaps(cluster, ['restarted'], last.metadata.resourceVersion);
    await cluster.delete(cluster.path('configmaps/restarted'));
    assert.deepEqual(await restarted.next('MODIFIED'), missed);
    await restarted.next('DELETED');
  },
);

conformance(
  '[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector [Conformance]',
  async (cluster) => {
    const watch = await watchMaps(cluster, ['wanted']);
    const created = await create(cluster, 'mover', 'wanted');
    const mutated = await mutate(cluster, 'mover', '1');
    await relabel(cluster, 'mover', 'unwanted');
    assert.deepEqual(await watch.next('ADDED'), created);
    assert.deepEqual(await watch.next('MODIFIED'), mutated);
    await watch.next('DELETED');

    await mutate(cluster, 'mover', '2');
    const restored = await relabel(cluster, 'mover', 'wanted');
    const again = await mutate(cluster, 'mover', '3');
    await cluster.delete(cluster.path('configmaps/mover'));
    // The second mutation, made while the label was another, would have come before.
    assert.deepEqual(await watch.next('ADDED'), restored);
    assert.deepEqual(await watch.next('MODIFIED'), again);
    await watch.next('DELETED');
    await assertEvents(await watchMaps(cluster, ['wanted'], created.metadata.resourceVersion), [
      'MODIFIED mover 1',
      'DELETED mover 1',
      'ADDED mover 2',
      'MODIFIED mover 3',
      'DELETED mover 3',
    ]);
  },
);

conformance(
  '[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]',
  async (cluster) => {
    const rounds = 100;
    const maps = cluster.path('configmaps');
    let { resourceVersion } = (await cluster.list(maps)).metadata;
    let stopped = false;
    const writing = writeUntil(cluster, () => stopped);
    const watches: Observation<KubeObject>[] = [];
    try {
      for (let round = 0; round < rounds; round += 1) {
        watches.push(await cluster.watch(`${maps}?resourceVersion=${resourceVersion}`));
        const [first, ...others] = await Promise.all(watches.map((watch) => watch.first(() => true, `event ${round}`)));
        resourceVersion = first?.object.metadata.resourceVersion ?? '';
        for (const { object } of others) assert.equal(object.metadata.resourceVersion, resourceVersion);
      }
    } finally {
      stopped = true;
      await writing;
    }
  },
);

/** Creates, changes and deletes ConfigMaps, in an order that is the same each time, until it is told to stop. */
async function writeUntil(cluster: Cluster, stopped: () => boolean): Promise<void> {
  const maps = cluster.path('configmaps');
  const living: string[] = [];
  const maxWrites = 100_000;
  for (let write = 0; write < maxWrites && !stopped(); write += 1) {
    const name = living[(write * 7) % Math.max(living.length, 1)];
    const step = (write * 5 + Math.floor(write / 3)) % 3;
    if (name === undefined || step === 0) {
      await cluster.create(maps, { metadata: { name: `map-${write}` } });
      living.push(`map-${write}`);
    } else if (step === 1) {
      await cluster.update(`${maps}/${name}`, { metadata: { name, labels: { mutated: String(write) } } });
    } else {
      await cluster.delete(`${maps}/${name}`);
      living.splice(living.indexOf(name), 1);
    }
  }
}
