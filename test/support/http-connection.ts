// The client's end of a connection: writes any bytes and reads what a server
// may answer in HTTP/1.1. Node's own client would refuse to send most of what
// is tried here.
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export type Answer = {
  /**
   * `whole`: an answer with its end; `open`: one that goes on (a watch) and was left; `upgraded`: the protocol was
   * switched; `closed`: the connection ended without a whole answer; `silent`: nothing came in time.
   */
  end: 'whole' | 'open' | 'upgraded' | 'closed' | 'silent';
  /** 0 when there is none. */
  code: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: Buffer;
  /** Bytes that came behind it and belong to no question. */
  extraBytes: number;
};

export type ExchangeOptions = {
  /** The answer has no body. */
  isHead: boolean;
  /** The answer may have no end: it is left once it has begun. */
  mayStayOpen: boolean;
  /** There may be no answer: what was sent need not be a whole request. */
  mayBeSilent: boolean;
  /** Sent when the connection has been upgraded. */
  frames?: Buffer | undefined;
  timeoutMs: number;
  /** Resolves when an answer that has begun has had its time to end. */
  patience: () => Promise<void>;
};

const inflateMs = 2;
const headEnd = Buffer.from('\r\n\r\n');
/** Larger answers are not read: nothing that is asked for here is so large. */
const maxAnswerBytes = 256 << 20;

export class Connection {
  #stream: Duplex;
  #chunks: Buffer[] = [];
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake?.();
    });
    for (const event of ['end', 'close', 'error'])
      stream.on(event, () => {
        this.#closed = true;
        this.#wake?.();
      });
  }

  /** Whether another request can be sent on it. */
  get isOpen(): boolean {
    return !this.#closed && !this.#stream.destroyed;
  }

  destroy(): void {
    this.#closed = true;
    this.#stream.destroy();
  }

  /** Sends the bytes and reads one answer. What is no whole answer ends the connection. */
  async exchange(bytes: Uint8Array, options: ExchangeOptions): Promise<Answer> {
    this.#stream.write(bytes);
    const answer = await this.#read(options);
    const extraBytes = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const isLast = answer.headers.get('connection')?.toLowerCase() === 'close';
    if (answer.end !== 'whole' || isLast || extraBytes > 0) this.destroy();
    return { ...answer, extraBytes };
  }

  async #read(options: ExchangeOptions): Promise<Omit<Answer, 'extraBytes'>> {
    const { isHead, frames, timeoutMs, patience } = options;
    let { mayStayOpen, mayBeSilent } = options;
    const late = { isLate: false };
    const timer = setTimeout(() => {
      late.isLate = true;
      this.#wake?.();
    }, timeoutMs);
    try {
      let head: Head | undefined;
      for (;;) {
        head ??= this.#takeHead();
        const waiting = this.#chunks.length;
        if (head?.code === 101) {
          if (frames !== undefined) this.#stream.write(frames);
          await patience();
          // What is inflated is so in threads, whose work takes time and not turns.
          await delay(inflateMs);
          return { ...head, end: 'upgraded', body: Buffer.concat(this.#chunks.splice(0)) };
        }
        const body = head === undefined ? undefined : this.#takeBody(head, isHead);
        if (head !== undefined && body !== undefined) return { ...head, end: 'whole', body };
        if (head !== undefined && mayStayOpen) {
          await patience();
          if (this.#chunks.length === waiting && !this.#closed)
            return { ...head, end: 'open', body: Buffer.concat(this.#chunks.splice(0)) };
          if (late.isLate) mayStayOpen = false;
          continue;
        }
        const received = { code: head?.code ?? 0, headers: head?.headers ?? new Map<string, string>() };
        if (this.#closed) return { ...received, end: 'closed', body: Buffer.concat(this.#chunks.splice(0)) };
        if (head === undefined && mayBeSilent) {
          await patience();
          mayBeSilent = false;
          late.isLate = this.#chunks.length === waiting;
          continue;
        }
        if (late.isLate) return { ...received, end: 'silent', body: Buffer.concat(this.#chunks.splice(0)) };
        if (this.#chunks.length === waiting) await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  /** The head of the next final answer, when all of it has come. */
  #takeHead(): Head | undefined {
    for (;;) {
      const all = this.#join();
      const at = all.indexOf(headEnd);
      if (at < 0) return undefined;
      const [status = '', ...lines] = all.subarray(0, at).toString('latin1').split('\r\n');
      this.#chunks = [all.subarray(at + headEnd.length)];
      const code = Number(/^HTTP\/1\.[01] (\d{3})/.exec(status)?.[1] ?? 0);
      const headers = new Map(
        lines.map((line): [string, string] => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
      );
      if (code >= 200 || code === 101 || code === 0) return { code, headers };
    }
  }

  /** The body behind a head, when all of it has come. */
  #takeBody({ code, headers }: Head, isHead: boolean): Buffer | undefined {
    if (isHead || code === 204 || code === 304) return Buffer.alloc(0);
    const length = headers.get('content-length');
    if (length !== undefined) {
      const have = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      if (have < Number(length)) return undefined;
      const all = this.#join();
      this.#chunks = all.length > Number(length) ? [all.subarray(Number(length))] : [];
      return all.subarray(0, Number(length));
    }
    if (headers.get('transfer-encoding') !== 'chunked') {
      return this.#closed ? Buffer.concat(this.#chunks.splice(0)) : undefined;
    }
    return this.#takeChunked();
  }

  #takeChunked(): Buffer | undefined {
    const all = this.#join();
    const parts: Buffer[] = [];
    let at = 0;
    for (;;) {
      const lineEnd = all.indexOf('\r\n', at);
      if (lineEnd < 0) return undefined;
      const size = Number.parseInt(all.toString('latin1', at, lineEnd), 16);
      const begin = lineEnd + 2;
      if (Number.isNaN(size) || all.length < begin + size + 2) return undefined;
      if (size === 0) {
        this.#chunks = all.length > begin + 2 ? [all.subarray(begin + 2)] : [];
        return Buffer.concat(parts);
      }
      parts.push(all.subarray(begin, begin + size));
      at = begin + size + 2;
    }
  }

  #join(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    const all = this.#chunks[0] ?? Buffer.alloc(0);
    if (all.length > maxAnswerBytes) this.destroy();
    return all;
  }
}

type Head = { code: number; headers: Map<string, string> };
