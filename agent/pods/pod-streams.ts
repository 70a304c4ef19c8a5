// Finds what a stream of the hub is for among this node's containers, and
// opens it: logs, commands, terminals, ports, usage.
import type { Pod } from '../../api/meta/kubernetes.ts';
import { type ContainerStream, channels, type StreamTarget } from '../../api/wire/frames.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { readHostUsage } from '../../platform/process.ts';
import type { ContainerProcess, ContainerStreams } from '../runtime/runtime.ts';
import { type Runtime, type RuntimeContainer, RuntimeError } from '../runtime/runtime.ts';
import { latestAttempt } from './plan.ts';

/** Why a stream can't be opened, and whose fault that is. */
export class OpenError extends Error {
  readonly reason: 'BadRequest' | 'NotFound';

  constructor(reason: 'BadRequest' | 'NotFound', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Both ends of a stream, as the tunnel takes them. */
type Opened = {
  output: AsyncIterable<{ channel: number; bytes: Uint8Array }>;
  write: (channel: number, bytes: Uint8Array) => Promise<void>;
  closeChannel: (channel: number) => void;
  exitCode: () => Promise<number | undefined>;
};

type LogQuery = {
  container: string;
  previous: boolean;
  follow: boolean;
  timestamps: boolean;
  tailLines?: number;
  sinceMs?: number;
};

export type PodStreamsParts = {
  runtime: Runtime;
  streams: ContainerStreams;
  clock: Clock;
  readHostUsage: typeof readHostUsage;
  pods: () => Pod[];
};

/** Time over which a node's processor use is measured, ms. */
const usageWindowMs = 1000;

export class PodStreams {
  #parts: PodStreamsParts;

  constructor(parts: PodStreamsParts) {
    this.#parts = parts;
  }

  /** @throws OpenError, RuntimeError */
  async openLog(podUid: string, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const containers = await this.#parts.runtime.list(podUid);
    const attempts = containers.filter((item) => item.role !== 'sandbox' && item.containerName === query.container);
    const latest = latestAttempt(containers, query.container);
    const chosen = query.previous ? attempts.find((item) => item.attempt === (latest?.attempt ?? 0) - 1) : latest;
    if (chosen === undefined) {
      const what = query.previous ? 'previous terminated container' : 'container';
      throw new OpenError(
        'BadRequest',
        `${what} ${JSON.stringify(query.container)} in pod ${this.#nameOf(podUid)} ${query.previous ? 'not found' : 'is waiting to start'}`,
      );
    }
    const { follow, timestamps, tailLines, sinceMs } = query;
    return this.#parts.runtime.logs(
      chosen.id,
      {
        follow: follow && chosen.state === 'running',
        timestamps,
        ...(tailLines === undefined ? {} : { tailLines }),
        ...(sinceMs === undefined ? {} : { sinceMs }),
      },
      signal,
    );
  }

  /** @throws OpenError, RuntimeError */
  async open(target: StreamTarget, signal: AbortSignal): Promise<Opened> {
    const { streams } = this.#parts;
    switch (target.kind) {
      case 'exec': {
        const { id } = await this.#running(target);
        return processStream(await streams.exec(id, target.command, target, signal));
      }
      case 'attach': {
        const { id } = await this.#running(target);
        return processStream(await streams.attach(id, target, signal));
      }
      case 'port':
        return this.#openPort(target.podUid, target.port, signal);
      case 'stats':
        return onceStream(await this.#usage(signal));
    }
  }

  #nameOf(podUid: string): string {
    const pod = this.#parts.pods().find((candidate) => candidate.metadata.uid === podUid);
    return JSON.stringify(pod?.metadata.name ?? podUid);
  }

  async #running({ podUid, container }: ContainerStream): Promise<RuntimeContainer> {
    const latest = latestAttempt(await this.#parts.runtime.list(podUid), container);
    if (latest?.state === 'running') return latest;
    // In Kubernetes' words: programs look for them.
    if (latest === undefined) throw new OpenError('NotFound', `container not found (${JSON.stringify(container)})`);
    throw new OpenError(
      'BadRequest',
      `container ${JSON.stringify(container)} in pod ${this.#nameOf(podUid)} is not running`,
    );
  }

  async #openPort(podUid: string, port: number, signal: AbortSignal): Promise<Opened> {
    const containers = await this.#parts.runtime.list(podUid);
    const sandbox = containers.find(({ role, state }) => role === 'sandbox' && state === 'running');
    if (sandbox === undefined) throw new OpenError('BadRequest', `pod ${this.#nameOf(podUid)} is not running`);
    const connection = await this.#parts.streams.connect(sandbox.id, port, signal);
    // Its reader learns of it; a writer that comes too late has nobody to tell.
    connection.on('error', () => undefined);
    async function* output(): AsyncGenerator<{ channel: number; bytes: Uint8Array }> {
      try {
        for await (const bytes of connection) yield { channel: channels.output, bytes: bytes as Uint8Array };
      } finally {
        connection.destroy();
      }
    }
    return {
      output: output(),
      write: (_channel, bytes) =>
        new Promise((resolve, reject) => {
          connection.write(bytes, (error) => (error ? reject(error) : resolve()));
        }),
      closeChannel: () => void connection.end(),
      exitCode: () => Promise.resolve(undefined),
    };
  }

  /** What the node and its running containers use, as JSON. */
  async #usage(signal: AbortSignal): Promise<Uint8Array> {
    const { runtime, streams, clock, readHostUsage } = this.#parts;
    const before = readHostUsage();
    const startMs = clock.monotonicMs();
    const running = (await runtime.list()).filter(({ role, state }) => role !== 'sandbox' && state === 'running');
    const used = await streams.usage(running.map(({ id }) => id));
    const leftMs = usageWindowMs - (clock.monotonicMs() - startMs);
    if (leftMs > 0) await sleep(clock, leftMs, signal);
    const after = readHostUsage();
    const windowMs = clock.monotonicMs() - startMs;
    const node = {
      cpuNanoCores: Math.round(((after.busyMs - before.busyMs) / windowMs) * 1e9),
      memoryBytes: after.memoryBytes,
    };
    const containers = running.flatMap(({ id, podUid, containerName }) => {
      const usage = used.get(id);
      return usage === undefined ? [] : [{ podUid, name: containerName, ...usage }];
    });
    return Buffer.from(JSON.stringify({ windowMs: Math.round(windowMs), node, containers }));
  }
}

function processStream(process: ContainerProcess): Opened {
  async function* output(): AsyncGenerator<{ channel: number; bytes: Uint8Array }> {
    for await (const { stream, bytes } of process.output)
      yield { channel: stream === 'stderr' ? channels.error : channels.output, bytes };
  }
  return {
    output: output(),
    write: async (channel, bytes) => {
      if (channel === channels.input) await process.write(bytes);
      else if (channel === channels.resize) await resize(process, bytes);
    },
    closeChannel: (channel) => {
      if (channel === channels.input) process.endInput();
    },
    exitCode: process.exitCode,
  };
}

/** A size that can't be read, or comes when the process has ended, is not worth ending the stream for. */
async function resize(process: ContainerProcess, bytes: Uint8Array): Promise<void> {
  try {
    // Go reads field names in any case, and so clients write them in any.
    const size = Object.entries(JSON.parse(Buffer.from(bytes).toString()) as object);
    const [width, height] = ['width', 'height'].map((name) => size.find(([key]) => key.toLowerCase() === name)?.[1]);
    if (width > 0 && height > 0) await process.resize(width, height);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof RuntimeError)) throw error;
  }
}

function onceStream(bytes: Uint8Array): Opened {
  async function* output(): AsyncGenerator<{ channel: number; bytes: Uint8Array }> {
    yield { channel: channels.output, bytes };
  }
  return {
    output: output(),
    write: () => Promise.resolve(),
    closeChannel: () => undefined,
    exitCode: () => Promise.resolve(undefined),
  };
}
