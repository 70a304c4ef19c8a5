// An engine that lists a container and can't tell of it, as Podman after a power
// cut: the others are seen all the same. The engine is a recorded one.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runtimeOnRecordedEngine } from '../../../test/support/recorded-engine.ts';
import { labelsOf } from './labels.ts';

/** What Podman 5.4 says of a container whose configuration has been lost. */
const lost = 'getting graph driver info "damaged": readlink /data/containers/storage/overlay: invalid argument';

const identity = {
  podUid: 'uid-1',
  podNamespace: 'default',
  podName: 'web',
  role: 'container' as const,
  attempt: 0,
  crashStreak: 0,
  specHash: 'abc',
  sandboxId: '',
};
const listed = (Id: string, State: string): object => ({
  Id,
  State,
  Image: 'web:1',
  ImageID: 'sha256:1',
  Created: 1_700_000_000,
  Labels: labelsOf({ ...identity, containerName: Id }, 'test'),
});
let isMended = false;

const runtime = await runtimeOnRecordedEngine(({ url = '' }, response) => {
  const id = /containers\/(\w+)\/json/.exec(url)?.[1];
  const isDamaged = id !== undefined && id !== 'whole' && !isMended;
  const answer =
    id === 'json' || url.includes('containers/json')
      ? [listed('damaged', 'created'), listed('hidden', 'running'), listed('whole', 'running')]
      : isDamaged
        ? { message: lost }
        : {
            Id: id,
            Created: '2023-11-14T22:13:20Z',
            Image: 'sha256:1',
            Config: { Image: 'web:1', Labels: labelsOf({ ...identity, containerName: id ?? '' }, 'test') },
            State: { Status: 'running', Running: true, StartedAt: '2023-11-14T22:13:21Z' },
            HostConfig: {},
            NetworkSettings: {},
          };
  response.writeHead(isDamaged ? 500 : 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
});
it('takes what can not be told of for ended unless it runs, and asks again', async () => {
  const states = async (): Promise<unknown[]> =>
    (await runtime.list()).map(({ id, containerName, state, error }) => [id, containerName, state, error]);
  assert.deepEqual(await states(), [
    ['damaged', 'damaged', 'exited', lost],
    ['hidden', 'hidden', 'running', undefined],
    ['whole', 'whole', 'running', undefined],
  ]);
  isMended = true;
  assert.deepEqual(await states(), [
    ['damaged', 'damaged', 'running', undefined],
    ['hidden', 'hidden', 'running', undefined],
    ['whole', 'whole', 'running', undefined],
  ]);
});
