// Commands, terminals, ports and usage of containers behind Docker's API.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Exec
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { whenAborted } from '../../../platform/abort.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import type { connectInNamespace, connectTo } from '../../../platform/net.ts';
import type { killProcess } from '../../../platform/process.ts';
import { type ContainerProcess, type ContainerStreams, RuntimeError, type Streams, type Usage } from '../runtime.ts';
import { guarded, translate } from './docker-error.ts';
import { demultiplexStreams } from './log-stream.ts';

/** Time for a connection to a port of a pod, ms. */
const connectWithinMs = 10_000;

/** Between two looks at what a container uses, ms. */
const betweenStatsMs = 1000;

export type DockerStreamsParts = {
  docker: Docker;
  clock: Clock;
  connectTo: typeof connectTo;
  connectInNamespace: typeof connectInNamespace;
  killProcess: typeof killProcess;
};

type Resizable = { resize: (size: { w: number; h: number }) => Promise<unknown> };

export class DockerStreams implements ContainerStreams {
  #parts: DockerStreamsParts;

  constructor(parts: DockerStreamsParts) {
    this.#parts = parts;
  }

  async exec(id: string, command: readonly string[], streams: Streams, signal: AbortSignal): Promise<ContainerProcess> {
    return guarded(async () => {
      const exec = await this.#parts.docker.getContainer(id).exec({
        Cmd: [...command],
        AttachStdin: streams.stdin,
        AttachStdout: streams.stdout,
        AttachStderr: streams.stderr && !streams.tty,
        Tty: streams.tty,
      });
      const stream = await exec.start({ hijack: true, stdin: streams.stdin, Tty: streams.tty });
      // As in Kubernetes a command goes on when its caller is gone: a link that is lost must not end an update
      // half-way. Its input ends; when it prints to nobody it is killed, as by a broken pipe. A terminal is hung up.
      const leave = (): void => void (streams.tty ? stream.destroy() : stream.end());
      const kill = async (): Promise<void> => {
        const { Running, Pid } = await exec.inspect();
        if (Running && Pid > 0) this.#parts.killProcess(Pid);
      };
      whenAborted(signal, leave);
      return processOf(stream, streams, exec, signal, {
        exitCode: async () => (await exec.inspect()).ExitCode ?? undefined,
        onUnheard: () => void kill().catch(() => undefined),
      });
    });
  }

  async attach(id: string, streams: Streams, signal: AbortSignal): Promise<ContainerProcess> {
    return guarded(async () => {
      const container = this.#parts.docker.getContainer(id);
      const { Config, State } = await container.inspect();
      // Podman would make it ready for a second start.
      if (!State.Running) throw new RuntimeError('failed', 'the container does not run');
      const { stdin, stdout, stderr } = streams;
      const stream = await openAttachment(container, { stdin, stdout, stderr });
      whenAborted(signal, () => void stream.destroy());
      const process = processOf(stream, { ...streams, tty: Config.Tty }, container, signal, {
        exitCode: async () => {
          const { State } = await container.inspect();
          return State.Running ? undefined : State.ExitCode;
        },
        onUnheard: () => undefined,
      });
      // The engine stops giving output when the input of such an attachment ends; the container's goes on.
      return Config.StdinOnce && !Config.Tty ? process : { ...process, endInput: () => undefined };
    });
  }

  async connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return guarded(async () => {
      const { State, NetworkSettings } = await this.#parts.docker.getContainer(sandboxId).inspect();
      const address = Object.values(NetworkSettings.Networks ?? {})[0]?.IPAddress;
      let problem = 'the pod has no address';
      if (address) {
        try {
          return await this.#parts.connectTo(address, port, connectWithinMs, signal);
        } catch (error) {
          problem = (error as Error).message;
        }
      }
      // A server that listens on the pod's loopback alone is reached only from inside.
      try {
        return await this.#parts.connectInNamespace(State.Pid, port, connectWithinMs, signal);
      } catch (error) {
        throw new RuntimeError('failed', problem, { cause: error });
      }
    });
  }

  async usage(ids: readonly string[]): Promise<Map<string, Usage>> {
    const found = new Map<string, Usage>();
    const read = async (id: string): Promise<void> => {
      try {
        const stats = await this.#stats(id);
        if (stats !== undefined) found.set(id, usageOf(stats));
      } catch (error) {
        // It stopped meanwhile.
        if (translate(error).code !== 'not-found') throw translate(error);
      }
    };
    await Promise.all(ids.map(read));
    return found;
  }

  /** Two looks a second apart. Undefined for what Podman says, with a 200, about a container that does not run. */
  async #stats(id: string): Promise<Stats | undefined> {
    const container = this.#parts.docker.getContainer(id);
    const stats: Partial<Stats> = await container.stats({ stream: false });
    if (!isStats(stats)) return undefined;
    if (stats.precpu_stats.system_cpu_usage !== undefined) return stats;
    // Podman looks once.
    await sleep(this.#parts.clock, betweenStatsMs);
    const later: Partial<Stats> = await container.stats({ stream: false });
    return isStats(later) ? { ...later, precpu_stats: stats.cpu_stats } : undefined;
  }
}

/** As dockerode's `attach`, which sends its options once more as a body: Podman gives that to the container as input. */
function openAttachment(
  container: Docker.Container,
  streams: { stdin: boolean; stdout: boolean; stderr: boolean },
): Promise<Duplex> {
  const call = {
    path: `/containers/${container.id}/attach?`,
    method: 'POST',
    isStream: true,
    hijack: true,
    openStdin: streams.stdin,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options: { stream: true, ...streams },
    // An empty body, which sends the request off.
    file: Buffer.alloc(0),
  };
  return new Promise((resolve, reject) => {
    container.modem.dial(call, (error: Error | null, stream: Duplex) => (error ? reject(error) : resolve(stream)));
  });
}

/** Podman drops the connection where the process has left input unread: all that it printed has come by then. */
function isDropped(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function processOf(
  stream: Duplex,
  { tty }: Streams,
  resizable: Resizable,
  signal: AbortSignal,
  { exitCode, onUnheard }: { exitCode: () => Promise<number | undefined>; onUnheard: () => void },
): ContainerProcess {
  // Readers learn of it; a writer that comes too late has nobody to tell.
  stream.on('error', () => undefined);
  async function* output(): AsyncGenerator<{ stream: 'stdout' | 'stderr'; bytes: Uint8Array }> {
    try {
      if (tty) for await (const bytes of stream) yield { stream: 'stdout', bytes: bytes as Uint8Array };
      else for await (const pieces of demultiplexStreams(stream)) yield* pieces;
    } catch (error) {
      if (!signal.aborted && !(isDropped(error) && (await guarded(exitCode)) !== undefined)) throw translate(error);
    } finally {
      if (signal.aborted && !stream.readableEnded) onUnheard();
      stream.destroy();
    }
  }
  return {
    output: output(),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    endInput: () => void stream.end(),
    resize: async (columns, rows) => {
      await resizable.resize({ w: columns, h: rows });
    },
    exitCode: () => guarded(exitCode),
  };
}

type Stats = {
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number; online_cpus?: number };
  precpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number };
  memory_stats: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
};

function isStats(stats: Partial<Stats>): stats is Stats {
  return stats.cpu_stats !== undefined && stats.precpu_stats !== undefined && stats.memory_stats !== undefined;
}

/** https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats */
export function usageOf({ cpu_stats: now, precpu_stats: before, memory_stats: memory }: Stats): Usage {
  const used = Math.max(0, now.cpu_usage.total_usage - before.cpu_usage.total_usage);
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cores = passed > 0 ? (used / passed) * (now.online_cpus ?? 1) : 0;
  const cache = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
  return { cpuNanoCores: Math.round(cores * 1e9), memoryBytes: Math.max(0, (memory.usage ?? 0) - cache) };
}
