// A hub process under load, over TLS: creates and reads of a 2 KiB ConfigMap
// on kept-alive connections, and changes of one fanned out to 1,000 watches.
// The client shares the machine's cores, so the hub's own CPU is told too.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { callApi, type Kubeconfig } from '../cli/api.ts';
import { figure, median, percentile } from './figures.ts';
import { type BenchHub, startHub } from './idle.ts';

const path = '/api/v1/namespaces/default/configmaps';
const connections = 16;
const runs = 3;
const warmUpMs = 1000;
const runMs = 3000;
const maxRequests = 200_000;
const requestTimeoutMs = 30_000;

const watchers = 1000;
/** Watches that are being opened at once. */
const openers = 32;
/** Changes of which each waits until the one before is everywhere, for latency. */
const spacedChanges = 30;
/** Changes that follow each other as fast as they are answered, for throughput. */
const rapidChanges = 100;
const deliveryTimeoutMs = 60_000;
/** Of /proc/PID/stat, which Linux counts in hundredths of a second everywhere. */
const tickMs = 10;

type Answer = { code: number; text: string };

class Client {
  #config: Kubeconfig;
  #agent: Agent;

  constructor(config: Kubeconfig, maxSockets: number) {
    this.#config = config;
    const { authority: ca, certificate: cert, key } = config;
    this.#agent = new Agent({ keepAlive: true, maxSockets, ca, cert, key });
  }

  open(method: string, target: string, body: string | undefined): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers =
        body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
      const call = request(new URL(target, this.#config.server), { method, agent: this.#agent, headers }, resolve);
      call.setTimeout(requestTimeoutMs, () => call.destroy(new Error(`${method} ${target}: no answer`)));
      call.on('error', reject);
      call.end(body);
    });
  }

  /** @throws Error when the answer is no success */
  async call(method: string, target: string, body?: string): Promise<Answer> {
    const response = await this.open(method, target, body);
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) text += chunk as string;
    const code = response.statusCode ?? 0;
    if (code >= 300) throw new Error(`${method} ${target} was answered with ${code}: ${text.slice(0, 300)}`);
    return { code, text };
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** About 2 KiB of JSON. */
function configMap(name: string, content = ''): string {
  const data = { text: content.padEnd(1900, 'x') };
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data });
}

/** CPU that a process has used, user and system, ms. */
async function cpuMs(pid: number): Promise<number> {
  const fields = ((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1) ?? '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

type Sample = { perSecond: number; p99Ms: number; cpuUs: number };

/** Sends requests on all connections at once, and measures what comes after the warm-up. */
async function measureRequests(pid: number, send: (count: number) => Promise<unknown>): Promise<Sample> {
  const latencies: number[] = [];
  const measureFromMs = performance.now() + warmUpMs;
  const untilMs = measureFromMs + runMs;
  let count = 0;
  let began: Promise<number> | undefined;
  const connection = async (): Promise<void> => {
    while (count < maxRequests) {
      const sentMs = performance.now();
      if (sentMs >= untilMs) return;
      if (sentMs >= measureFromMs) began ??= cpuMs(pid);
      count += 1;
      await send(count);
      const answeredMs = performance.now();
      if (sentMs >= measureFromMs && answeredMs <= untilMs) latencies.push(answeredMs - sentMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const cpu = (await cpuMs(pid)) - ((await began) ?? 0);
  return {
    perSecond: latencies.length / (runMs / 1000),
    p99Ms: percentile(latencies, 99),
    cpuUs: (cpu * 1000) / latencies.length,
  };
}

/** Prints api.NAME_per_s, api.NAME_p99_ms and api.NAME_hub_cpu_us: medians of the runs. */
async function benchRequests(
  name: string,
  { pid, config }: BenchHub,
  send: (client: Client, run: number, count: number) => Promise<unknown>,
): Promise<void> {
  const client = new Client(config, connections);
  const all: Sample[] = [];
  for (let run = 0; run < runs; run += 1) all.push(await measureRequests(pid, (count) => send(client, run, count)));
  client.close();
  figure({ name: `api.${name}_per_s`, value: median(all.map(({ perSecond }) => perSecond)), unit: '1/s' });
  figure({ name: `api.${name}_p99_ms`, value: median(all.map(({ p99Ms }) => p99Ms)), unit: 'ms' });
  figure({ name: `api.${name}_hub_cpu_us`, value: median(all.map(({ cpuUs }) => cpuUs)), unit: 'us' });
}

const lineEnd = 10;

/** Many watches of the same objects, of which only the events are counted. */
class Watches {
  #client: Client;
  #seen: number[] = [];
  #arrived: (() => void) | undefined;
  /** When each event came, ms. */
  timesMs: number[] = [];

  constructor(client: Client) {
    this.#client = client;
  }

  async open(count: number): Promise<void> {
    const { text } = await this.#client.call('GET', `${path}?limit=1`);
    const { metadata } = JSON.parse(text) as { metadata: { resourceVersion: string } };
    let next = 0;
    const opener = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) {
        const response = await this.#client.open(
          'GET',
          `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`,
          undefined,
        );
        if (response.statusCode !== 200) throw new Error(`a watch was answered with ${response.statusCode}`);
        response.socket.setTimeout(0);
        this.#seen[index] = 0;
        response.on('data', (chunk: Buffer) => this.#count(index, chunk));
        response.on('error', () => undefined);
      }
    };
    await Promise.all(Array.from({ length: openers }, opener));
  }

  #count(index: number, chunk: Buffer): void {
    const nowMs = performance.now();
    for (let at = chunk.indexOf(lineEnd); at >= 0; at = chunk.indexOf(lineEnd, at + 1)) {
      this.#seen[index] = (this.#seen[index] ?? 0) + 1;
      this.timesMs.push(nowMs);
    }
    this.#arrived?.();
  }

  /** Resolves when each watch has got so many events more than at the last call. */
  everyone(events: number): Promise<void> {
    const expected = events * this.#seen.length;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#arrived = undefined;
        reject(new Error(`${this.timesMs.length} of ${expected} events came within ${deliveryTimeoutMs / 1000} s`));
      }, deliveryTimeoutMs);
      const check = (): void => {
        if (this.timesMs.length < expected) return;
        clearTimeout(timer);
        this.#arrived = undefined;
        if (this.#seen.every((seen) => seen === events)) resolve();
        else reject(new Error('the watches did not all get the same events'));
        this.#seen.fill(0);
      };
      this.#arrived = check;
      check();
    });
  }
}

/** Prints api.watch_1000_*: delivery of changes to 1,000 watches, a connection each. */
async function benchWatches({ pid, config }: BenchHub): Promise<void> {
  const writer = new Client(config, 1);
  const readers = new Client(config, watchers + openers);
  await writer.call('POST', path, configMap('watched'));
  const watches = new Watches(readers);
  await watches.open(watchers);
  const change = (content: string): Promise<Answer> =>
    writer.call('PUT', `${path}/watched`, configMap('watched', content));
  const rates: number[] = [];
  const p99s: number[] = [];
  const cpus: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const latencies: number[] = [];
    for (let count = 0; count < spacedChanges; count += 1) {
      watches.timesMs = [];
      const sentMs = performance.now();
      await Promise.all([watches.everyone(1), change(`spaced ${run} ${count}`)]);
      for (const timeMs of watches.timesMs) latencies.push(timeMs - sentMs);
    }
    p99s.push(percentile(latencies, 99));
    watches.timesMs = [];
    const [beganMs, beganCpuMs] = [performance.now(), await cpuMs(pid)];
    const changes = async (): Promise<void> => {
      for (let count = 0; count < rapidChanges; count += 1) await change(`rapid ${run} ${count}`);
    };
    await Promise.all([watches.everyone(rapidChanges), changes()]);
    const deliveries = rapidChanges * watchers;
    rates.push((deliveries * 1000) / (performance.now() - beganMs));
    cpus.push((((await cpuMs(pid)) - beganCpuMs) * 1000) / deliveries);
  }
  readers.close();
  writer.close();
  figure({ name: 'api.watch_1000_events_per_s', value: median(rates), unit: '1/s' });
  figure({ name: 'api.watch_1000_delivery_p99_ms', value: median(p99s), unit: 'ms' });
  figure({ name: 'api.watch_1000_hub_cpu_us_per_event', value: median(cpus), unit: 'us' });
}

/** Prints the figures of creates, reads and watches. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  const hub = await startHub(undo);
  await callApi(hub.config, 'POST', path, JSON.parse(configMap('read')) as object);
  await benchRequests('get', hub, (client) => client.call('GET', `${path}/read`));
  await benchRequests('create', hub, (client, run, count) =>
    client.call('POST', path, configMap(`create-${run}-${count}`)),
  );
  await benchWatches(hub);
}
