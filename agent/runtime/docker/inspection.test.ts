// What the engine says of a container that has ended, and what is made of it.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type Docker from 'dockerode';
import type { RuntimeContainer } from '../runtime.ts';
import { fromInspection } from './inspection.ts';
import { labelsOf } from './labels.ts';

const created = '2026-11-23T05:58:00Z';
const started = '2026-11-23T05:59:05Z';
const never = '0001-01-01T00:00:00Z';
const labels = labelsOf(
  {
    podUid: 'u',
    podNamespace: 'default',
    podName: 'job',
    role: 'container',
    containerName: 'main',
    attempt: 0,
    crashStreak: 0,
    specHash: 'h',
    sandboxId: 's',
  },
  'i',
);

function inspected(state: object): RuntimeContainer {
  const info = {
    Id: 'c',
    Created: created,
    Image: 'sha256:1',
    Config: { Image: 'job:1', Labels: labels },
    State: { Running: false, ExitCode: 0, StartedAt: started, FinishedAt: never, ...state },
    HostConfig: {},
    NetworkSettings: {},
  } as unknown as Docker.ContainerInspectInfo;
  return fromInspection(info, { networkName: 'n', engine: 'podman' });
}

it('has not succeeded when nobody saw its end, as after a power cut', () => {
  const { state, exitCode, finishedAtMs } = inspected({ Status: 'exited' });
  assert.deepEqual(
    { state, exitCode, finishedAtMs },
    { state: 'exited', exitCode: 255, finishedAtMs: Date.parse(started) },
  );
});

it('has the exit code and the time that the engine saw', () => {
  const finished = '2026-11-23T06:00:00Z';
  for (const code of [0, 3]) {
    const { exitCode, finishedAtMs } = inspected({ Status: 'exited', ExitCode: code, FinishedAt: finished });
    assert.deepEqual([exitCode, finishedAtMs], [code, Date.parse(finished)]);
  }
});

it('has the code of a failed start when it never ran', () => {
  const failed = inspected({ Status: 'created', StartedAt: never, Error: 'no such program' });
  assert.deepEqual([failed.state, failed.exitCode, failed.error], ['exited', 128, 'no such program']);
});
