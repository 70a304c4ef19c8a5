// Streams between the API server and nodes, over each node's one link, with
// credit: an agent sends no more than the reader has taken, so neither side
// buffers without bound.
import { ApiError, badRequest } from '../../api/meta/status.ts';
import type { DownFrame, StreamData, StreamEnd } from '../../api/wire/frames.ts';
import { streamWindowBytes } from '../../api/wire/limits.ts';

/** What a log request asks for; the API server's NodeConnector has the same shape. */
export type LogRequest = {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  container: string;
  tailLines?: number;
  limitBytes?: number;
  sinceMs?: number;
};
export type PodTarget = { uid: string; nodeName: string };
export type TunnelParts = { sendTo: (nodeName: string, frame: DownFrame) => boolean };

type Stream = { nodeName: string; chunks: Uint8Array[]; end: StreamEnd | undefined; wake: () => void };

export class Tunnel {
  #parts: TunnelParts;
  #streams = new Map<number, Stream>();
  #nextId = 1;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
  }

  /** Opens a container's log. The first piece, or the node's refusal, is awaited. @throws ApiError */
  async logs(
    { uid, nodeName }: PodTarget,
    { limitBytes, ...request }: LogRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const id = this.#nextId++;
    const stream: Stream = { nodeName, chunks: [], end: undefined, wake: () => undefined };
    this.#streams.set(id, stream);
    const sent = this.#parts.sendTo(nodeName, {
      type: 'open-logs',
      id,
      podUid: uid,
      ...request,
      credit: streamWindowBytes,
    });
    if (!sent) {
      this.#streams.delete(id);
      throw unreachable(nodeName);
    }
    signal.addEventListener('abort', () => this.#cancel(id), { once: true });
    await this.#something(stream);
    if (stream.chunks.length === 0 && stream.end?.error !== undefined) {
      this.#streams.delete(id);
      throw toApiError(stream.end.error);
    }
    return this.#read(id, stream, limitBytes ?? Number.POSITIVE_INFINITY);
  }

  /** A frame of a stream arrived from a node. */
  receive(nodeName: string, frame: StreamData | StreamEnd): void {
    const stream = this.#streams.get(frame.id);
    // A node can only speak on its own streams.
    if (stream === undefined || stream.nodeName !== nodeName || stream.end !== undefined) return;
    if (frame.type === 'data') stream.chunks.push(frame.bytes);
    else stream.end = frame;
    stream.wake();
  }

  /** Ends every stream of a node whose link is gone. */
  nodeGone(nodeName: string): void {
    for (const [id, stream] of this.#streams) {
      if (stream.nodeName === nodeName)
        this.receive(nodeName, {
          type: 'end',
          id,
          error: { reason: 'ServiceUnavailable', message: `the connection to node ${nodeName} was lost` },
        });
    }
  }

  async *#read(id: number, stream: Stream, limitBytes: number): AsyncGenerator<Uint8Array> {
    let left = limitBytes;
    try {
      for (;;) {
        const chunk = stream.chunks.shift();
        if (chunk !== undefined) {
          yield chunk.length > left ? chunk.subarray(0, left) : chunk;
          left -= chunk.length;
          if (left <= 0) return;
          this.#parts.sendTo(stream.nodeName, { type: 'credit', id, bytes: chunk.length });
        } else if (stream.end !== undefined) {
          if (stream.end.error !== undefined) throw toApiError(stream.end.error);
          return;
        } else await this.#something(stream);
      }
    } finally {
      this.#cancel(id);
    }
  }

  #something(stream: Stream): Promise<void> {
    if (stream.chunks.length > 0 || stream.end !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      stream.wake = resolve;
    });
  }

  #cancel(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    if (stream.end === undefined) {
      this.#parts.sendTo(stream.nodeName, { type: 'cancel', id });
      stream.end = { type: 'end', id };
      stream.wake();
    }
  }
}

function unreachable(nodeName: string): ApiError {
  return new ApiError(
    'ServiceUnavailable',
    `node ${nodeName} is not connected to the hub: its logs can be read when it is back`,
  );
}

function toApiError({ reason, message }: NonNullable<StreamEnd['error']>): ApiError {
  return reason === 'BadRequest' ? badRequest(message) : new ApiError(reason, message);
}
