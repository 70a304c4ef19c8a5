// What waits for the hub: one newest state an object, a bounded list of events,
// and nothing lost or doubled when a report fails or the link goes.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ReportItem } from '../../api/wire/frames.ts';
import { maxReportItems } from '../../api/wire/limits.ts';
import { maxWaitingEvents } from './limits.ts';
import { Outbox } from './outbox.ts';

function pod(uid: string, phase: string): ReportItem {
  return { kind: 'pod', namespace: 'default', name: uid, uid, status: { phase } as never };
}

const gone = (uid: string): ReportItem => ({ kind: 'gone', namespace: 'default', name: uid, uid });
const node = (name: string): ReportItem => ({ kind: 'node', labels: { name }, status: {} });

function event(reason: string): ReportItem {
  const about = { namespace: 'default', name: 'a', uid: 'a', objectKind: 'Pod' };
  return { kind: 'event', ...about, type: 'Normal', reason, message: '' };
}

function text(item: ReportItem): string {
  if (item.kind === 'pod') return `${item.uid} ${item.status.phase}`;
  if (item.kind === 'gone') return `${item.uid} gone`;
  return item.kind === 'node' ? `node ${item.labels.name}` : `event ${item.reason}`;
}

function filled(...items: ReportItem[]): Outbox {
  const outbox = new Outbox();
  for (const item of items) outbox.put(item);
  return outbox;
}

const taken = (outbox: Outbox): string[] => outbox.take().map(text);

it('is empty at first', () => {
  const outbox = filled();
  assert.deepEqual(taken(outbox), []);
  assert.equal(outbox.waiting, 0);
});

const newest: [title: string, items: ReportItem[], report: string[]][] = [
  [
    'keeps only the newest state',
    [pod('a', 'Pending'), pod('b', 'Pending'), pod('a', 'Running')],
    ['b Pending', 'a Running'],
  ],
  ['sends the node first', [pod('a', 'Running'), node('1'), pod('b', 'Running')], ['node 1', 'a Running', 'b Running']],
  ['keeps the newest node', [node('1'), pod('a', 'Running'), node('2')], ['node 2', 'a Running']],
  ['lets gone be the last word', [pod('a', 'Running'), gone('a'), pod('a', 'Failed')], ['a gone']],
  [
    'keeps all events, behind the states',
    [event('1'), pod('a', 'Running'), event('2')],
    ['a Running', 'event 1', 'event 2'],
  ],
];
for (const [title, items, report] of newest) it(title, () => assert.deepEqual(taken(filled(...items)), report));

it('sends nothing while a report is on its way', () => {
  const outbox = filled(pod('a', 'Pending'));
  assert.deepEqual(taken(outbox), ['a Pending']);
  outbox.put(pod('a', 'Running'));
  assert.deepEqual(taken(outbox), []);
  assert.equal(outbox.waiting, 2);
  outbox.acknowledged([]);
  assert.deepEqual(taken(outbox), ['a Running']);
  outbox.acknowledged([]);
  assert.equal(outbox.waiting, 0);
});

it('sends again what the hub could not apply', () => {
  const outbox = filled(pod('a', 'Running'), pod('b', 'Running'), event('1'), event('2'));
  outbox.take();
  outbox.acknowledged([1, 2, 99]);
  assert.deepEqual(taken(outbox), ['b Running', 'event 1']);
});

it('sends all again when the link is lost', () => {
  const outbox = filled(pod('a', 'Running'), event('1'));
  outbox.take();
  outbox.put(event('2'));
  outbox.linkLost();
  assert.deepEqual(taken(outbox), ['a Running', 'event 1', 'event 2']);
  outbox.linkLost();
  outbox.linkLost();
  assert.equal(outbox.waiting, 3);
});

it('puts nothing old over what is newer', () => {
  for (const back of ['acknowledged', 'linkLost'] as const) {
    const outbox = filled(pod('a', 'Pending'), pod('b', 'Pending'));
    outbox.take();
    outbox.put(gone('a'));
    outbox.put(pod('b', 'Running'));
    if (back === 'linkLost') outbox.linkLost();
    else outbox.acknowledged([0, 1]);
    assert.deepEqual(taken(outbox), ['a gone', 'b Running'], back);
  }
});

it('drops the oldest events when there are too many', () => {
  const outbox = filled(...Array.from({ length: maxWaitingEvents + 5 }, (_, index) => event(String(index))));
  assert.equal(outbox.waiting, maxWaitingEvents);
  assert.equal(taken(outbox)[0], 'event 5');
  for (let index = 0; index < 10; index += 1) outbox.put(event(`late ${index}`));
  outbox.linkLost();
  assert.equal(outbox.waiting, maxWaitingEvents);
  assert.equal(taken(outbox).at(-1), 'event late 9');
});

it('fits into a report, state before events', () => {
  const states = Array.from({ length: maxReportItems + 10 }, (_, index) => pod(`p${index}`, 'Running'));
  const outbox = filled(event('1'), ...states);
  const first = taken(outbox);
  assert.equal(first.length, maxReportItems);
  assert.equal(first[0], 'p0 Running');
  outbox.acknowledged([]);
  const second = taken(outbox);
  assert.equal(second.length, 11);
  assert.equal(second.at(-1), 'event 1');
});

it('says when something waits', () => {
  let calls = 0;
  const outbox = filled();
  outbox.onItem(() => {
    calls += 1;
  });
  outbox.put(pod('a', 'Running'));
  outbox.put(event('1'));
  assert.equal(calls, 2);
});
