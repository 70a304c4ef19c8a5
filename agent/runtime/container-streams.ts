// The port to what goes on inside containers: commands run in them, their
// input and output, connections to their ports, and what they use.
import type { Duplex } from 'node:stream';

export type Streams = { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean };

/** A process in a container, or the container's own. */
export type ContainerProcess = {
  output: AsyncIterable<{ stream: 'stdout' | 'stderr'; bytes: Uint8Array }>;
  /** Resolves when it can take more. Rejects when it takes nothing any more. */
  write: (bytes: Uint8Array) => Promise<void>;
  /** Its input ends. */
  endInput: () => void;
  /** Sets the size of its terminal, in characters. */
  resize: (columns: number, rows: number) => Promise<void>;
  /** Once its output has ended; undefined for a container that still runs. */
  exitCode: () => Promise<number | undefined>;
};

export type Usage = { cpuNanoCores: number; memoryBytes: number };

/** Every method rejects with a RuntimeError. What was opened ends with the signal. */
export type ContainerStreams = {
  /** Runs a command in a running container. */
  exec(id: string, command: readonly string[], streams: Streams, signal: AbortSignal): Promise<ContainerProcess>;
  /** The input and output of a container's own process, from now on. */
  attach(id: string, streams: Streams, signal: AbortSignal): Promise<ContainerProcess>;
  /** Opens a TCP connection to a port in a sandbox's network. */
  connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex>;
  /** What running containers use: processor time over about a second, and memory that can't be given back. */
  usage(ids: readonly string[]): Promise<Map<string, Usage>>;
};
