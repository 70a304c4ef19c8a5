// A container engine in memory on any clock, as a machine has one: it outlives
// its agents, several of them may share it, and whoever runs a simulation can
// break it and look at everything that ever happened in it.
import type { Clock } from '../../../platform/clock.ts';
import {
  type ContainerIdentity,
  type ContainerResources,
  type ContainerSpec,
  memoryInUse,
  type RuntimeContainer,
  RuntimeError,
  type SandboxSpec,
} from '../runtime.ts';

/** What a container does once it has started. */
export type Behaviour = {
  /** Ends by itself after this time, ms; without it, never. */
  runsMs?: number;
  exitCode?: number;
  /** Time from SIGTERM to its end, ms; `ignored` needs SIGKILL. */
  onTerm?: number | 'ignored';
  /** Exit code after SIGTERM. */
  termExitCode?: number;
  output?: { afterMs: number; text: string }[];
  /** Memory that it uses while it runs. */
  memoryBytes?: number;
  /** The engine can't start it and says why. */
  startError?: string;
};

export type EngineOptions = {
  /** What a container does; without an answer it runs until it is stopped. */
  behaviourOf?: (spec: ContainerSpec) => Behaviour | undefined;
  /** Images on the machine. */
  images?: Iterable<string>;
  /** Images that a registry has, with the time to pull them, ms. */
  registry?: Iterable<readonly [string, number]>;
};

export type ExitCause = 'ended' | 'stopped' | 'removed' | 'crashed' | 'rebooted';
export type EngineEvent =
  | { type: 'start'; container: EngineContainer; atMs: number }
  | { type: 'update'; container: EngineContainer; atMs: number }
  /** An agent asked to stop, kill or remove it while it ran. */
  | { type: 'stop-asked'; container: EngineContainer; atMs: number }
  | { type: 'exit'; container: EngineContainer; atMs: number; cause: ExitCause }
  | { type: 'remove'; container: EngineContainer; atMs: number };

export type LogLine = { atMs: number; text: string };
/** A container with what the port does not show. */
export type EngineContainer = RuntimeContainer & {
  instance: string;
  /** Absent for sandboxes. */
  spec: ContainerSpec | undefined;
  hostNetwork: boolean;
  lines: LogLine[];
  /** Monotonic time since when commands in it fail; it runs on. */
  sickSinceMs?: number;
  cancels: Set<() => void>;
};
type Network = { cidr: string; used: Set<string> };

export class SimulatedEngine {
  readonly images: Set<string>;
  readonly registry: Map<string, number>;
  /** Everything that happened, oldest first; times are monotonic. */
  readonly history: EngineEvent[] = [];
  #options: EngineOptions;
  #clock: Clock;
  #available = true;
  #containers = new Map<string, EngineContainer>();
  #networks = new Map<string, Network>();
  #listeners = new Set<(event: EngineEvent | 'availability') => void>();
  #count = 0;

  constructor(options: EngineOptions, parts: { clock: Clock }) {
    this.#options = options;
    this.#clock = parts.clock;
    this.images = new Set(options.images);
    this.registry = new Map(options.registry);
  }

  get available(): boolean {
    return this.#available;
  }

  /** Makes the engine answer or not; containers run on meanwhile. */
  setAvailable(available: boolean): void {
    if (available === this.#available) return;
    this.#available = available;
    for (const listener of [...this.#listeners]) listener('availability');
  }

  /** Tells of everything that happens until the returned function is called. */
  listen(listener: (event: EngineEvent | 'availability') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every container there is, whoever's. */
  containers(): EngineContainer[] {
    return [...this.#containers.values()];
  }

  find(id: string): EngineContainer | undefined {
    return this.#containers.get(id);
  }

  /** Ends a running container as a crash of its program would. */
  crash(id: string, exitCode = 1): void {
    const container = this.#containers.get(id);
    if (container !== undefined) this.#exit(container, exitCode, 'crashed');
  }

  /** Makes commands in a running container fail from now on, as probes of a hung program do. */
  sicken(id: string): void {
    const container = this.#containers.get(id);
    if (container?.state === 'running') container.sickSinceMs ??= this.#clock.monotonicMs();
  }

  /** The machine goes down and comes back: nothing runs any more. */
  reboot(): void {
    for (const container of this.#containers.values()) this.#exit(container, 255, 'rebooted');
  }

  network(instance: string): string | undefined {
    return this.#networks.get(instance)?.cidr;
  }

  /** @throws RuntimeError when another range is in use */
  setNetwork(instance: string, cidr: string | undefined): void {
    const known = this.#networks.get(instance);
    if (known?.cidr === cidr) return;
    if (known !== undefined && known.used.size > 0)
      throw new RuntimeError('failed', `network of ${instance} has active endpoints`);
    if (cidr === undefined) this.#networks.delete(instance);
    else this.#networks.set(instance, { cidr, used: new Set() });
  }

  createSandbox(instance: string, { identity, hostNetwork }: SandboxSpec): string {
    if (!hostNetwork && !this.#networks.has(instance)) throw new RuntimeError('failed', `no network for ${instance}`);
    return this.#add(instance, identity, { image: 'simulated/pause:1', spec: undefined, hostNetwork }).id;
  }

  createContainer(instance: string, spec: ContainerSpec): string {
    if (!this.images.has(spec.image)) throw new RuntimeError('image-missing', `No such image: ${spec.image}`);
    return this.#add(instance, spec.identity, { image: spec.image, spec, hostNetwork: false }).id;
  }

  start(id: string): void {
    const container = this.#require(id);
    if (container.state === 'running') return;
    const refuse = (message: string): never => {
      Object.assign(container, { state: 'exited', exitCode: 128, error: message, finishedAtMs: this.#clock.nowMs() });
      throw new RuntimeError('failed', message);
    };
    const { spec, instance } = container;
    if (spec === undefined) {
      const network = this.#networks.get(instance);
      if (!container.hostNetwork && network === undefined) refuse(`network of ${instance} not found`);
      if (!container.hostNetwork && network !== undefined) container.address = takeAddress(network);
    } else if (this.#containers.get(spec.identity.sandboxId)?.state !== 'running') {
      refuse(`cannot join network of a non running container: ${spec.identity.sandboxId}`);
    }
    const behaviour = this.#behaviourOf(container);
    if (behaviour.startError !== undefined) refuse(behaviour.startError);
    container.state = 'running';
    container.startedAtMs = this.#clock.nowMs();
    delete container.exitCode;
    delete container.finishedAtMs;
    this.#tell({ type: 'start', container, atMs: this.#clock.monotonicMs() });
    for (const { afterMs, text } of behaviour.output ?? [])
      this.#later(container, afterMs, () => container.lines.push({ atMs: this.#clock.nowMs(), text }));
    if (behaviour.runsMs !== undefined)
      this.#later(container, behaviour.runsMs, () => this.#exit(container, behaviour.exitCode ?? 0, 'ended'));
  }

  /** SIGTERM now, SIGKILL after the grace period; `done` when it has ended. */
  stop(id: string, graceSeconds: number, done: () => void): void {
    const container = this.#require(id);
    if (container.state !== 'running') {
      done();
      return;
    }
    this.#tell({ type: 'stop-asked', container, atMs: this.#clock.monotonicMs() });
    const unlisten = this.listen((event) => {
      if (event === 'availability' || event.type !== 'exit' || event.container !== container) return;
      unlisten();
      done();
    });
    if (graceSeconds === 0) {
      this.#exit(container, 137, 'stopped');
      return;
    }
    const { onTerm = 0, termExitCode = 143 } = this.#behaviourOf(container);
    if (onTerm !== 'ignored') this.#later(container, onTerm, () => this.#exit(container, termExitCode, 'stopped'));
    this.#later(container, graceSeconds * 1000, () => this.#exit(container, 137, 'stopped'));
  }

  /** @throws RuntimeError when it uses more memory than it may then */
  update(id: string, resources: ContainerResources): void {
    const container = this.#require(id);
    const { memoryBytes = 0 } = this.#behaviourOf(container);
    const limit = resources.memoryLimitBytes ?? Number.POSITIVE_INFINITY;
    if (container.state === 'running' && memoryBytes > limit)
      throw new RuntimeError('failed', memoryInUse(memoryBytes, limit));
    container.resources = { ...container.resources, ...resources };
    this.#tell({ type: 'update', container, atMs: this.#clock.monotonicMs() });
  }

  remove(id: string): void {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    if (container.state === 'running') {
      this.#tell({ type: 'stop-asked', container, atMs: this.#clock.monotonicMs() });
      this.#exit(container, 137, 'removed');
    }
    this.#containers.delete(id);
    this.#tell({ type: 'remove', container, atMs: this.#clock.monotonicMs() });
  }

  #add(
    instance: string,
    identity: ContainerIdentity,
    rest: Pick<EngineContainer, 'image' | 'spec' | 'hostNetwork'>,
  ): EngineContainer {
    // Names are unique in an engine: what an attempt that was cut short left behind goes.
    for (const other of this.containers()) if (nameOf(other) === nameOf(identity)) this.remove(other.id);
    this.#count += 1;
    const container: EngineContainer = {
      ...identity,
      id: `c${String(this.#count).padStart(6, '0')}`,
      engine: 'simulated',
      state: 'created',
      imageId: `sha256:${rest.image}`,
      createdAtMs: this.#clock.nowMs(),
      instance,
      ...rest,
      ...(rest.spec === undefined ? {} : { resources: rest.spec.resources }),
      lines: [],
      cancels: new Set(),
    };
    this.#containers.set(container.id, container);
    return container;
  }

  #require(id: string): EngineContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new RuntimeError('not-found', `No such container: ${id}`);
    return container;
  }

  #behaviourOf({ spec }: EngineContainer): Behaviour {
    // What holds a sandbox open ends at once when it is told to.
    return spec === undefined ? { onTerm: 0 } : (this.#options.behaviourOf?.(spec) ?? {});
  }

  #exit(container: EngineContainer, exitCode: number, cause: ExitCause): void {
    if (container.state !== 'running') return;
    for (const cancel of container.cancels) cancel();
    container.cancels.clear();
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedAtMs = this.#clock.nowMs();
    if (container.address !== undefined) {
      this.#networks.get(container.instance)?.used.delete(container.address);
      delete container.address;
    }
    this.#tell({ type: 'exit', container, atMs: this.#clock.monotonicMs(), cause });
  }

  #later(container: EngineContainer, delayMs: number, callback: () => void): void {
    const cancel = this.#clock.setTimer(delayMs, () => {
      container.cancels.delete(cancel);
      callback();
    });
    container.cancels.add(cancel);
  }

  #tell(event: EngineEvent): void {
    this.history.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function nameOf({ role, containerName, podUid, attempt }: ContainerIdentity): string {
  return `${role === 'sandbox' ? 'POD' : containerName}_${podUid}_${attempt}`;
}

/** The lowest free address of the range; the first belongs to the gateway. */
function takeAddress({ cidr, used }: Network): string {
  const [base = '', bits] = cidr.split('/');
  const first = base.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
  for (let offset = 2; offset < 2 ** (32 - Number(bits)) - 1; offset += 1) {
    const address = [24, 16, 8, 0].map((shift) => Math.floor((first + offset) / 2 ** shift) % 256).join('.');
    if (used.has(address)) continue;
    used.add(address);
    return address;
  }
  throw new RuntimeError('failed', `no free address in ${cidr}`);
}
