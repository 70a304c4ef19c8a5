// The node's end of a stream that the hub opened: what finds it and what
// carries it share this.
import type { StreamEnd } from './frames.ts';

export type NodeStream = {
  /** By channel, as it comes; see `channels`. */
  output: AsyncIterable<{ channel: number; bytes: Uint8Array }>;
  /** Takes bytes of a channel; resolves when it can take more. */
  write: (channel: number, bytes: Uint8Array) => Promise<void>;
  /** Nothing more comes on a channel. */
  closeChannel: (channel: number) => void;
  /** Exit code of the command, once the output has ended. */
  exitCode: () => Promise<number | undefined>;
};

/** Why a stream can't be had, and whose fault that is. */
export class StreamError extends Error {
  readonly reason: NonNullable<StreamEnd['error']>['reason'];

  constructor(reason: StreamError['reason'], message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'StreamError';
    this.reason = reason;
  }
}

/** A stream that only gives. */
export function outputOnly(channel: number, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): NodeStream {
  async function* output(): AsyncGenerator<{ channel: number; bytes: Uint8Array }> {
    for await (const bytes of pieces) yield { channel, bytes };
  }
  return {
    output: output(),
    write: () => Promise.resolve(),
    closeChannel: () => undefined,
    exitCode: () => Promise.resolve(undefined),
  };
}
