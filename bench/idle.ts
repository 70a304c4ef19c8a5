// Memory of a hub with one node and of an agent with ten pods, both doing
// nothing: as they run from a checkout, and as they ship (dist/).
// Also what this and other benches need: a hub, an agent and pods of their own.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { callApi, type Kubeconfig, readKubeconfig } from '../cli/api.ts';
import { engineSocket, ensureImages, images } from '../test/support/engine.ts';
import { figure, median } from './figures.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'cli/main.ts');
const bundledAgent = join(root, 'dist/skerry-agent.cjs');
/** The command of a checkout. */
export const checkout = [process.execPath, cli];
const podsPath = '/api/v1/namespaces/default/pods';
const execute = promisify(execFile);

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
const podsTimeoutMs = 120_000;
const settleMs = 30_000;
const samples = 10;
const podCount = 10;

type Running = { pid: number; readyLine: string; stop: () => Promise<void> };

/** Starts a process; resolves when it has printed a line that begins with `ready`. */
async function startProcess(command: readonly string[], ready: string): Promise<Running> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  }).then(() => void process.removeListener('exit', kill));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(kill, stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  };
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });
  const line = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (text.startsWith(ready)) resolve(text);
    });
  });
  const cancel = new AbortController();
  const late = delay(readyTimeoutMs, undefined, { signal: cancel.signal }).catch(() => undefined);
  const readyLine = await Promise.race([line, exited.then(() => undefined), late]);
  cancel.abort();
  if (readyLine === undefined || child.pid === undefined) {
    await stop();
    throw new Error(`${command.join(' ')} did not print ${JSON.stringify(ready)}: ${complaint}`);
  }
  return { pid: child.pid, readyLine, stop };
}

/** A directory that is removed at the end. */
export async function temporaryDirectory(undo: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skerry-bench-'));
  undo.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}

export type BenchHub = Running & { directory: string; config: Kubeconfig; mqttUrl: string };

/** Starts a hub on free ports, in a directory of its own. */
export async function startHub(
  undo: AsyncDisposableStack,
  { program = checkout, bindAddress = '127.0.0.1' }: { program?: readonly string[]; bindAddress?: string } = {},
): Promise<BenchHub> {
  const directory = await temporaryDirectory(undo);
  const where = ['--data-dir', directory, '--bind-address', bindAddress, '--https-port', '0', '--mqtt-port', '0'];
  const running = await startProcess([...program, 'hub', ...where, '--log-level', 'error'], 'skerry hub ready ');
  undo.defer(running.stop);
  const mqttUrl = running.readyLine.split(' ')[4] ?? '';
  return { ...running, directory, config: readKubeconfig(join(directory, 'admin.kubeconfig')), mqttUrl };
}

type BenchNode = { nodeName: string; running: Running };

/**
 * Joins an agent with a name of its own and starts it; resolves when its node is Ready.
 * At the end its containers go.
 */
export async function startNode(
  undo: AsyncDisposableStack,
  hub: BenchHub,
  { program = checkout }: { program?: readonly string[] } = {},
): Promise<BenchNode> {
  const directory = await temporaryDirectory(undo);
  const nodeName = `bench-${randomBytes(4).toString('hex')}`;
  const { stdout } = await execute(process.execPath, [cli, 'token', 'create', '--data-dir', hub.directory]);
  const engine = ['--data-dir', directory, '--runtime-endpoint', engineSocket];
  undo.defer(async () => {
    await execute(process.execPath, [cli, 'agent', '--uninstall', ...engine]);
  });
  const join_ = ['--hub', hub.mqttUrl, '--token', stdout.trim(), '--node-name', nodeName, '--log-level', 'error'];
  const running = await startProcess([...program, 'agent', ...engine, ...join_], `skerry agent ready node=${nodeName}`);
  undo.defer(running.stop);
  await untilReady(hub, `/api/v1/nodes/${nodeName}`);
  return { nodeName, running };
}

type Conditions = { type: string; status: string }[];

async function isReady({ config }: BenchHub, path: string): Promise<boolean> {
  const { body } = await callApi(config, 'GET', path);
  const { conditions = [] } = (body.status ?? {}) as { conditions?: Conditions };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** Resolves when the object is Ready; it need not be there yet. */
async function untilReady(hub: BenchHub, path: string): Promise<void> {
  let cause: unknown;
  for (const end = performance.now() + podsTimeoutMs; performance.now() < end; await delay(200)) {
    try {
      if (await isReady(hub, path)) return;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(`${path} is not Ready after ${podsTimeoutMs / 1000} s`, { cause });
}

/** A pod that sleeps, with no node chosen for it. */
export function sleepingPod(name: string): object {
  const container = { name: 'sleep', image: images.one, command: ['sleep', '86400'], imagePullPolicy: 'Never' };
  const metadata = { name, namespace: 'default' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [container], terminationGracePeriodSeconds: 0 },
  };
}

/** Creates sleeping pods; resolves when all are Ready. */
export async function runPods(hub: BenchHub, count: number): Promise<void> {
  await ensureImages();
  const names = Array.from({ length: count }, (_, index) => `idle-${index}`);
  for (const name of names) await callApi(hub.config, 'POST', podsPath, sleepingPod(name));
  for (const name of names) await untilReady(hub, `${podsPath}/${name}`);
}

type Memory = { pssMb: number; rssMb: number };

/** Of /proc/PID/smaps_rollup: medians of some seconds, MB of 2^20 bytes. */
async function measureMemory(pid: number): Promise<Memory> {
  const pss: number[] = [];
  const rss: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1024;
    pss.push(field('Pss'));
    rss.push(field('Rss'));
    await delay(1000);
  }
  return { pssMb: median(pss), rssMb: median(rss) };
}

function print(name: string, { pssMb, rssMb }: Memory): void {
  figure({ name: `idle.${name}_pss`, value: pssMb, unit: 'MB' });
  figure({ name: `idle.${name}_rss`, value: rssMb, unit: 'MB' });
}

/** Makes dist/ when it is not there. What is there may be older than the sources, which is told. */
async function built(): Promise<void> {
  if (!existsSync(bundledAgent)) {
    await execute(process.execPath, [join(root, 'scripts/build.ts')]);
    return;
  }
  const builtMs = (await stat(bundledAgent)).mtimeMs;
  for (const part of ['api', 'platform', 'hub', 'agent', 'cli'])
    for (const name of await readdir(join(root, part), { recursive: true }))
      if (/(?<!\.test)\.ts$/.test(name) && (await stat(join(root, part, name))).mtimeMs > builtMs) {
        process.stderr.write(`bench: dist/ is older than ${part}/${name}: its figures are of what was built then\n`);
        return;
      }
}

/** Prints the figures of a hub and an agent, each run by the command given. */
async function measure(
  outer: AsyncDisposableStack,
  kind: string,
  hubProgram: readonly string[],
  agentProgram: readonly string[],
): Promise<void> {
  await using undo = outer.use(new AsyncDisposableStack());
  const hub = await startHub(undo, { program: hubProgram });
  const { running: agent } = await startNode(undo, hub, { program: agentProgram });
  await delay(settleMs);
  print(`hub_${kind}_1_node`, await measureMemory(hub.pid));
  await runPods(hub, podCount);
  await delay(settleMs);
  print(`hub_${kind}_1_node_${podCount}_pods`, await measureMemory(hub.pid));
  print(`agent_${kind}_${podCount}_pods`, await measureMemory(agent.pid));
}

/**
 * Prints idle.hub_* and idle.agent_*, as checked out and as built. Hub and agent run a copy of node each:
 * pages shared with other Node processes of this machine would make a device look smaller than it is.
 */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  await built();
  const directory = await temporaryDirectory(undo);
  const [hubNode, agentNode] = [join(directory, 'hub-node'), join(directory, 'agent-node')];
  for (const copy of [hubNode, agentNode]) await copyFile(process.execPath, copy);
  await measure(undo, 'checkout', [hubNode, cli], [agentNode, cli]);
  await measure(undo, 'built', [hubNode, join(root, 'dist/cli/main.js')], [agentNode, bundledAgent]);
}
