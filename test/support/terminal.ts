// kubectl in a pseudo-terminal, as people use it: what they type, what they see,
// and the window that they resize. The terminal is script(1)'s, of util-linux.
import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Kubectl } from './kubectl.ts';

const execute = promisify(execFile);
const defaultTimeoutMs = 20_000;

export type Size = { rows: number; columns: number };

export class Terminal {
  /** All that the screen got. */
  text = '';
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
  #child: ChildProcessWithoutNullStreams;
  #device = '';
  #read = 0;
  #wake = new Set<() => void>();
  #over = false;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdin.on('error', () => undefined);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.text += chunk;
        for (const wake of [...this.#wake]) wake();
      });
    this.ended = new Promise((resolve) =>
      child.once('close', (code) => {
        this.#over = true;
        for (const wake of [...this.#wake]) wake();
        resolve(code ?? -1);
      }),
    );
  }

  /** Runs kubectl in a terminal of this size. The arguments must need no quoting. */
  static async open(
    kubectl: Kubectl,
    args: readonly string[],
    { rows, columns }: Size,
    env: Record<string, string> = {},
  ): Promise<Terminal> {
    const start = `stty rows ${rows} cols ${columns}; tty; exec ${await kubectl.binary()} ${args.join(' ')}`;
    const child = await kubectl.child(['-qefc', start, '/dev/null'], { program: 'script', env });
    const terminal = new Terminal(child);
    [, terminal.#device = ''] = await terminal.see(/^(\/dev\/pts\/\d+)\r?$/m);
    return terminal;
  }

  /** Sends keys. */
  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits for what comes after all that was seen before. @throws Error when it does not come */
  see(pattern: RegExp, timeoutMs = defaultTimeoutMs): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#wake.delete(look);
      };
      const look = (): void => {
        const found = pattern.exec(this.text.slice(this.#read));
        if (found !== null) {
          finish();
          this.#read += found.index + found[0].length;
          resolve(found);
        } else if (this.#over) fail('it ended');
      };
      const fail = (why: string): void => {
        finish();
        reject(new Error(`terminal: ${why} before ${pattern} was seen; the screen:\n${this.text}`));
      };
      const timer = setTimeout(() => fail(`${timeoutMs / 1000} s passed`), timeoutMs);
      this.#wake.add(look);
      look();
    });
  }

  /** As a user drags the window: kubectl is told by SIGWINCH. */
  async resize({ rows, columns }: Size): Promise<void> {
    await execute('stty', ['-F', this.#device, 'rows', String(rows), 'cols', String(columns)]);
  }

  /** Closes the window: what runs in it is hung up. */
  async close(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.ended;
  }
}
