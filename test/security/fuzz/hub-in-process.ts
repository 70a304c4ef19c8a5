// The API server without sockets, disk and controllers in this thread: whole HTTP
// connections over streams in memory, so that a million inputs take minutes and
// a write, a log line or a loose promise is seen with the input that made it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:https';
import { type Duplex, duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { hubUser } from '../../../api/meta/operation.ts';
import { HttpServer } from '../../../hub/apiserver/http.ts';
import { ApiServer } from '../../../hub/apiserver/server.ts';
import { Client } from '../../../hub/client/client.ts';
import { ensureDefaultRoles } from '../../../hub/controllers/cluster-roles/controller.ts';
import { CertificateAuthority } from '../../../hub/pki/authority.ts';
import { TokenSigner } from '../../../hub/pki/token-signer.ts';
import { MemoryStore } from '../../../hub/store/memory/memory-store.ts';
import type { ListOptions, Store, WatchListener, WatchOptions, WriteOptions } from '../../../hub/store/store.ts';
import type { Log } from '../../../platform/log.ts';
import { createMetrics } from '../../../platform/metrics.ts';
import { createSeededRandom, createSystemRandom } from '../../../platform/random.ts';
import { VirtualClock } from '../../../platform/virtual-clock.ts';
import { VirtualDisk } from '../../../platform/virtual-disk.ts';
import { echoNode } from './echo-node.ts';
import type { Identity, Input } from './input.ts';
import { entryProblem, parseKey } from './stored-keys.ts';
import type { Target } from './target.ts';

/** The subject of each identity's certificate; none for nobody. */
const subjects: Record<Identity, { CN: string; O?: string } | undefined> = {
  admin: { CN: 'fuzz-admin', O: 'system:masters' },
  node: { CN: 'system:node:base', O: 'system:nodes' },
  user: { CN: 'fuzz' },
  nobody: undefined,
};
/** Turns of the event loop in which a stream may go on before it is left. */
const patienceTurns = 6;

/** What is wrong with a write that an input led to, if anything: reads and refusals write nothing, and a path names what it changes. */
function writeProblem(input: Input | undefined, code: number, key: string, how: 'new' | 'changed'): string | undefined {
  const { method = '', target = '' } = input ?? {};
  const parsed = parseKey(key);
  if (parsed === undefined) return undefined;
  // A collection may be deleted in part.
  if (code >= 400 && method !== 'DELETE')
    return `refused with ${code}, and yet ${how === 'new' ? 'created' : 'changed'} ${key}`;
  if (method === 'GET' || method === 'HEAD' || (how === 'new' && method === 'DELETE')) return `${method} wrote ${key}`;
  const segments = (target.split('?')[0] ?? '').split('/').map(decodeSegment);
  // Bindings of the old form and evictions are about pods.
  const isNamed =
    (segments.includes(parsed.plural) || segments.includes('bindings')) &&
    (parsed.namespace === '' || segments.includes(parsed.namespace) || method === 'DELETE') &&
    (segments.includes(parsed.name) || method === 'POST' || method === 'DELETE');
  return isNamed ? undefined : `another path: ${method} ${target.slice(0, 200)} wrote ${key}`;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** What there is to know of Fastify's instance. */
type Instance = { server: Server; ready: () => Promise<unknown> };

/** A store that remembers who wrote what. */
class WatchedStore implements Store {
  #store = new MemoryStore();
  /** Keys written since it was emptied last; those that did not exist before are marked. */
  written = new Map<string, 'new' | 'changed'>();

  revision = (): number => this.#store.revision();
  compactRevision = (): number => this.#store.compactRevision();
  get = (key: string): ReturnType<Store['get']> => this.#store.get(key);
  list = (options: ListOptions): ReturnType<Store['list']> => this.#store.list(options);
  watch = (options: WatchOptions, listener: WatchListener): void => this.#store.watch(options, listener);
  compact = (revision: number): Promise<void> => this.#store.compact(revision);
  snapshot = (): ReturnType<Store['snapshot']> => this.#store.snapshot();
  close = (): Promise<void> => this.#store.close();

  async write(options: WriteOptions): Promise<number> {
    const existed = (await this.#store.get(options.key)) !== undefined;
    const revision = await this.#store.write(options);
    if (this.written.get(options.key) !== 'new') this.written.set(options.key, existed ? 'changed' : 'new');
    return revision;
  }
}

/** Keeps what was logged as an error, with the place it came from. */
function errorLog(lines: string[]): Log {
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => {
      const { err } = fields as { err?: unknown };
      lines.push(`${message}: ${err instanceof Error ? err.stack : JSON.stringify(fields)}`);
    },
    child: () => log,
  };
  return log;
}

export type InProcessOptions = {
  seed: number;
  /** Creates what there is at the start, on the target itself. */
  prepare: (target: Target) => Promise<void>;
  /** Whether a resource has namespaces; undefined when it is not served. */
  isNamespaced: (group: string, plural: string) => boolean | undefined;
};

type Parts = { store: WatchedStore; errors: string[]; server: ApiServer; instance: Instance };

export class HubInProcess implements Target {
  #options: InProcessOptions;
  #parts: Parts;
  #stop = new AbortController();
  #input: Input | undefined;
  /** Keys that an answered request has made. */
  #created = new Set<string>();
  #onLoose = (error: unknown): void => {
    this.#parts.errors.push(`nobody handled: ${error instanceof Error ? error.stack : String(error)}`);
  };

  private constructor(options: InProcessOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    process.on('unhandledRejection', this.#onLoose);
    process.on('uncaughtException', this.#onLoose);
  }

  static async start(options: InProcessOptions): Promise<HubInProcess> {
    const disk = new VirtualDisk();
    const authority = await CertificateAuthority.open(disk, createSystemRandom(), '/pki');
    const { certificate, key } = await authority.issueServer(['localhost']);
    const tokens = await TokenSigner.open(disk, '/pki');
    const store = new WatchedStore();
    const errors: string[] = [];
    const [clock, random, log] = [new VirtualClock(), createSeededRandom(options.seed), errorLog(errors)];
    const server = new ApiServer({ store, clock, random, log, nodes: echoNode, tokens });
    const instance = captureInstance(() => {
      new HttpServer(
        { bindAddress: '127.0.0.1', port: 0, certificate, key, clientAuthority: authority.certificate },
        { server, clock, log, metrics: createMetrics() },
      );
    });
    const target = new HubInProcess(options, { store, errors, server, instance });
    await instance.ready();
    await server.start(target.#stop.signal);
    await target.#prepare();
    return target;
  }

  /** Makes the roles and objects that there are at the start. */
  async #prepare(): Promise<void> {
    const { store, server } = this.#parts;
    store.written.clear();
    await ensureDefaultRoles(new Client(server, hubUser));
    this.#created = new Set(store.written.keys());
    await this.#options.prepare(this);
  }

  /** A connection whose TLS is over: the server is given its end as Node gives it one after the handshake. */
  async connect(identity: Identity): Promise<Duplex> {
    const [ours, theirs] = duplexPair();
    // As a socket that is gone is gone at both ends, also for what is being written to it.
    ours.once('close', () => theirs.destroy());
    const subject = subjects[identity];
    const tls = { encrypted: true, authorized: subject !== undefined, getPeerCertificate: () => ({ subject }) };
    this.#parts.instance.server.emit('secureConnection', Object.assign(theirs, tls));
    return ours;
  }

  begin(input: Input): void {
    this.#input = input;
    this.#parts.store.written.clear();
  }

  faults(code: number): string[] {
    const { store, errors } = this.#parts;
    const found = errors.splice(0);
    for (const [key, how] of store.written) {
      if (how === 'new') this.#created.add(key);
      const problem = this.#input?.raw === undefined ? writeProblem(this.#input, code, key, how) : undefined;
      if (problem !== undefined) found.push(problem);
    }
    store.written.clear();
    for (const name of Object.keys(Object.prototype)) {
      found.push(`Object.prototype has got ${name}`);
      Reflect.deleteProperty(Object.prototype, name);
    }
    return found;
  }

  async reset(): Promise<string[]> {
    const { entries } = await this.#parts.store.snapshot();
    const problems: string[] = [];
    for (const entry of entries) {
      const problem = entryProblem(entry, this.#options.isNamespaced);
      if (problem !== undefined) problems.push(problem);
      if (!this.#created.has(entry.key)) problems.push(`no answered request made the key ${JSON.stringify(entry.key)}`);
      await this.#parts.store.write({ key: entry.key, value: undefined });
    }
    await this.#parts.store.compact(this.#parts.store.revision());
    await this.#prepare();
    return problems;
  }

  async patience(): Promise<void> {
    for (let count = 0; count < patienceTurns; count += 1) await turn();
  }

  cpuMs(): number {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  }

  memoryBytes(): number {
    return process.memoryUsage().heapUsed;
  }

  async close(): Promise<void> {
    process.off('unhandledRejection', this.#onLoose);
    process.off('uncaughtException', this.#onLoose);
    this.#stop.abort();
    this.#parts.instance.server.closeAllConnections();
  }
}

/** What is made meanwhile: Fastify announces its instances to those who ask. https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks */
function captureInstance(make: () => void): Instance {
  let instance: Instance | undefined;
  const onInstance = (message: unknown): void => {
    instance = (message as { fastify: Instance }).fastify;
  };
  subscribe('fastify.initialization', onInstance);
  make();
  unsubscribe('fastify.initialization', onInstance);
  if (instance === undefined) throw new Error('no HTTP server was made');
  return instance;
}
