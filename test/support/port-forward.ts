// kubectl port-forward for tests: the ports that it listens on, HTTP requests
// through them, and its end.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { Arrivals } from './arrivals.ts';
import type { Kubectl } from './kubectl.ts';

export class PortForward {
  /** What kubectl has printed on both of its outputs. */
  readonly lines = new Arrivals<string>('kubectl port-forward');
  readonly ended: Promise<number>;
  #child: ChildProcessWithoutNullStreams;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    this.ended = new Promise((resolve) =>
      child.once('close', (code) => {
        this.lines.end();
        resolve(code ?? -1);
      }),
    );
  }

  /** Forwards free local ports; `target` and `ports` are kubectl's words. */
  static async start(
    kubectl: Kubectl,
    target: string,
    ports: readonly (number | string)[],
    env: Record<string, string> = {},
  ): Promise<PortForward> {
    const locals = ports.map((port) => `:${port}`);
    const child = await kubectl.child(['port-forward', '--address=127.0.0.1', target, ...locals], { env });
    const forward = new PortForward(child);
    await forward.lines.first(() => forward.#locals().length === ports.length, 'the local ports');
    return forward;
  }

  /** The local port of the nth port. */
  local(index = 0): number {
    return this.#locals()[index] ?? 0;
  }

  #locals(): number[] {
    return this.lines.all.flatMap((line) => {
      const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+) -> \d+$/.exec(line) ?? [];
      return port === undefined ? [] : [Number(port)];
    });
  }

  /** One GET on a connection of its own. */
  get(path: string, index = 0): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.local(index), path, agent: false };
      get(options, resolve).once('error', reject);
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
