// A socket in front of the real container engine that can be taken away, as
// when the engine stops, without stopping it for anybody else.
import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { engineSocket } from './engine.ts';

export class EngineProxy {
  readonly path: string;
  #server: Server;
  #sockets = new Set<Socket>();

  private constructor(path: string) {
    this.path = path;
    this.#server = createServer((client) => this.#join(client));
  }

  static async start(path: string): Promise<EngineProxy> {
    const proxy = new EngineProxy(path);
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(path, resolve);
    });
    return proxy;
  }

  /** Breaks all connections off and takes no more. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.path, { force: true });
  }

  #join(client: Socket): void {
    const engine = createConnection(engineSocket);
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
