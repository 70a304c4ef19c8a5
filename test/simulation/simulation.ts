// A hub and three devices in one process, on virtual time. A seed chooses what
// users do and what breaks; the parts are those of production. The same seed
// gives the same trace, byte for byte.
import { createHash } from 'node:crypto';
import type { Runtime } from '../../agent/runtime/runtime.ts';
import { hubUser } from '../../api/meta/operation.ts';
import { ApiServer } from '../../hub/apiserver/server.ts';
import { Client } from '../../hub/client/client.ts';
import { Informers } from '../../hub/client/informer.ts';
import { Hub } from '../../hub/hub.ts';
import { MemoryStore } from '../../hub/store/memory/memory-store.ts';
import type { Store } from '../../hub/store/store.ts';
import { SliceIndex } from '../../hub/sync/slice-index.ts';
import type { Disk } from '../../platform/disk.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { createSeededRandom, type Random } from '../../platform/random.ts';
import { VirtualClock } from '../../platform/virtual-clock.ts';
import { Device } from './device.ts';
import { Faults } from './faults.ts';
import { Invariants } from './invariants.ts';
import { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { Workload } from './workload.ts';

/** A bug put into the world on purpose: the invariants must find it. */
export type Plant = {
  store?: (store: Store) => Store;
  disk?: (disk: Disk) => Disk;
  runtime?: (runtime: Runtime) => Runtime;
  /** Called whenever a device's link has come up. */
  onLink?: (device: Device) => void;
};
export type SimulationOptions = { seed: number; steps?: number; plant?: Plant };
export type SimulationResult = { seed: number; trace: string[]; violations: string[]; log: string[] };

const eventPrefix = '/registry/core/events/';
const deviceCount = 3;
const defaultSteps = 40;
/** Time in which everything must be as desired once the faults rest. */
const restMs = 30 * 60_000;
const restStepMs = 15_000;
/** At rest is what looks so for a while: a container that is about to crash again does not. */
const looksAtRest = 3;
/** What must not change at rest is looked at for this long; of some seeds for hours. */
const quietMs = 10 * 60_000;
const longQuietMs = 5 * 3_600_000;
const longQuietEvery = 10;

const noTokens = {
  keySet: () => ({ keys: [] }),
  sign: () => Promise.reject(new Error('nobody asks for tokens here')),
  verify: () => Promise.resolve(undefined),
};

export class Simulation {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly devices: Device[];
  hubOffsetMs = 0;
  #options: SimulationOptions;
  #random: Random;
  #store = new MemoryStore();
  #hub: { hub: Hub; process: SimulatedProcess; isUp: boolean } | undefined;
  #reader: Client;
  #observer = new AbortController();
  #slices: SliceIndex;
  #informers: Informers;
  #workload: Workload;
  #faults: Faults;
  #invariants: Invariants;
  /** Writes to the store that were no events. */
  #changes = 0;
  #trace: string[] = [];
  #log: string[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { clock } = this;
    const root = createSeededRandom(options.seed);
    const fork = (): Random => createSeededRandom(Math.floor(root.fraction() * 2 ** 32));
    this.#random = fork();
    this.network = new SimulatedNetwork({ clock, random: fork() });
    const { plant = {} } = options;
    const spoil = {
      disk: plant.disk ?? ((disk: Disk): Disk => disk),
      runtime: plant.runtime ?? ((runtime: Runtime): Runtime => runtime),
    };
    const parts = { clock, network: this.network, log: this.#log, spoil };
    this.devices = Array.from(
      { length: deviceCount },
      (_, index) => new Device(index + 1, { ...parts, random: fork() }),
    );
    this.#workload = new Workload(fork());
    const log = createMemoryLog([]);
    const nothing = (): Promise<never> => Promise.reject(new Error('nothing is reached in nodes here'));
    const nodes = { logs: nothing, open: nothing };
    const tokens = noTokens;
    this.#reader = new Client(
      new ApiServer({ store: this.#store, clock, random: fork(), log, nodes, tokens }),
      hubUser,
    );
    this.#informers = new Informers({ client: this.#reader, clock, log });
    this.#slices = new SliceIndex(this.#informers);
    this.#invariants = new Invariants({
      store: this.#store,
      clock,
      devices: this.devices,
      workload: this.#workload,
      reader: this.#reader,
      slices: this.#slices,
      network: this.network,
      hubIsUp: () => this.hubIsUp,
      signal: this.#observer.signal,
    });
    this.#faults = new Faults(this, fork());
  }

  async run(): Promise<SimulationResult> {
    this.#invariants.start();
    for (const device of this.devices) this.#logEngine(device);
    this.#store.watch({ prefix: '/registry/', after: 0, signal: this.#observer.signal }, (events) => {
      for (const event of events)
        if (!(event.type === 'put' ? event.entry.key : event.key).startsWith(eventPrefix)) this.#changes += 1;
    });
    await this.#informers.start(this.#observer.signal);
    this.#slices.start(() => undefined);
    this.startHub();
    for (const device of this.devices) device.startAgent();
    await this.clock.advance(10_000);
    for (let step = 1; step <= (this.#options.steps ?? defaultSteps) && this.#isFine(); step += 1)
      await this.#step(step);
    if (this.#isFine()) await this.#rest();
    if (this.#isFine()) await this.#stayQuiet();
    this.#finish();
    return { seed: this.#options.seed, trace: this.#trace, violations: this.#invariants.violations, log: this.#log };
  }

  note(text: string): void {
    const line = `${(this.clock.monotonicMs() / 1000).toFixed(3)} ${text}`;
    this.#trace.push(line);
    this.#log.push(line);
  }

  get hubIsUp(): boolean {
    return this.#hub?.isUp === true;
  }

  startHub(): void {
    const { clock } = this;
    const process = new SimulatedProcess(clock, () => this.hubOffsetMs);
    const random = this.#random;
    const gated: Store = process.gate(this.#store, { write: () => random.fraction() * 4 });
    const hub = new Hub(
      { version: '0.0.0', clusterCidr: '10.128.0.0/9', unreachableAfterMs: 40_000, compactionIntervalMs: 300_000 },
      {
        store: this.#options.plant?.store?.(gated) ?? gated,
        clock: process.clock,
        random: createSeededRandom(Math.floor(random.fraction() * 2 ** 32)),
        log: createMemoryLog(this.#log, 'hub '),
        signer: {
          subjectOf: () => ({ commonName: '', organizations: [] }),
          publicKeyOf: () => Promise.reject(new Error('nobody joins here')),
          sign: () => Promise.reject(new Error('nobody joins here')),
        },
        authority: '',
        tokens: noTokens,
      },
    );
    const running = { hub, process, isUp: false };
    this.#hub = running;
    void hub.start(process.signal).then(() => {
      if (!process.alive) return;
      running.isUp = true;
      this.network.listen({
        process,
        accept: (link, nodeName) => {
          hub.accept(link, { kind: 'node', nodeName });
          const device = this.devices.find((candidate) => candidate.name === nodeName);
          if (device !== undefined) this.#options.plant?.onLink?.(device);
        },
      });
    });
  }

  async killHub(isSilent: boolean): Promise<void> {
    this.#hub?.process.kill();
    this.#hub = undefined;
    this.network.hubGone(isSilent);
    await this.#workload.hubDied(this.#reader);
  }

  #logEngine({ name, engine }: Device): void {
    engine.listen((event) => {
      if (event === 'availability') return;
      const { id, podName, podUid, containerName, attempt } = event.container;
      const cause = event.type === 'exit' ? ` ${event.cause}` : '';
      const at = (this.clock.monotonicMs() / 1000).toFixed(3);
      this.#log.push(
        `${at} ${name} engine ${event.type}${cause} ${id} ${podName}/${containerName || 'sandbox'} ${attempt} ${podUid}`,
      );
    });
  }

  #isFine(): boolean {
    return this.#invariants.violations.length === 0;
  }

  async #step(step: number): Promise<void> {
    const roll = this.#random.fraction();
    if (roll < 0.55 && this.#hub?.isUp === true)
      this.note(`step ${step}: ${this.#workload.step(this.#hub.hub.client)}`);
    else this.note(`step ${step}: ${await this.#faults.step()}`);
    // Mostly in quick succession, so that things happen in the midst of others.
    const pace = this.#random.fraction();
    await this.clock.advance(pace < 0.5 ? pace * 1000 : pace < 0.9 ? pace * 12_000 : pace * 150_000);
    await this.#invariants.checkStep();
  }

  /** Everything is mended; then all has to become as desired. */
  async #rest(): Promise<void> {
    await this.#faults.mend();
    this.note('all faults rest');
    const untilMs = this.clock.monotonicMs() + restMs;
    let problems = ['nothing was looked at'];
    let fineLooks = 0;
    while (fineLooks < looksAtRest && this.clock.monotonicMs() < untilMs && this.#isFine()) {
      if (this.#hub?.isUp === true && this.#workload.isSettled()) this.#workload.settle(this.#hub.hub.client);
      await this.clock.advance(restStepMs);
      await this.#invariants.checkStep();
      problems = await this.#invariants.unsettled();
      fineLooks = problems.length === 0 ? fineLooks + 1 : 0;
    }
    if (problems.length === 0) this.note(`at rest, revision ${this.#store.revision()}`);
    else if (this.#isFine())
      for (const problem of problems) this.#invariants.violations.push(`not at rest: ${problem}`);
  }

  /** Nothing changes any more: neither disks nor containers nor the store are touched, but for events that expire. */
  async #stayQuiet(): Promise<void> {
    const counts = (): Record<string, string> => ({
      'disk writes': this.devices.map(({ disk }) => disk.writes).join(' '),
      'engine events': this.devices.map(({ engine }) => engine.history.length).join(' '),
      'changes of the store': String(this.#changes),
    });
    const atRest = counts();
    await this.clock.advance(this.#options.seed % longQuietEvery === 0 ? longQuietMs : quietMs);
    for (const [what, count] of Object.entries(counts())) {
      if (count !== atRest[what])
        this.#invariants.violations.push(`at rest the number of ${what} went from ${atRest[what]} to ${count}`);
    }
    for (const problem of await this.#invariants.unsettled())
      this.#invariants.violations.push(`after quiet: ${problem}`);
  }

  #finish(): void {
    for (const violation of this.#invariants.violations) this.note(`VIOLATION ${violation}`);
    const hash = createHash('sha256').update(this.#log.join('\n'));
    this.note(
      `revision ${this.#store.revision()}, ${this.#invariants.violations.length} violations, ${hash.digest('hex').slice(0, 16)}`,
    );
    this.#hub?.process.kill();
    for (const device of this.devices) device.killAgent(true);
    this.#observer.abort();
  }
}
