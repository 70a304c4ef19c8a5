// The hub is killed (kill -9) a hundred times on one data directory while eight
// writers and two watchers use it over HTTPS: no acknowledged write is lost, no
// revision is used twice, and watches that resume miss and repeat nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createSeededRandom, type Random } from '../../platform/random.ts';
import { endWithTest } from '../support/children.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { type ConfigMap, type Event, HubCaller, readCredentials, sameEvents } from './hub-caller.ts';

const kills = 100;
const writers = 8;
const keysPerWriter = 4;
/** A hub is killed after this many acknowledged writes at most, and a moment more. */
const mostWritesPerLife = 60;
const longestMomentMs = 40;
/** Should writes be slower than a start: no hub lives longer. */
const longestLifeMs = 1500;
/** Every so many kills another one hits a hub that is still starting. */
const startKillEvery = 12;
const longestStartMs = 700;
const path = '/api/v1/namespaces/default/configmaps';
const shared = 'shared';

/** What a client asked for, and whether it was told that it happened. */
type Write = { name: string; type: Event['type']; value: string; acknowledged: boolean; revision?: number };
type Known = { value: string; revision: number } | 'absent' | 'unknown';

/** Where the present hub is; clients wait here while there is none. */
class Site {
  #url: string | undefined;
  #waiting: (() => void)[] = [];
  #ended = false;
  #writesLeft = 0;
  #enough = (): void => undefined;

  /** Resolves when that many more writes have been acknowledged. */
  afterWrites(count: number): Promise<void> {
    this.#writesLeft = count;
    return new Promise((resolve) => {
      this.#enough = resolve;
      if (count === 0) resolve();
    });
  }

  wrote(): void {
    this.#writesLeft -= 1;
    if (this.#writesLeft <= 0) this.#enough();
  }

  up(url: string): void {
    this.#url = url;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  down(): void {
    this.#url = undefined;
  }

  end(): void {
    this.#ended = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The present hub's URL, when there is one; undefined when the test is over. */
  async url(): Promise<string | undefined> {
    while (this.#url === undefined && !this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#ended ? undefined : this.#url;
  }

  /** A connection may break only because the hub was killed. */
  expectGone(url: string, what: string): void {
    assert.notEqual(this.#url, url, `${what} broke off while the hub was alive`);
  }
}

/** A client that owns a few names and knows what each must hold; one more name is written by all. */
class Writer {
  readonly writes: Write[] = [];
  readonly known = new Map<string, Known>();
  #number: number;
  #caller: HubCaller;
  #site: Site;
  #random: Random;

  constructor(number: number, caller: HubCaller, site: Site, random: Random) {
    this.#number = number;
    this.#caller = caller;
    this.#site = site;
    this.#random = random;
    for (let key = 0; key < keysPerWriter; key += 1) this.known.set(`w${number}-${key}`, 'absent');
  }

  async run(): Promise<void> {
    const names = [...this.known.keys()];
    for (let turn = 0; ; turn += 1) {
      const url = await this.#site.url();
      if (url === undefined) return;
      if (turn % 5 === 4) await this.#increment(url);
      else await this.#change(url, names[turn % names.length] ?? '', `${this.#number}/${turn}`);
    }
  }

  async #read(url: string, name: string): Promise<Known> {
    const answer = await this.#call(url, 'GET', `${path}/${name}`);
    if (answer === undefined) return 'unknown';
    assert.ok(answer.code === 200 || answer.code === 404, `GET ${name}: ${answer.code} ${answer.text}`);
    return answer.code === 404 ? 'absent' : stateOf(answer.object);
  }

  async #call(url: string, method: string, target: string, body?: object): ReturnType<HubCaller['call']> {
    const answer = await this.#caller.call(url, method, target, body);
    if (answer === undefined) this.#site.expectGone(url, `${method} ${target}`);
    return answer;
  }

  async #change(url: string, name: string, value: string): Promise<void> {
    let known = this.known.get(name) ?? 'unknown';
    if (known === 'unknown') known = await this.#read(url, name);
    this.known.set(name, known);
    if (known === 'unknown') return;
    if (known === 'absent') await this.#send(url, 'POST', 201, { name, type: 'ADDED', value, acknowledged: false });
    else if (this.#random.fraction() < 0.25) {
      const { value: last, revision } = known;
      await this.#send(url, 'DELETE', 200, { name, type: 'DELETED', value: last, acknowledged: false }, revision);
    } else await this.#send(url, 'PUT', 200, { name, type: 'MODIFIED', value, acknowledged: false }, known.revision);
  }

  async #send(url: string, method: string, code: number, write: Write, revision?: number): Promise<void> {
    const { name, value, type } = write;
    this.writes.push(write);
    this.known.set(name, 'unknown');
    const body =
      type === 'DELETED' ? { preconditions: { resourceVersion: String(revision) } } : configMap(name, value, revision);
    const answer = await this.#call(url, method, type === 'ADDED' ? path : `${path}/${name}`, body);
    if (answer === undefined) return;
    // Nobody else writes this name: whatever it refuses, it has lost or invented something.
    assert.equal(answer.code, code, `${method} ${name} at ${revision}: ${answer.text}`);
    write.acknowledged = true;
    this.#site.wrote();
    if (type === 'DELETED') this.known.set(name, 'absent');
    else {
      const state = stateOf(answer.object);
      assert.equal(state.value, value);
      write.revision = state.revision;
      this.known.set(name, state);
    }
  }

  /** Read, add one, write if nobody else has: all writers do it to one object. */
  async #increment(url: string): Promise<void> {
    const known = await this.#read(url, shared);
    if (known === 'unknown') return;
    assert.notEqual(known, 'absent', 'the shared object is gone');
    const { value, revision } = known as { value: string; revision: number };
    const write: Write = { name: shared, type: 'MODIFIED', value: String(Number(value) + 1), acknowledged: false };
    const answer = await this.#call(url, 'PUT', `${path}/${shared}`, configMap(shared, write.value, revision));
    if (answer === undefined || answer.code === 409) return;
    assert.equal(answer.code, 200, answer.text);
    this.writes.push({ ...write, acknowledged: true, revision: stateOf(answer.object).revision });
  }
}

function configMap(name: string, value: string, revision?: number): object {
  const metadata = { name, ...(revision === undefined ? {} : { resourceVersion: String(revision) }) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } };
}

function stateOf({ metadata, data }: ConfigMap): { value: string; revision: number } {
  return { value: data?.value ?? '', revision: Number(metadata.resourceVersion) };
}

/** Watches on and on: after each break from the last revision that it has seen. */
async function follow(caller: HubCaller, site: Site, seen: Event[], after: number): Promise<void> {
  for (;;) {
    const url = await site.url();
    if (url === undefined) return;
    const from = seen.at(-1)?.revision ?? after;
    await caller.watch(url, `${path}?watch=1&resourceVersion=${from}`, (event) => seen.push(event));
    if ((await site.url()) === undefined) return;
    site.expectGone(url, 'a watch');
  }
}

/** Kills a hub before it serves. */
async function killStarting(directory: string, delayMs: number): Promise<void> {
  const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  const args = [entry, 'hub', '--data-dir', directory, '--https-port', '0', '--mqtt-port', '0', '--log-level', 'error'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  endWithTest(child);
  const exited = once(child, 'exit');
  await sleep(delayMs);
  child.kill('SIGKILL');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
}

/** While nobody writes: all that the writers know for sure is there, as they know it. */
async function checkState(caller: HubCaller, url: string, all: readonly Writer[], message: string): Promise<void> {
  const answer = await caller.call(url, 'GET', path);
  assert.equal(answer?.code, 200, message);
  const list = JSON.parse(answer.text) as { metadata: { resourceVersion: string }; items: ConfigMap[] };
  const found = new Map(list.items.map((item) => [item.metadata.name, stateOf(item)]));
  for (const { known, writes } of all) {
    for (const [name, state] of known)
      if (state !== 'unknown') assert.deepEqual(found.get(name) ?? 'absent', state, `${message}: ${name}`);
    const newest = Math.max(0, ...writes.slice(-10).map(({ revision = 0 }) => revision));
    assert.ok(Number(list.metadata.resourceVersion) >= newest, `${message}: the revision went back`);
  }
}

/** Compares the history of all changes with what the writers asked for and were told. */
function checkHistory(history: readonly Event[], all: readonly Writer[]): void {
  const byRevision = new Map(history.map((event) => [event.revision, event]));
  assert.equal(byRevision.size, history.length, 'a revision was used twice');
  const writes = all.flatMap((writer) => writer.writes);
  for (const { name, type, value, revision } of writes)
    if (revision !== undefined) assert.deepEqual(byRevision.get(revision), { type, name, value, revision });
  const counts = history.filter(({ name }) => name === shared).map(({ value }) => Number(value));
  assert.deepEqual(
    counts,
    counts.map((_, index) => index),
    'an increment was lost',
  );
  const names = new Set(history.map(({ name }) => name));
  names.delete(shared);
  for (const name of names) {
    const events = history.filter((event) => event.name === name);
    const ofName = writes.filter((write) => write.name === name);
    for (const [index, write] of ofName.entries()) {
      // A delete whose outcome was unknown, and that was asked for again later, did not happen then.
      const isAgain = (later: Write): boolean => later.type === write.type && later.value === write.value;
      if (!write.acknowledged && ofName.slice(index + 1).some(isAgain)) continue;
      const next = events[0];
      if (next?.type === write.type && next.value === write.value) events.shift();
      else assert.ok(!write.acknowledged, `lost: ${JSON.stringify(write)}, next is ${JSON.stringify(next)}`);
    }
    assert.deepEqual(events, [], `changes of ${name} that nobody asked for, or at another place`);
  }
}

it(`survives ${kills} kills under ${writers} writers and 2 watchers`, { timeout: 800_000 }, async (test) => {
  const seed = Number(process.env.SKERRY_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  test.diagnostic(`SKERRY_TEST_SEED=${seed}`);
  const random = createSeededRandom(seed);
  const root = await mkdtemp(join(tmpdir(), 'skerry-hub-kill-'));
  test.after(() => rm(root, { recursive: true, force: true, maxRetries: 3 }));
  // Compiled code, kept by the one hub that ends in order, halves the start of all others.
  process.env.NODE_COMPILE_CACHE = join(root, 'compiled');
  const dataDirectory = join(root, 'data');
  let hub: TestHub = await startHub({ dataDirectory });
  await hub.request('GET', path);
  await hub.stop();
  hub = await startHub({ dataDirectory });
  const credentials = readCredentials(hub.kubeconfig);
  const callers: HubCaller[] = [];
  const newCaller = (): HubCaller => {
    const caller = new HubCaller(credentials);
    callers.push(caller);
    return caller;
  };
  const observer = newCaller();
  const created = await observer.call(hub.httpsUrl, 'POST', path, configMap(shared, '0'));
  assert.equal(created?.code, 201);
  const start = stateOf(created.object).revision - 1;

  const site = new Site();
  const all = Array.from({ length: writers }, (_, number) => {
    return new Writer(number, newCaller(), site, createSeededRandom(seed + number + 1));
  });
  const seen: Event[][] = [[], []];
  const clients = [
    ...all.map((writer) => writer.run()),
    ...seen.map((events) => follow(newCaller(), site, events, start)),
  ];
  const failed = Promise.all(clients).then(() => undefined);
  failed.catch(() => undefined);
  try {
    for (let round = 0; round <= kills; round += 1) {
      await checkState(observer, hub.httpsUrl, all, `round ${round}`);
      assert.deepEqual(hub.errors(), [], `round ${round}`);
      if (round === kills) break;
      site.up(hub.httpsUrl);
      const enough = site.afterWrites(Math.floor(random.fraction() ** 2 * mostWritesPerLife));
      await Promise.race([enough, failed, sleep(longestLifeMs)]);
      await sleep(random.fraction() * longestMomentMs);
      site.down();
      await hub.kill9();
      if (round % startKillEvery === 0) await killStarting(dataDirectory, random.fraction() * longestStartMs);
      hub = await startHub({ dataDirectory });
    }
    const history: Event[] = [];
    const sentinel = await observer.call(hub.httpsUrl, 'POST', path, configMap('the-end', ''));
    assert.equal(sentinel?.code, 201);
    const last = stateOf(sentinel.object).revision;
    const reads = observer.watch(hub.httpsUrl, `${path}?watch=1&resourceVersion=${start}`, (event) => {
      history.push(event);
      return event.revision >= last;
    });
    for (const events of seen) {
      const from = events.at(-1)?.revision ?? start;
      await newCaller().watch(hub.httpsUrl, `${path}?watch=1&resourceVersion=${from}`, (event) => {
        events.push(event);
        return event.revision >= last;
      });
    }
    await reads;
    for (const [index, events] of seen.entries()) sameEvents(events, history, `watcher ${index}`);
    checkHistory(history.slice(0, -1), all);
    const told = all.flatMap(({ writes }) => writes).filter(({ acknowledged }) => acknowledged).length;
    test.diagnostic(`${told} writes acknowledged, ${history.length} changes in the history`);
    assert.ok(told > kills * 5, `only ${told} writes: the test has hardly tested`);
  } finally {
    site.end();
    for (const caller of callers) caller.close();
    await hub.kill9();
  }
  await failed;
});
