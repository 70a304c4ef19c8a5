// The server's end of a SPDY/3.1 connection: streams that a client opens over
// one connection. What Kubernetes' clients use of it, and no more: no priorities,
// no push, and no windows, which these clients don't keep either. Bounded by
// reading no further while too much waits.
// https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
import type { Duplex } from 'node:stream';
import { maxSpdyFrameBytes, maxSpdyStreams, maxWaitingBytes } from './limits.ts';
import { HeaderCodec, type SpdyHeaders } from './spdy-headers.ts';

const frameTypes = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8 } as const;
const finFlag = 1;
const refusedStream = 3;
const controlVersion = 0x8003;

export class SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  #connection: SpdyConnection;
  #chunks: Uint8Array[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(id: number, headers: SpdyHeaders, connection: SpdyConnection) {
    this.id = id;
    this.headers = headers;
    this.#connection = connection;
  }

  /** What the client sends, until it says that this was all or has gone. */
  async *input(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        // Also when its reader goes.
        try {
          yield chunk;
        } finally {
          this.#connection.taken(chunk.length);
        }
      } else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** Resolves when the connection takes more. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#connection.sendData(this.id, bytes, 0);
  }

  /** Nothing more is written. */
  end(): Promise<void> {
    return this.#connection.sendData(this.id, new Uint8Array(), finFlag);
  }

  /** Whether the bytes wait now. */
  push(bytes: Uint8Array): boolean {
    if (bytes.length === 0 || this.#ended) return false;
    this.#chunks.push(bytes);
    this.#wake();
    return true;
  }

  /** Nobody reads any more: what waits is dropped. */
  discard(): void {
    for (const chunk of this.#chunks.splice(0)) this.#connection.taken(chunk.length);
    this.finishInput();
  }

  finishInput(): void {
    this.#ended = true;
    this.#wake();
  }
}

export class SpdyConnection {
  readonly closed: AbortSignal;
  #duplex: Duplex;
  #codec = new HeaderCodec();
  #streams = new Map<number, SpdyStream>();
  #onStream: (stream: SpdyStream) => void;
  #waiting = 0;
  #resume: () => void = () => undefined;
  /** Writes that wait; a connection that closes takes no more, and need not say so to each. */
  #writing = new Set<() => void>();
  /** Header blocks must leave in the order in which they were deflated. */
  #sending: Promise<void> = Promise.resolve();

  constructor(duplex: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#duplex = duplex;
    this.#onStream = onStream;
    const closed = new AbortController();
    this.closed = closed.signal;
    duplex.once('close', () => {
      for (const stream of this.#streams.values()) stream.finishInput();
      this.#codec.close();
      this.#resume();
      for (const resolve of this.#writing) resolve();
      closed.abort();
    });
    duplex.on('error', () => duplex.destroy());
  }

  /** Reads the connection until it ends or says something that is no SPDY. */
  async run(head: Uint8Array): Promise<void> {
    try {
      let buffer: Buffer = Buffer.from(head);
      for (;;) {
        const rest = await this.#takeFrames(buffer);
        const chunk: Buffer | null = await this.#read();
        if (chunk === null) return;
        buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      }
    } finally {
      this.#duplex.destroy();
    }
  }

  /** Bytes that waited have been taken. */
  taken(bytes: number): void {
    this.#waiting -= bytes;
    if (this.#waiting < maxWaitingBytes) this.#resume();
  }

  async sendData(id: number, bytes: Uint8Array, flags: number): Promise<void> {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(id);
    header.writeUInt32BE(bytes.length, 4);
    header[4] = flags;
    await this.#write(Buffer.concat([header, bytes]));
  }

  close(): void {
    this.#duplex.end();
  }

  async #read(): Promise<Buffer | null> {
    while (this.#waiting >= maxWaitingBytes && !this.#duplex.destroyed) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    for (;;) {
      const chunk = this.#duplex.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (this.#duplex.destroyed || this.#duplex.readableEnded) return null;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          for (const event of ['readable', 'end', 'close']) this.#duplex.off(event, done);
          resolve();
        };
        for (const event of ['readable', 'end', 'close']) this.#duplex.once(event, done);
      });
    }
  }

  /** Takes all whole frames of a buffer; returns what is left. @throws Error */
  async #takeFrames(buffer: Buffer): Promise<Buffer> {
    let rest = buffer;
    while (rest.length >= 8) {
      const length = rest.readUIntBE(5, 3);
      if (length > maxSpdyFrameBytes) throw new Error('a SPDY frame is too large');
      if (rest.length < 8 + length) break;
      await this.#take(rest.subarray(0, 8), rest.subarray(8, 8 + length));
      rest = rest.subarray(8 + length);
    }
    return rest;
  }

  async #take(header: Buffer, payload: Buffer): Promise<void> {
    const flags = header[4] ?? 0;
    if ((header[0] ?? 0) < 0x80) {
      const stream = this.#streams.get(header.readUInt32BE());
      if (stream === undefined) return;
      if (stream.push(payload)) this.#waiting += payload.length;
      if (flags & finFlag) stream.finishInput();
      return;
    }
    if (header.readUInt16BE() !== controlVersion) throw new Error('only SPDY/3.1 is spoken here');
    switch (header.readUInt16BE(2)) {
      case frameTypes.synStream:
        return this.#open(payload, flags);
      case frameTypes.headers:
        await this.#codec.decode(payload.subarray(4));
        return;
      case frameTypes.rstStream:
        this.#streams.get(readId(payload))?.finishInput();
        return;
      case frameTypes.ping:
        return this.#sendControl(frameTypes.ping, 0, payload);
      case frameTypes.goAway:
        this.close();
        return;
      default:
        // Settings and windows say nothing that is kept here.
        return;
    }
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = readId(payload);
    const headers = await this.#codec.decode(payload.subarray(10));
    if (this.#streams.size >= maxSpdyStreams) {
      const answer = Buffer.alloc(8);
      answer.writeUInt32BE(id);
      answer.writeUInt32BE(refusedStream, 4);
      return this.#sendControl(frameTypes.rstStream, 0, answer);
    }
    const stream = new SpdyStream(id, headers, this);
    this.#streams.set(id, stream);
    if (flags & finFlag) stream.finishInput();
    this.#sending = this.#sending.then(async () => {
      const idBytes = Buffer.alloc(4);
      idBytes.writeUInt32BE(id);
      await this.#sendControl(frameTypes.synReply, 0, Buffer.concat([idBytes, await this.#codec.encode({})]));
    });
    await this.#sending;
    this.#onStream(stream);
  }

  /** Forgets a stream of which both sides are done. */
  forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
    stream.discard();
  }

  #sendControl(type: number, flags: number, payload: Uint8Array): Promise<void> {
    const header = Buffer.alloc(8);
    header.writeUInt16BE(controlVersion);
    header.writeUInt16BE(type, 2);
    header.writeUInt32BE(payload.length, 4);
    header[4] = flags;
    return this.#write(Buffer.concat([header, payload]));
  }

  /** Resolves when the connection takes more, or is closed. */
  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#duplex.destroyed || this.#duplex.writableEnded) return resolve();
      const done = (): void => {
        this.#writing.delete(done);
        resolve();
      };
      this.#writing.add(done);
      this.#duplex.write(bytes, done);
    });
  }
}

/** A stream's id; the highest bit is none of it. */
function readId(payload: Buffer): number {
  return payload.length < 4 ? 0 : payload.readUInt32BE() & 0x7fffffff;
}
