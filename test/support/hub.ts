// A real hub process for tests, on free ports and a directory of its own, with
// a kubectl for it, raw HTTPS requests and watches, and pretended nodes and
// pods for tests that need pods to run and have no agent.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { Arrivals } from './arrivals.ts';
import { endWithTest } from './children.ts';
import { Kubectl } from './kubectl.ts';

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;

export type HubOptions = {
  /** A directory that outlives this hub; without it one is made, and removed by `stop`. */
  dataDirectory?: string;
  httpsPort?: number;
  mqttPort?: number;
  /** More arguments of `skerry hub`. */
  args?: readonly string[];
};

export type Answer = { code: number; headers: IncomingHttpHeaders; text: string };
/** Header values, several of a name in a list. */
export type Headers = Record<string, string | string[]>;
/** `anonymous` leaves the administrator's certificate away: for nobody, or for a bearer token among the headers. */
export type RequestInput = { body?: string | Buffer; headers?: Headers; anonymous?: boolean };
export type WatchEvent = {
  type: string;
  object: {
    kind: string;
    metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
    [field: string]: unknown;
  };
};
export type Watch = { events: Arrivals<WatchEvent>; close: () => void };

type HubProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Starts `skerry hub`; resolves when it serves. */
export async function startHub(options: HubOptions = {}): Promise<TestHub> {
  const { httpsPort = 0, mqttPort = 0, args = [] } = options;
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'skerry-hub-')));
  const ports = ['--https-port', String(httpsPort), '--mqtt-port', String(mqttPort)];
  const child = spawn(
    process.execPath,
    [entry, 'hub', '--data-dir', dataDirectory, ...ports, '--log-level', 'warn', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output = new Arrivals<string>('skerry hub');
  let open = 2;
  for (const stream of [child.stdout, child.stderr]) {
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => output.push(line));
    lines.on('close', () => {
      open -= 1;
      if (open === 0) output.end();
    });
  }
  const hub = new TestHub(child, output, dataDirectory, options.dataDirectory === undefined);
  try {
    const line = await output.first((text) => text.startsWith('skerry hub ready '), 'the ready line', startTimeoutMs);
    [hub.httpsUrl = '', hub.mqttUrl = ''] = line.split(' ').slice(3);
  } catch (error) {
    await hub.kill9();
    throw error;
  }
  return hub;
}

export class TestHub {
  httpsUrl = '';
  mqttUrl = '';
  readonly pid: number;
  readonly dataDirectory: string;
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  #child: HubProcess;
  #output: Arrivals<string>;
  #ownsDirectory: boolean;
  #exited: Promise<void>;
  #watches = new Set<Watch>();

  constructor(child: HubProcess, output: Arrivals<string>, dataDirectory: string, ownsDirectory: boolean) {
    this.pid = child.pid ?? 0;
    this.dataDirectory = dataDirectory;
    this.kubeconfig = join(dataDirectory, 'admin.kubeconfig');
    this.kubectl = new Kubectl(this.kubeconfig);
    this.#child = child;
    this.#output = output;
    this.#ownsDirectory = ownsDirectory;
    endWithTest(child);
    this.#exited = new Promise((resolve) => child.once('close', () => resolve()));
  }

  /** Lines that the hub has logged as errors: requests and loops that failed unexpectedly. */
  errors(): string[] {
    return this.#output.all.filter((line) => !/^skerry hub ready /.test(line) && !/"level":(10|20|30|40),/.test(line));
  }

  /** Ends the hub in order, and removes its directory when it is its own. */
  async stop(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
    if (this.#ownsDirectory) await rm(this.dataDirectory, { recursive: true, force: true, maxRetries: 3 });
  }

  /** As a power cut for the process; its directory stays. */
  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** A kubeconfig that leads to another port of loopback, such as a proxy's. */
  async kubeconfigVia(port: number): Promise<string> {
    const path = join(this.dataDirectory, `via-${port}.kubeconfig`);
    const text = await readFile(this.kubeconfig, 'utf8');
    await writeFile(path, text.replace(/server: .*/, `server: https://127.0.0.1:${port}`));
    return path;
  }

  /** What TLS needs to be the administrator. */
  credentials(): { ca: string; cert: string; key: string } {
    const { clusters, users } = parse(readFileSync(this.kubeconfig, 'utf8')) as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: Record<string, string> }[];
    };
    const decode = (text = ''): string => Buffer.from(text, 'base64').toString();
    const user = users[0]?.user ?? {};
    return {
      ca: decode(clusters[0]?.cluster['certificate-authority-data']),
      cert: decode(user['client-certificate-data']),
      key: decode(user['client-key-data']),
    };
  }

  #connection(path: string, anonymous: boolean): RequestOptions {
    const { hostname, port } = new URL(this.httpsUrl);
    const { ca, ...identity } = this.credentials();
    return { hostname, port, path, agent: false, ca, ...(anonymous ? {} : identity) };
  }

  /** One HTTPS request, as the administrator or as nobody. */
  request(method: string, path: string, { body, headers = {}, anonymous = false }: RequestInput = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const type =
        body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
      const call = httpsRequest(
        { ...this.#connection(path, anonymous), method, headers: { ...type, ...headers }, timeout: 20_000 },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, text }));
        },
      );
      call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer`)));
      call.on('error', reject);
      call.end(body);
    });
  }

  /** The newest object at a path, or the Status of why there is none. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.request('GET', path)).text) as T;
  }

  /** Watches a path; resolves when the server has answered. */
  watch(path: string, headers: Headers = {}, anonymous = false): Promise<Watch> {
    return new Promise((resolve, reject) => {
      const call = httpsRequest({ ...this.#connection(path, anonymous), headers }, (response) => {
        if (response.statusCode !== 200) {
          reject(new Error(`watch ${path} was answered with ${response.statusCode}`));
          response.resume();
          return;
        }
        const events = new Arrivals<WatchEvent>(`watch ${path}`);
        createInterface({ input: response })
          .on('line', (line) => events.push(JSON.parse(line) as WatchEvent))
          .on('error', () => undefined);
        response.on('error', () => undefined).on('close', () => events.end());
        const watch: Watch = {
          events,
          close: () => {
            this.#watches.delete(watch);
            call.destroy();
          },
        };
        this.#watches.add(watch);
        resolve(watch);
      });
      call.on('error', reject);
      call.end();
    });
  }

  /** A node that is Ready and has room, until the hub notices that no agent is behind it (40 s). */
  async addNode(name: string, labels: Record<string, string> = {}): Promise<void> {
    const room = { cpu: '4', memory: '8Gi', pods: '110' };
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      status: {
        capacity: room,
        allocatable: room,
        conditions: [ready],
        addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
        nodeInfo: {
          kubeletVersion: 'v1.35.0',
          osImage: 'Test OS',
          kernelVersion: '6.0.0',
          containerRuntimeVersion: 'docker://1',
          architecture: 'arm64',
        },
      },
    };
    const { code, text } = await this.request('POST', '/api/v1/nodes', { body: JSON.stringify(node) });
    assert.equal(code, 201, text);
  }

  /**
   * Does an agent's part for the pods that a selector finds, until it is closed: they run and are ready,
   * and those that are to go are gone.
   */
  async runPods(namespace: string, selector = ''): Promise<Watch> {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const watch = await this.watch(`${pods}?watch=1&labelSelector=${encodeURIComponent(selector)}`);
    watch.events.each(({ type, object }) => {
      if (type === 'DELETED') return;
      const { metadata, spec, status } = object as unknown as PodLike;
      const path = `${pods}/${metadata.name}`;
      if (metadata.deletionTimestamp !== undefined)
        void this.request('DELETE', `${path}?gracePeriodSeconds=0`).catch(ignore);
      else if (status.phase === 'Pending') void this.#run(path, spec).catch(ignore);
    });
    return watch;
  }

  async #run(path: string, { containers }: PodLike['spec']): Promise<void> {
    const containerStatuses = containers.map(({ name, image }) => ({
      name,
      image,
      imageID: `sha256:${image}`,
      containerID: `docker://${name}`,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
    }));
    const conditions = ['Initialized', 'Ready', 'ContainersReady'].map((type) => ({ type, status: 'True' }));
    const status = { phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }], conditions, containerStatuses };
    const headers = { 'content-type': 'application/strategic-merge-patch+json' };
    await this.request('PATCH', `${path}/status`, { body: JSON.stringify({ status }), headers });
  }
}

type PodLike = {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { containers: { name: string; image: string }[] };
  status: { phase: string };
};

/** The hub may stop while a pretended agent reports. */
function ignore(): void {}
