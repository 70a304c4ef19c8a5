// The port through which the API server reaches into nodes: logs, commands,
// ports, usage. hub/tunnel implements it; main.ts joins the two.
import type { StreamTarget } from '../../api/wire/frames.ts';

export type LogOptions = {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  limitBytes?: number;
  /** Milliseconds since 1970. */
  sinceMs?: number;
};

export type PodReference = { namespace: string; name: string; uid: string; nodeName: string };

/** A stream into a node; its channels are those of api/wire. */
export type NodeStream = {
  /** Resolves when more is taken; with false when the stream is over. */
  write(channel: number, bytes: Uint8Array): Promise<boolean>;
  /** Nothing more is written to a channel. */
  closeChannel(channel: number): void;
  /** To be read once. Ends with the stream. @throws ApiError */
  output(): AsyncGenerator<{ channel: number; bytes: Uint8Array }>;
  /** Of a command, once the output has ended. */
  readonly exitCode: number | undefined;
  cancel(): void;
};

export type NodeConnector = {
  /**
   * Opens a stream, which ends with the signal.
   * @throws ApiError ServiceUnavailable when the node is not connected, BadRequest or NotFound from the node
   */
  open(nodeName: string, target: StreamTarget, signal: AbortSignal): Promise<NodeStream>;
  /**
   * Streams a container's log until it ends or the signal aborts.
   * @throws ApiError ServiceUnavailable when the node is not connected, BadRequest or NotFound from the node
   */
  logs(pod: PodReference, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
};
