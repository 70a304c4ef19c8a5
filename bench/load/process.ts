// The load generator as a bench sees it: a process that is given jobs.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Kubeconfig } from '../../cli/api.ts';
import type { Job, Message } from './generator.ts';
import type { JobResult } from './job.ts';

const entry = fileURLToPath(new URL('generator.ts', import.meta.url));

export class Generator {
  #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts a generator that loads the hub of this kubeconfig. */
  static async start(undo: AsyncDisposableStack, config: Kubeconfig): Promise<Generator> {
    const child = fork(entry, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    undo.defer(async () => {
      process.removeListener('exit', kill);
      const exited = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        kill();
        await exited;
      }
    });
    const generator = new Generator(child);
    await generator.do({ kind: 'connect', config });
    return generator;
  }

  /** Has a job done. `onBegun` is called when what is measured begins. @throws Error when it fails */
  do(job: Job, onBegun: () => void = () => undefined): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        this.#child.off('message', listen);
        this.#child.off('exit', gone);
      };
      const gone = (): void => {
        finish();
        reject(new Error('the load generator has ended'));
      };
      const listen = (message: Message): void => {
        if ('begun' in message) {
          onBegun();
          return;
        }
        finish();
        if ('result' in message) resolve(message.result);
        else reject(new Error(`the load generator failed: ${message.failed}`));
      };
      this.#child.on('message', listen);
      this.#child.once('exit', gone);
      this.#child.send(job);
    });
  }
}
