// Kept-alive HTTPS connections of the load: requests are bytes made beforehand,
// since Node's own client costs as much CPU as the hub's answer.
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import type { Kubeconfig } from '../../cli/api.ts';
import { Connection } from '../../test/support/http-connection.ts';

export type Request = { method: string; path: string; body?: string; headers?: Record<string, string> };

const timeoutMs = 60_000;
/** Connections that are being opened at once. */
const openers = 32;
/** A client of some program's, as managed fields tell it. */
const userAgent = 'bench/1.0';

/** TLS connections, one after the other by a few at a time. */
export async function openSockets(config: Kubeconfig, count: number): Promise<TLSSocket[]> {
  const { hostname: host, port } = new URL(config.server);
  const secureContext = createSecureContext({ ca: config.authority, cert: config.certificate, key: config.key });
  const sockets: TLSSocket[] = [];
  const open = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect({ host, port: Number(port), secureContext });
      sockets.push(socket);
      await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
      socket.setNoDelay(true);
    }
  };
  await Promise.all(Array.from({ length: Math.min(openers, count) }, open));
  return sockets;
}

export function encodeRequest({ method, path, body = '', headers = {} }: Request): Buffer {
  const lines = Object.entries({ 'Content-Type': 'application/json', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: hub',
    `User-Agent: ${userAgent}`,
    ...lines,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

export class LoadConnection {
  #connection: Connection;

  constructor(socket: TLSSocket) {
    this.#connection = new Connection(socket);
  }

  /** Resolves with the body of the answer. @throws Error when it is no success */
  async call(request: Request): Promise<Buffer> {
    const { code, body } = await this.#connection.exchange(encodeRequest(request), {
      isHead: false,
      mayStayOpen: false,
      mayBeSilent: false,
      timeoutMs,
      patience: () => Promise.resolve(),
    });
    if (code >= 200 && code < 300) return body;
    throw new Error(`${request.method} ${request.path} was answered with ${code}: ${body.toString().slice(0, 300)}`);
  }

  close(): void {
    this.#connection.destroy();
  }
}

export async function openConnections(config: Kubeconfig, count: number): Promise<LoadConnection[]> {
  return (await openSockets(config, count)).map((socket) => new LoadConnection(socket));
}
