// A hub, agents and pods of their own for benches: processes on free ports with
// temporary directories, which are gone however a bench ends.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { callApi, type Kubeconfig, readKubeconfig } from '../cli/api.ts';
import { CertificateAuthority } from '../hub/pki/authority.ts';
import { createSystemDisk } from '../platform/disk.ts';
import { createSystemRandom } from '../platform/random.ts';
import { engineSocket, ensureImages, images } from '../test/support/engine.ts';

const cli = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
/** The command of a checkout. */
export const checkout = [process.execPath, cli];
const podsPath = '/api/v1/namespaces/default/pods';
const execute = promisify(execFile);

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
const podsTimeoutMs = 120_000;

type Running = {
  pid: number;
  readyLine: string;
  /** The end of what it has written to stderr. */
  complaint: () => string;
  stop: () => Promise<void>;
};

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
  return { pid: child.pid, readyLine, complaint: () => complaint, stop };
}

/** A directory that is removed at the end. */
export async function temporaryDirectory(undo: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skerry-bench-'));
  undo.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}

export type BenchHub = Running & { directory: string; config: Kubeconfig; mqttUrl: string };

export type HubProgram = {
  program?: readonly string[];
  bindAddress?: string;
  /** A directory that outlives this hub. */
  directory?: string;
  /** More arguments of `skerry hub`. */
  args?: readonly string[];
};

/** Starts a hub on free ports, in a directory of its own unless it is given one. */
export async function startHub(
  undo: AsyncDisposableStack,
  { program = checkout, bindAddress = '127.0.0.1', args = [], ...given }: HubProgram = {},
): Promise<BenchHub> {
  const directory = given.directory ?? (await temporaryDirectory(undo));
  const where = ['--data-dir', directory, '--bind-address', bindAddress, '--https-port', '0', '--mqtt-port', '0'];
  const running = await startProcess(
    [...program, 'hub', ...where, '--log-level', 'error', ...args],
    'skerry hub ready ',
  );
  undo.defer(running.stop);
  const mqttUrl = running.readyLine.split(' ')[4] ?? '';
  return { ...running, directory, config: readKubeconfig(join(directory, 'admin.kubeconfig')), mqttUrl };
}

/**
 * A user like any other, who may do everything with what benches make and nothing more: what the administrator does
 * is not looked up among the roles.
 */
export async function addUser({ directory, config }: BenchHub): Promise<Kubeconfig> {
  const disk = createSystemDisk();
  const authority = await CertificateAuthority.open(disk, createSystemRandom(), join(directory, 'pki'));
  const issued = await authority.issueClient({ commonName: 'bench', organizations: ['benches'] });
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const meta = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'bench' } };
  const rule = { apiGroups: ['', 'apps'], resources: ['configmaps', 'deployments'], verbs: ['*'] };
  await callApi(config, 'POST', `${rbac}/clusterroles`, { ...meta, kind: 'ClusterRole', rules: [rule] });
  await callApi(config, 'POST', `${rbac}/clusterrolebindings`, {
    ...meta,
    kind: 'ClusterRoleBinding',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'bench' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'benches' }],
  });
  return { ...config, certificate: issued.certificate, key: issued.key };
}

/** Of /proc/PID/stat, which Linux counts in hundredths of a second everywhere. */
const tickMs = 10;

/** CPU that a process has used, user and system, ms. */
export async function cpuMs(pid: number): Promise<number> {
  const fields = ((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1) ?? '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
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
