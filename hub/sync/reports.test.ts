// Whose conditions stand in a node's status, and since when they hold: the
// device's time, but for a device that says that its clock is wrong, and never
// anew while a status stays.
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import type { Condition, Node } from '../../api/meta/kubernetes.ts';
import { formatTime } from '../../api/meta/time.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { InProcessApi } from '../../test/support/in-process-api.ts';
import { resources } from '../client/resources.ts';
import { NodeReports } from './reports.ts';

const stop = new AbortController();
const api = await InProcessApi.start(stop.signal);
after(() => stop.abort());

const in1970 = '1970-01-01T00:00:30Z';
const deviceTime = '2026-11-23T01:00:00Z';

/** Reports TYPE: STATUS of a node at the device's time; resolves with the times that stand afterwards. */
async function report(nodeName: string, at: string, statuses: Record<string, string>): Promise<Record<string, string>> {
  const conditions = Object.entries(statuses).map(([type, status]) => ({ type, status, lastTransitionTime: at }));
  const reports = new NodeReports({ nodeName }, { client: api.client, clock: api.clock, log: createMemoryLog([]) });
  await reports.apply({ kind: 'node', labels: {}, status: { conditions } });
  const node = (await api.client.get(resources.nodes, { name: nodeName })) as Node;
  const stored = (node.status?.conditions ?? []) as Condition[];
  return Object.fromEntries(stored.map(({ type, lastTransitionTime }) => [type, lastTransitionTime ?? '']));
}

it("leaves others' conditions, and takes away its own that it no longer tells of", async () => {
  await report('shared', deviceTime, { Ready: 'True', Throttled: 'False' });
  const node = (await api.client.get(resources.nodes, { name: 'shared' })) as Node;
  const others: Condition = { type: 'KernelDeadlock', status: 'False', lastTransitionTime: in1970 };
  const conditions = [...((node.status?.conditions ?? []) as Condition[]), others];
  await api.client.update(resources.nodes, { ...node, status: { ...node.status, conditions } }, 'status');
  assert.deepEqual(await report('shared', deviceTime, { Ready: 'True' }), {
    KernelDeadlock: in1970,
    Ready: deviceTime,
  });
});

it('is the time of a device whose clock is right', async () => {
  const first = await report('right', deviceTime, { Ready: 'True', ClockNotSynchronized: 'False' });
  assert.deepEqual(first, { Ready: deviceTime, ClockNotSynchronized: deviceTime });
  const later = '2026-11-23T02:00:00Z';
  const second = await report('right', later, { Ready: 'False', ClockNotSynchronized: 'False' });
  assert.deepEqual(second, { Ready: later, ClockNotSynchronized: deviceTime });
});

it("is the hub's for a device in 1970, from its first report on, and stands while a status does", async () => {
  const then = formatTime(api.clock.nowMs());
  const wrong = { ClockNotSynchronized: 'True' };
  assert.deepEqual(await report('lost', in1970, { Ready: 'False', ...wrong }), {
    Ready: then,
    ClockNotSynchronized: then,
  });
  await api.clock.advance(60_000);
  const now = formatTime(api.clock.nowMs());
  assert.deepEqual(await report('lost', in1970, { Ready: 'True', ...wrong }), {
    Ready: now,
    ClockNotSynchronized: then,
  });
});
