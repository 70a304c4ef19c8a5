// The scheduler at an API: in what order pods get their nodes, and which get none.
// https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import type { Pod } from '../../api/meta/kubernetes.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { InProcessApi } from '../../test/support/in-process-api.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import { Informers } from '../client/informer.ts';
import { resources } from '../client/resources.ts';
import { Scheduler } from './scheduler.ts';

let stop: AbortController;
let api: InProcessApi;
let informers: Informers;

beforeEach(async () => {
  stop = new AbortController();
  api = await InProcessApi.start(stop.signal);
  await api.client.create(resources.priorityClasses, { metadata: { name: 'high' }, value: 1000 });
});
afterEach(() => stop.abort());

async function addNode(name: string): Promise<void> {
  await api.client.create(resources.nodes, {
    metadata: { name },
    status: { allocatable: { cpu: '2', memory: '1Gi', pods: '10' } },
  });
}

async function addPod(name: string, spec: object = {}): Promise<void> {
  const containers = [{ name: 'c', image: 'i:1', resources: { requests: { cpu: '1500m' } } }];
  await api.client.create(resources.pods, { metadata: { name, namespace: 'default' }, spec: { containers, ...spec } });
}

async function startScheduler(): Promise<void> {
  const parts = { client: api.client, clock: api.clock, log: createMemoryLog([]) };
  informers = new Informers(parts);
  const events = new EventRecorder({ component: 'default-scheduler' }, parts);
  const scheduler = new Scheduler({ ...parts, informers, events });
  await informers.start(stop.signal);
  scheduler.start(stop.signal);
}

/** Resolves when what the scheduler said of a pod is so. */
function until(name: string, isSo: (pod: Pod) => boolean): Promise<void> {
  return new Promise((resolve) => {
    informers.for(resources.pods).subscribe(({ object }) => {
      if (object?.metadata.name === name && isSo(object as Pod)) resolve();
    });
  });
}

const isBound = ({ spec }: Pod): boolean => spec?.nodeName !== undefined;
const isUnschedulable = ({ status }: Pod): boolean => status?.conditions?.[0]?.reason === 'Unschedulable';

it('gives the room that there is to who is more important, once', async () => {
  await addNode('n1');
  await addPod('early');
  await addPod('important', { priorityClassName: 'high' });
  await startScheduler();
  await Promise.all([until('important', isBound), until('early', isUnschedulable)]);
});

it('gives waiting pods what becomes free', async () => {
  await startScheduler();
  await addPod('first');
  await addPod('second', { priorityClassName: 'high' });
  await Promise.all([until('first', isUnschedulable), until('second', isUnschedulable)]);
  await addNode('n1');
  await until('second', isBound);
  await api.client.delete(resources.pods, { name: 'second', namespace: 'default' }, { gracePeriodSeconds: 0 });
  await until('first', isBound);
});

it('leaves pods alone whose gates are closed', async () => {
  await addNode('n1');
  await addPod('gated', { schedulingGates: [{ name: 'example.com/a' }] });
  await startScheduler();
  await addPod('other');
  await until('other', isBound);
  const gated = (await api.client.get(resources.pods, { name: 'gated', namespace: 'default' })) as Pod;
  assert.deepEqual([gated.spec?.nodeName, gated.status?.conditions?.[0]?.reason], [undefined, 'SchedulingGated']);
  await addNode('n2');
  await api.client.patch(resources.pods, gated.metadata, 'merge', { spec: { schedulingGates: null } });
  await until('gated', isBound);
});
