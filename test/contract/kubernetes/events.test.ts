// Events, by the core API and by events.k8s.io: two views of the same objects.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { type Cluster, conformance } from './support/conformance.ts';
import { labelled, nameOf } from './support/objects.ts';

type Event = KubeObject & { note?: string; message?: string; series?: { count: number; lastObservedTime: string } };

const apiVersion = 'events.k8s.io/v1';
const seenAt = '2017-09-19T13:49:16.000000Z';
const series = { count: 100, lastObservedTime: seenAt };

function newEvent(namespace: string, name: string, label: string): object {
  return {
    apiVersion,
    kind: 'Event',
    metadata: { name, labels: { [label]: 'true' } },
    regarding: { namespace },
    eventTime: seenAt,
    note: `This is ${name}`,
    action: 'Do',
    reason: 'Test',
    type: 'Normal',
    reportingController: 'test-controller',
    reportingInstance: 'test-node',
  };
}

function coreEvent(namespace: string, name: string, label: string): object {
  return {
    metadata: { name, labels: { [label]: 'true' } },
    message: `This is ${name}`,
    reason: 'Test',
    type: 'Normal',
    count: 1,
    involvedObject: { namespace },
  };
}

/** An event without what the server counts in it. */
function written({ metadata, ...fields }: Event): object {
  const { resourceVersion: _, managedFields: __, ...rest } = metadata;
  return { metadata: rest, ...fields };
}

/** Without a resource version, so that the write is unconditional. */
function withSeries(event: Event): Event {
  return { ...(written(event) as Event), series };
}

/** Whether a list, which may be of all namespaces, has the test's event. */
async function isListed(cluster: Cluster, path: string, name: string): Promise<boolean> {
  const { items } = await cluster.list(`${path}?${labelled('constant', 'true')}`);
  return items.some(({ metadata }) => metadata.name === name && metadata.namespace === cluster.namespace);
}

conformance(
  '[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]',
  async (cluster) => {
    const events = cluster.path('events', apiVersion);
    const everywhere = `/apis/${apiVersion}/events`;
    await cluster.create(events, newEvent(cluster.namespace, 'event-test', 'constant'));
    assert.ok(await isListed(cluster, everywhere, 'event-test'));
    assert.ok(await isListed(cluster, events, 'event-test'));
    const bySource = await cluster.list(`${cluster.path('events')}?fieldSelector=source%3Dtest-controller`);
    assert.deepEqual(bySource.items.map(nameOf), ['event-test']);
    const byReporter = await cluster.list(`${events}?fieldSelector=reportingController%3Dtest-controller`);
    assert.deepEqual(byReporter.items.map(nameOf), ['event-test']);

    const path = `${events}/event-test`;
    const before = await cluster.get<Event>(path);
    // The series is what may change in an event of this API; its note may not.
    await cluster.patch(path, { series: { count: 2, lastObservedTime: seenAt } }, 'strategic');
    const patched = await cluster.get<Event>(path);
    assert.deepEqual(written(patched), { ...written(before), series: { count: 2, lastObservedTime: seenAt } });
    assert.ok(Number(patched.metadata.resourceVersion) > Number(before.metadata.resourceVersion));
    const changed = withSeries(patched);
    await cluster.update(path, changed);
    assert.deepEqual(written(await cluster.get<Event>(path)), written(changed));

    await cluster.delete(path);
    assert.ok(!(await isListed(cluster, everywhere, 'event-test')));
    assert.ok(!(await isListed(cluster, events, 'event-test')));
  },
);

conformance('[sig-instrumentation] Events API should delete a collection of events [Conformance]', async (cluster) => {
  await deletesCollection(cluster, cluster.path('events', apiVersion), newEvent);
});

conformance('[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]', async (cluster) => {
  const events = cluster.path('events');
  const path = `${events}/event-test`;
  await cluster.create(events, coreEvent(cluster.namespace, 'event-test', 'constant'));
  assert.ok(await isListed(cluster, '/api/v1/events', 'event-test'));
  const message = 'This is a test event - patched';
  await cluster.patch(path, { message }, 'strategic');
  const patched = await cluster.get<Event>(path);
  assert.equal(patched.message, message);
  const changed = withSeries(patched);
  await cluster.update(path, changed);
  assert.deepEqual(written(await cluster.get<Event>(path)), written(changed));
  await cluster.delete(path);
  assert.ok(!(await isListed(cluster, '/api/v1/events', 'event-test')));
});

conformance('[sig-instrumentation] Events should delete a collection of events [Conformance]', async (cluster) => {
  await deletesCollection(cluster, cluster.path('events'), coreEvent);
});

async function deletesCollection(cluster: Cluster, events: string, make: typeof newEvent): Promise<void> {
  const names = ['test-event-1', 'test-event-2', 'test-event-3'];
  for (const name of names) await cluster.create(events, make(cluster.namespace, name, 'set'));
  const selected = `${events}?${labelled('set', 'true')}`;
  assert.deepEqual((await cluster.list(selected)).items.map(nameOf), names);
  await cluster.delete(selected);
  assert.deepEqual((await cluster.list(selected)).items, []);
}
