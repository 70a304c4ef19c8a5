// Finds what a stream of the hub is for among this node's containers, and
// opens it: logs, commands, terminals, ports, usage.
import type { Pod } from '../../api/meta/kubernetes.ts';
import { type ContainerStream, channels, type LogTarget, type StreamTarget } from '../../api/wire/frames.ts';
import { type NodeStream, outputOnly, StreamError } from '../../api/wire/node-stream.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { readHostUsage } from '../../platform/process.ts';
import {
  type ContainerProcess,
  type ContainerStreams,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
} from '../runtime/runtime.ts';
import { latestAttempt } from './plan.ts';

export type PodStreamsParts = {
  runtime: Runtime;
  streams: ContainerStreams;
  clock: Clock;
  readHostUsage: typeof readHostUsage;
  pods: () => Pod[];
  /** Figures of the device, in Prometheus' text format. */
  deviceMetrics: () => Promise<string>;
};

/** Time over which a node's processor use is measured, ms. */
const usageWindowMs = 1000;

export class PodStreams {
  #parts: PodStreamsParts;

  constructor(parts: PodStreamsParts) {
    this.#parts = parts;
  }

  /** @throws StreamError, RuntimeError */
  async openLog(target: LogTarget, signal: AbortSignal): Promise<NodeStream> {
    const { podUid, container, previous, follow, timestamps, tailLines, sinceMs } = target;
    const containers = await this.#parts.runtime.list(podUid);
    const attempts = containers.filter((item) => item.role !== 'sandbox' && item.containerName === container);
    const latest = latestAttempt(containers, container);
    const chosen = previous ? attempts.find((item) => item.attempt === (latest?.attempt ?? 0) - 1) : latest;
    if (chosen === undefined) {
      const what = previous ? 'previous terminated container' : 'container';
      throw new StreamError(
        'BadRequest',
        `${what} ${JSON.stringify(container)} in pod ${this.#nameOf(podUid)} ${previous ? 'not found' : 'is waiting to start'}`,
      );
    }
    const output = this.#parts.runtime.logs(
      chosen.id,
      {
        follow: follow && chosen.state === 'running',
        timestamps,
        ...(tailLines === undefined ? {} : { tailLines }),
        ...(sinceMs === undefined ? {} : { sinceMs }),
      },
      signal,
    );
    return outputOnly(channels.output, output);
  }

  /** @throws StreamError, RuntimeError */
  async open(target: StreamTarget, signal: AbortSignal): Promise<NodeStream> {
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
        return outputOnly(channels.output, [target.device ? await this.#deviceMetrics() : await this.#usage(signal)]);
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
    if (latest === undefined) throw new StreamError('NotFound', `container not found (${JSON.stringify(container)})`);
    throw new StreamError(
      'BadRequest',
      `container ${JSON.stringify(container)} in pod ${this.#nameOf(podUid)} is not running`,
    );
  }

  async #openPort(podUid: string, port: number, signal: AbortSignal): Promise<NodeStream> {
    const containers = await this.#parts.runtime.list(podUid);
    const sandbox = containers.find(({ role, state }) => role === 'sandbox' && state === 'running');
    if (sandbox === undefined) throw new StreamError('BadRequest', `pod ${this.#nameOf(podUid)} is not running`);
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

  async #deviceMetrics(): Promise<Uint8Array> {
    return Buffer.from(JSON.stringify({ metrics: await this.#parts.deviceMetrics() }));
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

function processStream(process: ContainerProcess): NodeStream {
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
