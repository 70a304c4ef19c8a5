// From a pod's creation to its container's start (API, scheduler, sync, sandbox
// and container), and from `docker run -d` to the start of the same image: both
// by the engine's own StartedAt, in turns, so that a busy moment hits both.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { callApi } from '../cli/api.ts';
import { docker, ensureImages, images } from '../test/support/engine.ts';
import { type BenchHub, sleepingPod, startHub, startNode } from './cluster.ts';
import { figure, median, percentile } from './figures.ts';

const runs = 15;
const runTimeoutMs = 60_000;
const podsPath = '/api/v1/namespaces/default/pods';
const execute = promisify(execFile);

async function startedAtMs(id: string): Promise<number> {
  const { State } = await docker.getContainer(id).inspect();
  return Date.parse(State.StartedAt);
}

/** Id of the first container that one of these events is about. */
async function firstEvent(event: string, label: string, act: () => Promise<unknown>): Promise<string> {
  const filters = JSON.stringify({ type: ['container'], event: [event], label: [label, 'dev.skerry.container=sleep'] });
  const stream = (await docker.getEvents({ filters })) as unknown as Readable;
  try {
    const arrived = once(stream, 'data', { signal: AbortSignal.timeout(runTimeoutMs) });
    await act();
    const [line] = (await arrived) as [Buffer];
    return (JSON.parse(line.toString().split('\n')[0] ?? '') as { id: string }).id;
  } finally {
    stream.destroy();
  }
}

/** Creates a pod with no node chosen, then deletes it; ms from the request to the container's start. */
async function startPod(hub: BenchHub, name: string): Promise<number> {
  const label = `dev.skerry.pod-name=${name}`;
  let beganMs = 0;
  const id = await firstEvent('start', label, () => {
    beganMs = Date.now();
    return callApi(hub.config, 'POST', podsPath, sleepingPod(name));
  });
  const tookMs = (await startedAtMs(id)) - beganMs;
  await firstEvent('destroy', label, () => callApi(hub.config, 'DELETE', `${podsPath}/${name}`));
  return tookMs;
}

/** `docker run -d`, then `docker rm`; ms from the command's start to the container's. */
async function dockerRun(name: string): Promise<number> {
  const beganMs = Date.now();
  const { stdout } = await execute('docker', ['run', '-d', '--name', name, images.one, 'sleep', '86400']);
  const id = stdout.trim();
  try {
    return (await startedAtMs(id)) - beganMs;
  } finally {
    await docker.getContainer(id).remove({ force: true });
  }
}

/** Prints start.pod_median_ms and start.pod_p90_ms, with docker run's beside them. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  await ensureImages();
  const hub = await startHub(undo);
  const { nodeName } = await startNode(undo, hub);
  const ours: number[] = [];
  const theirs: number[] = [];
  // The first of each is not counted: the network and the sandbox image are made then.
  for (let turn = 0; turn <= runs; turn += 1) {
    const podMs = await startPod(hub, `start-${turn}`);
    const dockerMs = await dockerRun(`${nodeName}-${turn}`);
    if (turn === 0) continue;
    ours.push(podMs);
    theirs.push(dockerMs);
  }
  const rival = 'docker-run';
  figure({ name: 'start.pod_median_ms', value: median(ours), unit: 'ms', rival, rivalValue: median(theirs) });
  figure({
    name: 'start.pod_p90_ms',
    value: percentile(ours, 90),
    unit: 'ms',
    rival,
    rivalValue: percentile(theirs, 90),
  });
}
