// Many watches of the same objects, a connection each, of which only the events
// are counted, and changes for them to see.
import type { TLSSocket } from 'node:tls';
import type { Kubeconfig } from '../../cli/api.ts';
import { configMap, configMaps } from '../objects.ts';
import { encodeRequest, openConnections, openSockets } from './connections.ts';
import type { JobResult } from './job.ts';

/** `spaced`: each change waits until the one before is everywhere, for latency; else they follow each other, for throughput. */
export type ChangeRun = { changes: number; spaced: boolean };

const deliveryTimeoutMs = 120_000;
const lineEnd = 10;
const watched = 'watched';

export class Watches {
  #seen: number[] = [];
  #arrivedMs: number[] = [];
  #onEvent: (() => void) | undefined;
  #changes = 0;

  /** Creates what is watched, and opens the watches; resolves when all of them have been answered. */
  static async open(config: Kubeconfig, count: number): Promise<Watches> {
    const [writer] = await openConnections(config, 1);
    const text = await writer?.call({ method: 'POST', path: configMaps, body: configMap(watched, 'x') });
    writer?.close();
    const { metadata } = JSON.parse(String(text)) as { metadata: { resourceVersion: string } };
    const watches = new Watches();
    const path = `${configMaps}?watch=1&resourceVersion=${metadata.resourceVersion}`;
    const sockets = await openSockets(config, count);
    await Promise.all(sockets.map((socket, index) => watches.#follow(socket, index, path)));
    return watches;
  }

  #follow(socket: TLSSocket, index: number, path: string): Promise<void> {
    this.#seen[index] = 0;
    socket.write(encodeRequest({ method: 'GET', path }));
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      let isAnswered = false;
      socket.on('data', (chunk: Buffer) => {
        if (!isAnswered) {
          // The head ends with line ends of its own: no event comes with it, since nothing is changed yet.
          isAnswered = true;
          if (chunk.toString('latin1', 0, 15) === 'HTTP/1.1 200 OK') resolve();
          else reject(new Error(`a watch was answered with ${chunk.toString().slice(0, 300)}`));
        } else this.#count(index, chunk);
      });
    });
  }

  /** A line of an event begins with a brace; those of the chunked coding around it don't. */
  #count(index: number, chunk: Buffer): void {
    const nowMs = performance.now();
    for (let at = chunk.indexOf(lineEnd); at >= 0; at = chunk.indexOf(lineEnd, at + 1)) {
      if (chunk[at - 1] === 13) continue;
      this.#seen[index] = (this.#seen[index] ?? 0) + 1;
      this.#arrivedMs.push(nowMs);
    }
    this.#onEvent?.();
  }

  /** Changes what is watched; resolves when every watch has seen all of it. */
  async run(config: Kubeconfig, { changes, spaced }: ChangeRun, begun: () => void): Promise<JobResult> {
    const [writer] = await openConnections(config, 1);
    const change = async (): Promise<void> => {
      this.#changes += 1;
      const body = configMap(watched, `change ${this.#changes}`.padEnd(1900, 'x'));
      await writer?.call({ method: 'PUT', path: `${configMaps}/${watched}`, body });
    };
    const latenciesMs: number[] = [];
    begun();
    const beganMs = performance.now();
    for (let round = 0; round < (spaced ? changes : 1); round += 1) {
      this.#arrivedMs = [];
      const sentMs = performance.now();
      const all = async (): Promise<void> => {
        for (let count = 0; count < (spaced ? 1 : changes); count += 1) await change();
      };
      await Promise.all([this.#everyone(spaced ? 1 : changes), all()]);
      if (spaced) for (const atMs of this.#arrivedMs) latenciesMs.push(atMs - sentMs);
    }
    const tookMs = performance.now() - beganMs;
    writer?.close();
    return { count: changes * this.#seen.length, tookMs, latenciesMs };
  }

  /** Resolves when each watch has got so many events more than at the last call. */
  #everyone(events: number): Promise<void> {
    const expected = events * this.#seen.length;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(`${this.#arrivedMs.length} of ${expected} events came within ${deliveryTimeoutMs / 1000} s`),
          ),
        deliveryTimeoutMs,
      );
      const check = (): void => {
        if (this.#arrivedMs.length < expected) return;
        clearTimeout(timer);
        this.#onEvent = undefined;
        if (this.#seen.every((seen) => seen === events)) resolve();
        else reject(new Error('the watches did not all get the same events'));
        this.#seen.fill(0);
      };
      this.#onEvent = check;
      check();
    });
  }
}
