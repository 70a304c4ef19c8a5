// A command-line client (kubectl, Helm) run by a test: it never outlives the
// test, its lines are given as they come, and an exit code rejects nothing.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Arrivals } from './arrivals.ts';
import { endWithTest } from './children.ts';

const runTimeoutMs = 60_000;

export type Result = { code: number; stdout: string; stderr: string };
export type RunOptions = {
  stdin?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** It is killed when it has run that long. */
  timeoutMs?: number;
};

/** A client that keeps running (`-w`, `logs -f`). */
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

/** What a client is started with beside its arguments. */
export type ClientSetting = {
  binary: string;
  /** Its home, working and temporary directory. */
  home: string;
  env: Record<string, string>;
};

/** Starts a client, or a program that runs it, and leaves its streams to the caller. */
export async function spawnClient(
  { binary, home, env: own }: ClientSetting,
  args: readonly string[],
  { env, cwd }: Pick<RunOptions, 'env' | 'cwd'>,
): Promise<ChildProcessWithoutNullStreams> {
  await mkdir(home, { recursive: true });
  const child = spawn(binary, args, {
    cwd: cwd ?? home,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      TMPDIR: home,
      // By this tag everything that a run has started is ended with it.
      ...(process.env.E2E_RUN === undefined ? {} : { E2E_RUN: process.env.E2E_RUN }),
      ...own,
      ...env,
    },
  });
  endWithTest(child);
  return child;
}

/** Starts a client without waiting for its end. */
export async function startClient(
  setting: ClientSetting,
  args: readonly string[],
  options: RunOptions,
): Promise<Stream> {
  const child = await spawnClient(setting, args, options);
  const deadline = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? runTimeoutMs);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  const lines = new Arrivals<string>(`${setting.binary.split('/').at(-1)} ${args.join(' ')}`);
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = new Promise<Result>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      lines.end();
      resolve({ code: code ?? (signal === 'SIGTERM' ? 143 : 137), ...output });
    });
  });
  // A client that fails before it has read its input closes the pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
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

/** The result's stdout without the last line break. @throws Error with all that was said when it failed */
export function succeeded({ code, stdout, stderr }: Result, what: string): string {
  if (code !== 0) throw new Error(`${what} exited with ${code}\n${stderr}${stdout}`);
  return stdout.replace(/\n$/, '');
}

/** The result's stderr without the last line break. @throws Error when it did not fail */
export function failed({ code, stdout, stderr }: Result, what: string): string {
  if (code === 0) throw new Error(`${what} should have failed\n${stderr}${stdout}`);
  return stderr.replace(/\n$/, '');
}
