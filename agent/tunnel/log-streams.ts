// Container logs for the hub: sent as they come, no faster than credit allows.
import type { DownFrame, OpenLogs, StreamEnd, UpFrame } from '../../api/wire/frames.ts';
import { streamChunkBytes } from '../../api/wire/limits.ts';

export type LogQuery = {
  container: string;
  previous: boolean;
  follow: boolean;
  timestamps: boolean;
  tailLines?: number;
  sinceMs?: number;
};
/** Why a log can't be had. */
export class LogError extends Error {
  readonly reason: NonNullable<StreamEnd['error']>['reason'];

  constructor(reason: NonNullable<StreamEnd['error']>['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export type LogStreamsParts = {
  /** A container's output. @throws LogError */
  open: (podUid: string, query: LogQuery, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
};

type Stream = { credit: number; stop: AbortController; wake: () => void };
type Send = (frame: UpFrame) => void;

export class LogStreams {
  #parts: LogStreamsParts;
  #streams = new Map<number, Stream>();

  constructor(parts: LogStreamsParts) {
    this.#parts = parts;
  }

  receive(frame: Extract<DownFrame, { type: 'open-logs' | 'credit' | 'cancel' }>, send: Send): void {
    if (frame.type === 'open-logs') {
      void this.#serve(frame, send);
      return;
    }
    const stream = this.#streams.get(frame.id);
    if (stream === undefined) return;
    if (frame.type === 'credit') stream.credit += frame.bytes;
    else stream.stop.abort();
    stream.wake();
  }

  /** Ends every stream: the link that they were on is gone. */
  closeAll(): void {
    for (const stream of this.#streams.values()) {
      stream.stop.abort();
      stream.wake();
    }
  }

  async #serve({ id, credit, podUid, ...query }: OpenLogs, send: Send): Promise<void> {
    const stream: Stream = { credit, stop: new AbortController(), wake: () => undefined };
    this.#streams.set(id, stream);
    try {
      const output = await this.#parts.open(podUid, query, stream.stop.signal);
      for await (const bytes of output) {
        for (let offset = 0; offset < bytes.length; offset += streamChunkBytes) {
          await this.#sendChunk(id, stream, bytes.subarray(offset, offset + streamChunkBytes), send);
          if (stream.stop.signal.aborted) return;
        }
      }
      send({ type: 'end', id });
    } catch (error) {
      if (stream.stop.signal.aborted) return;
      const reason = error instanceof LogError ? error.reason : 'InternalError';
      send({ type: 'end', id, error: { reason, message: (error as Error).message } });
    } finally {
      stream.stop.abort();
      this.#streams.delete(id);
    }
  }

  async #sendChunk(id: number, stream: Stream, bytes: Uint8Array, send: Send): Promise<void> {
    while (stream.credit <= 0 && !stream.stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        stream.wake = resolve;
      });
    }
    if (stream.stop.signal.aborted) return;
    stream.credit -= bytes.length;
    send({ type: 'data', id, bytes });
  }
}
