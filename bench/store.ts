// Durable creates per second and their latency: our embedded store, and
// Debian's etcd on the same file system. Ours is called in its process, as the
// hub does; etcd over gRPC, as a Kubernetes apiserver does.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { NedbStore } from '../hub/store/nedb/nedb-store.ts';
import { createSystemDisk } from '../platform/disk.ts';
import { createMemoryLog } from '../platform/log.ts';
import { figure, median, percentile } from './figures.ts';

const etcdPath = '/usr/bin/etcd';
const writerCounts = [1, 64, 256];
const runs = 3;
const warmUpMs = 500;
const runMs = 3000;
/** No run makes more than this, however fast the machine. */
const maxWrites = 1_000_000;
const value = 'x'.repeat(1024);

type Create = (key: string, value: string) => Promise<unknown>;
type Sample = { perSecond: number; p99Ms: number };
type Subject = { name: string; create: Create; stop(): Promise<void> };

/** Creates new keys with so many writers at once, and measures what comes after the warm-up. */
async function measure(create: Create, writers: number): Promise<Sample> {
  const latencies: number[] = [];
  const startMs = performance.now();
  const measureFromMs = startMs + warmUpMs;
  const untilMs = measureFromMs + runMs;
  let count = 0;
  const writer = async (): Promise<void> => {
    while (count < maxWrites) {
      const beganMs = performance.now();
      if (beganMs >= untilMs) return;
      count += 1;
      await create(`/registry/pods/bench/pod-${Math.round(startMs)}-${count}`, value);
      const endedMs = performance.now();
      if (beganMs >= measureFromMs && endedMs <= untilMs) latencies.push(endedMs - beganMs);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return { perSecond: latencies.length / (runMs / 1000), p99Ms: percentile(latencies, 99) };
}

async function startNedb(directory: string): Promise<Subject> {
  const store = new NedbStore({ directory }, { disk: createSystemDisk(), log: createMemoryLog([]) });
  await store.start();
  return { name: 'nedb', create: (key, value) => store.write({ key, value, expect: 0 }), stop: () => store.close() };
}

/** Two ports that were free a moment ago: etcd can't be told to take any. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

function varint(number: number): number[] {
  const bytes: number[] = [];
  let rest = number;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return bytes;
}

/** A gRPC message of etcdserverpb.PutRequest: field 1 is the key, field 2 the value. */
function encodePut(key: string, value: string): Buffer {
  const field = (number: number, text: string): Buffer => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
  };
  const message = Buffer.concat([field(1, key), field(2, value)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const putHeaders = {
  ':method': 'POST',
  ':path': '/etcdserverpb.KV/Put',
  'content-type': 'application/grpc',
  te: 'trailers',
};

/** One put over gRPC. The gRPC library in this process would halve what etcd gets done on two cores. */
function putOver(session: ClientHttp2Session, key: string, value: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request(putHeaders);
    const fail = (): void => reject(new Error(`etcd did not put ${key}`));
    stream.once('trailers', (trailers) => (trailers['grpc-status'] === '0' ? resolve() : fail()));
    stream.once('error', reject);
    stream.once('close', fail);
    stream.resume();
    stream.end(encodePut(key, value));
  });
}

async function connectWhenReady(url: string): Promise<ClientHttp2Session> {
  let failure: unknown;
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const session = connectHttp2(url);
    try {
      await once(session, 'connect');
      return session;
    } catch (error) {
      failure = error;
      session.destroy();
      await delay(100);
    }
  }
  throw new Error(`etcd does not serve at ${url}`, { cause: failure });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

async function startEtcd(directory: string): Promise<Subject> {
  const [clientPort, peerPort] = await freePorts();
  const clientUrl = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const child = spawn(
    etcdPath,
    [
      ['--data-dir', directory],
      ['--listen-client-urls', clientUrl],
      ['--advertise-client-urls', clientUrl],
      ['--listen-peer-urls', peerUrl],
      ['--initial-advertise-peer-urls', peerUrl],
      ['--initial-cluster', `default=${peerUrl}`],
      ['--quota-backend-bytes', String(8 * 2 ** 30)],
    ].flat(),
    { stdio: 'ignore' },
  );
  let session: ClientHttp2Session | undefined;
  const stop = async (): Promise<void> => {
    session?.destroy();
    await stopProcess(child);
  };
  try {
    const connected = await connectWhenReady(clientUrl);
    session = connected;
    const create: Create = (key, value) => putOver(connected, key, value);
    await create('/ready', '');
    return { name: await etcdName(), create, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function etcdName(): Promise<string> {
  const { stdout } = await promisify(execFile)(etcdPath, ['--version']);
  return `etcd-${/etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown'}`;
}

/** Several runs, each on an empty store of its own; the median of each figure. */
async function measureSubject(
  start: (directory: string) => Promise<Subject>,
  writers: number,
): Promise<Sample & { name: string }> {
  const samples: Sample[] = [];
  let name = '';
  for (let run = 0; run < runs; run += 1) {
    const directory = await mkdtemp(join(tmpdir(), 'skerry-bench-store-'));
    try {
      const subject = await start(join(directory, 'data'));
      name = subject.name;
      try {
        samples.push(await measure(subject.create, writers));
      } finally {
        await subject.stop();
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  }
  const perSecond = median(samples.map((sample) => sample.perSecond));
  return { name, perSecond, p99Ms: median(samples.map((sample) => sample.p99Ms)) };
}

/** Prints store.creates_per_s.N and store.create_p99_ms.N for 1, 64 and 256 writers. */
export async function run(): Promise<void> {
  for (const writers of writerCounts) {
    const ours = await measureSubject(startNedb, writers);
    const etcd = existsSync(etcdPath) ? await measureSubject(startEtcd, writers) : undefined;
    const print = (name: string, unit: string, pick: (sample: Sample) => number): void =>
      figure({
        name: `${name}.${writers}`,
        value: pick(ours),
        unit,
        ...(etcd === undefined ? {} : { rival: etcd.name, rivalValue: pick(etcd) }),
      });
    print('store.creates_per_s', '1/s', (sample) => sample.perSecond);
    print('store.create_p99_ms', 'ms', (sample) => sample.p99Ms);
  }
}
