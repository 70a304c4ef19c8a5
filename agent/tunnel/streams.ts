// Streams that the hub opens into this node: logs, commands, ports. Sent as
// they come, no faster than credit allows; input is taken as fast as its
// reader takes it.
import { Credit } from '../../api/wire/credit.ts';
import {
  channels,
  type LogTarget,
  type OpenStream,
  type StreamDownFrame,
  type StreamTarget,
  type UpFrame,
} from '../../api/wire/frames.ts';
import { streamChunkBytes, streamWindowBytes } from '../../api/wire/limits.ts';
import { type NodeStream, StreamError } from '../../api/wire/node-stream.ts';

export type StreamsParts = {
  /** A container's output. @throws StreamError */
  openLog: (target: LogTarget, signal: AbortSignal) => Promise<NodeStream>;
  /** @throws StreamError */
  open: (target: StreamTarget, signal: AbortSignal) => Promise<NodeStream>;
};

type Stream = {
  credit: Credit;
  stop: AbortController;
  /** What came before the other end was there, then after it, in order. */
  input: (frame: Extract<StreamDownFrame, { type: 'data' | 'close' }>) => void;
};
type Send = (frame: UpFrame) => void;

export class Streams {
  #parts: StreamsParts;
  #streams = new Map<number, Stream>();

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  receive(frame: StreamDownFrame, send: Send): void {
    if (frame.type === 'open-logs') {
      const { type: _type, id, credit, ...target } = frame;
      void this.#serve(id, credit, send, (stream) => this.#parts.openLog(target, stream.stop.signal));
      return;
    }
    if (frame.type === 'open') {
      void this.#serve(frame.id, frame.credit, send, (stream) => this.#open(frame, stream, send));
      return;
    }
    const stream = this.#streams.get(frame.id);
    if (stream === undefined) return;
    if (frame.type === 'credit') stream.credit.add(frame.bytes);
    else if (frame.type === 'cancel') stop(stream);
    else stream.input(frame);
  }

  /** Ends every stream: the link that they were on is gone. */
  closeAll(): void {
    for (const stream of this.#streams.values()) stop(stream);
  }

  async #open({ id, target }: OpenStream, stream: Stream, send: Send): Promise<NodeStream> {
    const node = await this.#parts.open(target, stream.stop.signal);
    let work: Promise<void> = Promise.resolve();
    stream.input = (frame) => {
      work = work.then(async () => {
        if (stream.stop.signal.aborted) return;
        if (frame.type === 'close') return node.closeChannel(frame.channel);
        // Whoever does not read its input any more loses it; the stream goes on.
        await node.write(frame.channel ?? channels.input, frame.bytes).catch(() => undefined);
        send({ type: 'credit', id, bytes: frame.bytes.length });
      });
    };
    send({ type: 'opened', id, credit: streamWindowBytes });
    return node;
  }

  async #serve(id: number, credit: number, send: Send, open: (stream: Stream) => Promise<NodeStream>): Promise<void> {
    const stream: Stream = { credit: new Credit(credit), stop: new AbortController(), input: () => undefined };
    this.#streams.set(id, stream);
    try {
      const node = await open(stream);
      for await (const { channel, bytes } of node.output) {
        for (let offset = 0; offset < bytes.length; offset += streamChunkBytes) {
          const piece = bytes.subarray(offset, offset + streamChunkBytes);
          if (!(await stream.credit.take(piece.length))) return;
          send({ type: 'data', id, channel, bytes: piece });
        }
      }
      const exitCode = await node.exitCode();
      if (!stream.stop.signal.aborted) send({ type: 'end', id, ...(exitCode === undefined ? {} : { exitCode }) });
    } catch (error) {
      if (stream.stop.signal.aborted) return;
      const reason = error instanceof StreamError ? error.reason : 'InternalError';
      send({ type: 'end', id, error: { reason, message: (error as Error).message } });
    } finally {
      stop(stream);
      this.#streams.delete(id);
    }
  }
}

function stop({ stop: controller, credit }: Stream): void {
  controller.abort();
  credit.close();
}
