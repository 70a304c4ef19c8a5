// The Runtime port over an engine in memory: what one agent sees of it.
// Passes the same contract suite as the Docker runtime.
import { type Clock, sleep } from '../../../platform/clock.ts';
import {
  type ContainerResources,
  type ContainerSpec,
  type LogQuery,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type SandboxSpec,
} from '../runtime.ts';
import type { EngineContainer, SimulatedEngine } from './simulated-engine.ts';

export type SimulatedRuntimeOptions = {
  /** Tells this agent's containers from those of others in the same engine. */
  instance: string;
  /** Time that the engine takes for a request, ms. */
  latencyMs?: () => number;
};

/** Pause before the engine's events are followed again after they broke off, ms. */
const rewatchMs = 2000;
/** How often a log is looked at for more, ms. */
const logPollMs = 20;

export class SimulatedRuntime implements Runtime {
  #options: SimulatedRuntimeOptions;
  #engine: SimulatedEngine;
  #clock: Clock;

  constructor(options: SimulatedRuntimeOptions, parts: { engine: SimulatedEngine; clock: Clock }) {
    this.#options = options;
    this.#engine = parts.engine;
    this.#clock = parts.clock;
  }

  describe(): Promise<{ name: string; version: string }> {
    return this.#request(() => ({ name: 'simulated', version: '1.0.0' }));
  }

  ensureNetwork(cidr: string): Promise<void> {
    return this.#request(() => this.#engine.setNetwork(this.#options.instance, cidr));
  }

  list(podUid?: string): Promise<RuntimeContainer[]> {
    return this.#request(() =>
      this.#own()
        .filter((container) => podUid === undefined || container.podUid === podUid)
        .map(shown),
    );
  }

  /** Programs here have no insides: a command ends well in every container that runs. */
  exec(id: string): Promise<{ exitCode: number; output: string }> {
    return this.#request(() => {
      const container = this.#own().find((candidate) => candidate.id === id);
      if (container?.state !== 'running') throw new RuntimeError('failed', `container ${id} is not running`);
      return container.sickSinceMs === undefined ? { exitCode: 0, output: '' } : { exitCode: 1, output: 'it is sick' };
    });
  }

  hasImage(image: string): Promise<boolean> {
    return this.#request(() => this.#engine.images.has(image));
  }

  async pull(image: string): Promise<void> {
    const delayMs = await this.#request(() => this.#engine.registry.get(image));
    if (delayMs === undefined)
      throw new RuntimeError('image-pull', `pull access denied for ${image}, repository does not exist`);
    await sleep(this.#clock, delayMs);
    await this.#request(() => {
      this.#engine.images.add(image);
    });
  }

  createSandbox(spec: SandboxSpec): Promise<string> {
    return this.#request(() => this.#engine.createSandbox(this.#options.instance, spec));
  }

  createContainer(spec: ContainerSpec): Promise<string> {
    return this.#request(() => this.#engine.createContainer(this.#options.instance, spec));
  }

  start(id: string): Promise<void> {
    return this.#request(() => this.#engine.start(id));
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    const stopped = await this.#request(() => {
      if (this.#engine.find(id) === undefined) return { done: Promise.resolve() };
      return { done: new Promise<void>((resolve) => this.#engine.stop(id, graceSeconds, resolve)) };
    });
    await stopped.done;
    await this.#request(() => undefined);
  }

  update(id: string, resources: ContainerResources): Promise<void> {
    return this.#request(() => this.#engine.update(id, resources));
  }

  remove(id: string): Promise<void> {
    return this.#request(() => this.#engine.remove(id));
  }

  async *logs(id: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { follow, timestamps, tailLines, sinceMs = Number.NEGATIVE_INFINITY } = query;
    const container = await this.#request(() => this.#engine.find(id));
    if (container === undefined) throw new RuntimeError('not-found', `No such container: ${id}`);
    const old = container.lines.filter((line) => line.atMs >= sinceMs).length;
    let next = container.lines.length - (tailLines === undefined ? old : Math.min(old, tailLines));
    for (;;) {
      const ended = container.state !== 'running';
      for (; next < container.lines.length && !signal.aborted; next += 1) {
        const line = container.lines[next];
        if (line === undefined) continue;
        yield Buffer.from(`${timestamps ? `${new Date(line.atMs).toISOString()} ` : ''}${line.text}\n`);
      }
      if (!follow || ended || signal.aborted) return;
      await sleep(this.#clock, logPollMs, signal);
    }
  }

  watch(signal: AbortSignal, onChange: (podUid: string | undefined) => void): void {
    const { instance } = this.#options;
    let following = this.#engine.available;
    if (following) onChange(undefined);
    const unlisten = this.#engine.listen((event) => {
      if (event !== 'availability') {
        if (
          following &&
          event.container.instance === instance &&
          event.type !== 'stop-asked' &&
          event.type !== 'update'
        )
          onChange(event.container.podUid);
        return;
      }
      if (!this.#engine.available) {
        following = false;
        onChange(undefined);
        return;
      }
      void sleep(this.#clock, rewatchMs, signal).then(() => {
        if (signal.aborted || !this.#engine.available) return;
        following = true;
        onChange(undefined);
      });
    });
    signal.addEventListener('abort', unlisten, { once: true });
  }

  uninstall(): Promise<void> {
    return this.#request(() => {
      for (const { id } of this.#own()) this.#engine.remove(id);
      this.#engine.setNetwork(this.#options.instance, undefined);
    });
  }

  #own(): EngineContainer[] {
    return this.#engine.containers().filter((container) => container.instance === this.#options.instance);
  }

  /** The engine does the work half-way through the request: an answer may be lost though the work is done. */
  async #request<T>(work: () => T): Promise<T> {
    const latencyMs = this.#options.latencyMs?.() ?? 0;
    await this.#pass(latencyMs / 2);
    const result = work();
    await this.#pass(latencyMs / 2);
    return result;
  }

  async #pass(latencyMs: number): Promise<void> {
    if (latencyMs > 0) await sleep(this.#clock, latencyMs);
    if (!this.#engine.available)
      throw new RuntimeError('unavailable', 'the container engine does not answer: connect ECONNREFUSED');
  }
}

/** What the port shows of a container, as of now. */
function shown({
  instance: _,
  spec: _spec,
  lines: _lines,
  sickSinceMs: _sick,
  cancels: _cancels,
  ...container
}: EngineContainer): RuntimeContainer {
  return { ...container };
}
