// The slice on disk: there after a restart, written only when something
// changed, and honest about files that are damaged.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject } from '../../api/meta/object.ts';
import { digestOf, hashObject } from '../../api/wire/slice.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import { SliceState } from './slice-state.ts';

const object = (name: string, data: string): KubeObject => ({ metadata: { name, namespace: 'default' }, data });
const key = (name: string): string => `configmaps/default/${name}`;

async function open(disk: VirtualDisk, lines: string[] = []): Promise<SliceState> {
  const state = new SliceState({ directory: '/data' }, { disk, log: createMemoryLog(lines as never[]) });
  await state.load();
  return state;
}

async function put(state: SliceState, ...objects: KubeObject[]): Promise<void> {
  await state.apply({ upserts: objects.map((item) => [key(item.metadata.name), item] as const), deletes: [] });
}

it('is empty at first', async () => {
  const state = await open(new VirtualDisk());
  assert.deepEqual(state.manifest, {});
  assert.equal(state.digest(), digestOf({}));
  assert.equal(state.get(key('a')), undefined);
});

it('is there after a restart, with the same digest', async () => {
  const disk = new VirtualDisk();
  const before = await open(disk);
  await put(before, object('a', '1'), object('b.c-d', 'ünï'));
  await before.apply({ upserts: [['nodes/n1', { metadata: { name: 'n1' } }]], deletes: [] });
  const after = await open(disk);
  assert.deepEqual(after.get(key('a')), object('a', '1'));
  assert.deepEqual(after.get(key('b.c-d')), object('b.c-d', 'ünï'));
  assert.deepEqual(after.all('configmaps').length, 2);
  assert.deepEqual(after.all('nodes'), [{ metadata: { name: 'n1' } }]);
  assert.deepEqual(after.all('config'), []);
  assert.deepEqual(after.manifest, before.manifest);
  assert.equal(after.manifest[key('a')], hashObject(object('a', '1')));
  assert.equal(after.digest(), before.digest());
});

it('writes only what changed', async () => {
  const disk = new VirtualDisk();
  const state = await open(disk);
  await put(state, object('a', '1'), object('b', '1'));
  const { writes } = disk;
  await put(state, object('a', '1'), object('b', '1'));
  assert.equal(disk.writes, writes);
  await put(state, object('a', '2'), object('b', '1'));
  assert.equal(disk.writes, writes + 1);
  await put(await open(disk), object('a', '2'), object('b', '1'));
  assert.equal(disk.writes, writes + 1);
});

it('forgets what is deleted', async () => {
  const disk = new VirtualDisk();
  const state = await open(disk);
  await put(state, object('a', '1'), object('b', '1'));
  await state.apply({ upserts: [], deletes: [key('a'), key('never-was')] });
  for (const one of [state, await open(disk)]) {
    assert.deepEqual(Object.keys(one.manifest), [key('b')]);
    assert.equal(one.get(key('a')), undefined);
  }
});

it('believes no more than is on a full disk', async () => {
  const disk = new VirtualDisk();
  const state = await open(disk);
  await put(state, object('a', '1'));
  const digest = state.digest();
  disk.full = true;
  await assert.rejects(put(state, object('a', '2'), object('b', '1')), { code: 'ENOSPC' });
  assert.deepEqual(state.get(key('a')), object('a', '1'));
  assert.equal(state.digest(), digest);
  disk.full = false;
  await put(state, object('a', '2'), object('b', '1'));
  assert.equal((await open(disk)).digest(), state.digest());
});

it('leaves out a damaged file, so that the hub sends it again', async () => {
  const disk = new VirtualDisk();
  const state = await open(disk);
  await put(state, object('a', '1'), object('b', '1'));
  const [name = ''] = (await disk.list('/data/slice')).filter((file) => file.includes('a.json'));
  await disk.write(`/data/slice/${name}`, '{"metadata"');
  await disk.write('/data/slice/note.txt', 'not ours');
  const lines: string[] = [];
  const after = await open(disk, lines);
  assert.deepEqual(Object.keys(after.manifest), [key('b')]);
  assert.equal(lines.length, 1);
  await put(after, object('a', '1'));
  assert.deepEqual((await open(disk)).get(key('a')), object('a', '1'));
});

it('refuses keys that would lead out of its directory', async () => {
  const disk = new VirtualDisk();
  const state = await open(disk);
  for (const bad of [
    '',
    'pods',
    'pods/',
    '../x/y',
    'pods/../../x',
    'pods/a/b/c',
    'pods/a__b/c',
    'Pods/a/b',
    'pods/a/b\n',
  ]) {
    await assert.rejects(state.apply({ upserts: [[bad, object('a', '1')]], deletes: [] }), /not a key/, bad);
  }
  assert.equal(disk.writes, 0);
});
