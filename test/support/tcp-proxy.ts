// A TCP proxy in front of a server that tests can cut, heal and freeze: a cut
// breaks every connection off and refuses new ones, a freeze lets nothing
// through and says nothing, as a network does that drops packets.
import { createConnection, createServer, type Server, type Socket } from 'node:net';

export type Target = { host?: string; port: number };

export class TcpProxy {
  readonly port: number;
  #server: Server;
  #target: Target;
  #sockets = new Set<Socket>();
  #state: 'open' | 'cut' | 'frozen' = 'open';

  private constructor(server: Server, port: number, target: Target) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (client) => this.#join(client));
  }

  /** Listens on a free port of loopback. */
  static async start(target: Target): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return new TcpProxy(server, address.port, target);
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Breaks all connections off and refuses new ones. */
  cut(): void {
    this.#state = 'cut';
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Stops forwarding; connections stay, and new ones are accepted and get no answer. */
  freeze(): void {
    this.#state = 'frozen';
    for (const socket of this.#sockets) socket.pause();
  }

  /** Lets everything through again. */
  heal(): void {
    this.#state = 'open';
    for (const socket of this.#sockets) socket.resume();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    if (this.#state === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const server = createConnection({ host: '127.0.0.1', ...this.#target, allowHalfOpen: true });
    this.#forward(client, server);
    this.#forward(server, client);
  }

  // By hand and not by `pipe`, which would resume a frozen socket.
  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (this.#state === 'open') from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#state === 'frozen') from.pause();
  }
}
