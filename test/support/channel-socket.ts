// Raw WebSockets to a hub, as the administrator: for tests of streams that
// speak the protocols of exec, attach and port-forward by hand.
import WebSocket from 'ws';
import { Arrivals } from './arrivals.ts';
import type { TestHub } from './hub.ts';

export type Frame = { channel: number; bytes: Buffer };

/** What the server said instead of switching protocols. */
export class RefusedUpgrade extends Error {
  readonly code: number;
  readonly body: string;

  constructor(code: number, body: string) {
    super(`the upgrade was answered with ${code}: ${body}`);
    this.code = code;
    this.body = body;
  }
}

export class ChannelSocket {
  readonly frames = new Arrivals<Frame>('WebSocket');
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  #socket: WebSocket;
  #base64: boolean;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#base64 = socket.protocol.includes('base64');
    socket.on('message', (data: Buffer, binary) => {
      // base64 protocols say the channel as a digit.
      if (binary) this.frames.push({ channel: data[0] ?? -1, bytes: data.subarray(1) });
      else this.frames.push({ channel: Number(String(data)[0]), bytes: Buffer.from(String(data).slice(1), 'base64') });
    });
    this.closed = new Promise((resolve) =>
      socket.on('close', (code) => {
        this.frames.end();
        resolve(code);
      }),
    );
    socket.on('error', () => undefined);
  }

  /** Connects, offering these protocols. @throws RefusedUpgrade */
  static open(hub: TestHub, path: string, protocols: string[]): Promise<ChannelSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(hub.httpsUrl.replace(/^https/, 'wss') + path, protocols, hub.credentials());
      socket.once('open', () => resolve(new ChannelSocket(socket)));
      socket.once('error', reject);
      socket.once('unexpected-response', (_, response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => reject(new RefusedUpgrade(response.statusCode ?? 0, body)));
      });
    });
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  send(channel: number, bytes: Buffer | string): void {
    if (this.#base64) this.#socket.send(`${channel}${Buffer.from(bytes).toString('base64')}`);
    else this.#socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(bytes)]));
  }

  /** All that came on a channel so far. */
  bytes(channel: number): Buffer {
    return Buffer.concat(this.frames.all.filter((frame) => frame.channel === channel).map(({ bytes }) => bytes));
  }

  /** Waits until a channel holds what fits; resolves with all of it. */
  async holds(channel: number, fits: (bytes: Buffer) => boolean, what: string): Promise<Buffer> {
    await this.frames.first(() => fits(this.bytes(channel)), what);
    return this.bytes(channel);
  }

  close(): void {
    this.#socket.close();
  }

  /** As a client that is gone without a word. */
  terminate(): void {
    this.#socket.terminate();
  }
}
