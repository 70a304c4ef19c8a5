// Streams between the API server and nodes, over each node's one link, with
// credit both ways: neither side sends more than the other has taken.
import { ApiError, badRequest } from '../../api/meta/status.ts';
import { Credit } from '../../api/wire/credit.ts';
import {
  channels,
  type DownFrame,
  type OpenLogs,
  type OpenStream,
  type StreamEnd,
  type StreamTarget,
  type StreamUpFrame,
} from '../../api/wire/frames.ts';
import { streamChunkBytes, streamWindowBytes } from '../../api/wire/limits.ts';
import { whenAborted } from '../../platform/abort.ts';

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
export type TunnelParts = {
  sendTo: (nodeName: string, frame: DownFrame) => boolean;
  /** Whether the agent of a connected node knows streams other than logs. */
  knowsStreams: (nodeName: string) => boolean;
};

type Chunk = { channel: number; bytes: Uint8Array };

export class Tunnel {
  #parts: TunnelParts;
  #streams = new Map<number, TunnelStream>();
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
    const open = (id: number): OpenLogs => ({
      type: 'open-logs',
      id,
      podUid: uid,
      ...request,
      credit: streamWindowBytes,
    });
    const stream = this.#start(nodeName, open, signal);
    await stream.firstFrame();
    stream.throwIfRefused();
    return limited(stream.output(), limitBytes ?? Number.POSITIVE_INFINITY);
  }

  /** Opens a stream into a node; resolves when its other end is there. @throws ApiError */
  async open(nodeName: string, target: StreamTarget, signal: AbortSignal): Promise<TunnelStream> {
    const open = (id: number): OpenStream => ({ type: 'open', id, target, credit: streamWindowBytes });
    const stream = this.#start(nodeName, open, signal);
    if (!this.#parts.knowsStreams(nodeName)) {
      stream.cancel();
      throw new ApiError('ServiceUnavailable', `the agent of node ${nodeName} is too old for this: update it`);
    }
    await stream.firstFrame();
    stream.throwIfRefused();
    return stream;
  }

  /** A frame of a stream arrived from a node, which can only speak on its own streams. */
  receive(nodeName: string, frame: StreamUpFrame): void {
    const stream = this.#streams.get(frame.id);
    if (stream?.nodeName === nodeName) stream.receive(frame);
  }

  /** Ends every stream of a node whose link is gone. */
  nodeGone(nodeName: string): void {
    const error = { reason: 'ServiceUnavailable', message: `the connection to node ${nodeName} was lost` } as const;
    for (const [id, stream] of this.#streams)
      if (stream.nodeName === nodeName) stream.receive({ type: 'end', id, error });
  }

  #start(nodeName: string, open: (id: number) => OpenLogs | OpenStream, signal: AbortSignal): TunnelStream {
    const id = this.#nextId++;
    const send = (frame: DownFrame): boolean => this.#parts.sendTo(nodeName, frame);
    const stream = new TunnelStream(id, nodeName, send, () => this.#streams.delete(id));
    this.#streams.set(id, stream);
    if (!send(open(id))) {
      this.#streams.delete(id);
      throw new ApiError(
        'ServiceUnavailable',
        `node ${nodeName} is not connected to the hub: its containers can be reached when it is back`,
      );
    }
    // An asker that has gone already tells nobody.
    whenAborted(signal, () => stream.cancel());
    return stream;
  }
}

/** One stream into a node. */
export class TunnelStream {
  readonly nodeName: string;
  #id: number;
  #send: (frame: DownFrame) => boolean;
  #forget: () => void;
  #chunks: Chunk[] = [];
  #opened = false;
  #end: StreamEnd | undefined;
  #credit = new Credit(0);
  #wake: () => void = () => undefined;

  constructor(id: number, nodeName: string, send: (frame: DownFrame) => boolean, forget: () => void) {
    this.#id = id;
    this.nodeName = nodeName;
    this.#send = send;
    this.#forget = forget;
  }

  receive(frame: StreamUpFrame): void {
    if (this.#end !== undefined) return;
    switch (frame.type) {
      case 'opened':
        this.#opened = true;
        this.#credit.add(frame.credit);
        break;
      case 'credit':
        this.#credit.add(frame.bytes);
        break;
      case 'data':
        this.#chunks.push({ channel: frame.channel ?? channels.output, bytes: frame.bytes });
        break;
      case 'end':
        this.#end = frame;
        this.#credit.close();
        this.#forget();
        break;
    }
    this.#wake();
  }

  /** Resolves when anything has come of the stream. */
  async firstFrame(): Promise<void> {
    while (!this.#opened && this.#chunks.length === 0 && this.#end === undefined) await this.#something();
  }

  /** @throws ApiError when the stream ended in an error before anything came of it */
  throwIfRefused(): void {
    if (!this.#opened && this.#chunks.length === 0 && this.#end?.error !== undefined) throw toApiError(this.#end.error);
  }

  /** Sends bytes as far as credit allows; resolves with false when the stream is over. */
  async write(channel: number, bytes: Uint8Array): Promise<boolean> {
    for (let offset = 0; offset < bytes.length; offset += streamChunkBytes) {
      const piece = bytes.subarray(offset, offset + streamChunkBytes);
      if (!(await this.#credit.take(piece.length))) return false;
      this.#send({ type: 'data', id: this.#id, channel, bytes: piece });
    }
    return this.#end === undefined;
  }

  /** Nothing more is written to a channel. */
  closeChannel(channel: number): void {
    if (this.#end === undefined) this.#send({ type: 'close', id: this.#id, channel });
  }

  /** What comes from the node, as its reader takes it. Ends with the stream. @throws ApiError */
  async *output(): AsyncGenerator<Chunk> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          yield chunk;
          this.#send({ type: 'credit', id: this.#id, bytes: chunk.bytes.length });
        } else if (this.#end !== undefined) {
          if (this.#end.error !== undefined) throw toApiError(this.#end.error);
          return;
        } else await this.#something();
      }
    } finally {
      this.cancel();
    }
  }

  /** Exit code of the command, once the output has ended. */
  get exitCode(): number | undefined {
    return this.#end?.exitCode;
  }

  /** Ends the stream from this side. */
  cancel(): void {
    if (this.#end !== undefined) return;
    this.#send({ type: 'cancel', id: this.#id });
    this.receive({ type: 'end', id: this.#id });
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

async function* limited(output: AsyncGenerator<Chunk>, limitBytes: number): AsyncGenerator<Uint8Array> {
  let left = limitBytes;
  for await (const { bytes } of output) {
    yield bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= bytes.length;
    if (left <= 0) return;
  }
}

function toApiError({ reason, message }: NonNullable<StreamEnd['error']>): ApiError {
  return reason === 'BadRequest' ? badRequest(message) : new ApiError(reason, message);
}
