// kubectl with a kubeconfig, in one of the versions that the tests have, run
// with a home and a cache directory beside its kubeconfig.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type KubectlVersion, kubectlBinary } from './client-binary.ts';
import {
  type ClientSetting,
  failed,
  type Result,
  type RunOptions,
  type Stream,
  spawnClient,
  startClient,
  succeeded,
} from './client-process.ts';

export type KubectlOptions = {
  version?: KubectlVersion;
  /** Its home and working directory. */
  home?: string;
};

/** Runs kubectl to its end. */
export function kubectl(kubeconfig: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Kubectl(kubeconfig).run(args, options);
}

/** kubectl with a kubeconfig. */
export class Kubectl {
  readonly kubeconfig: string;
  readonly version: KubectlVersion;
  /** Its home and working directory: a place for the manifests of a test. */
  readonly home: string;

  constructor(kubeconfig: string, { version = '1.35', home = `${kubeconfig}.home` }: KubectlOptions = {}) {
    this.kubeconfig = kubeconfig;
    this.version = version;
    this.home = home;
  }

  /** Runs kubectl to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return (await this.stream(args, options)).ended;
  }

  /** Runs kubectl, which must succeed; returns its stdout without the last line break. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return succeeded(await this.run(args, options), `kubectl ${args.join(' ')}`);
  }

  /** Runs kubectl, which must fail; returns its stderr without the last line break. */
  async fails(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return failed(await this.run(args, options), `kubectl ${args.join(' ')}`);
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
  async file(name: string, content: string, mode = 0o644): Promise<string> {
    const path = join(this.home, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { mode });
    return path;
  }

  /** Path of its executable. */
  binary(): Promise<string> {
    return kubectlBinary(this.version);
  }

  /** Starts kubectl, or a program that runs it, and leaves its streams to the caller. */
  async child(
    args: readonly string[],
    { program, ...options }: Pick<RunOptions, 'env' | 'cwd'> & { program?: string } = {},
  ): Promise<ChildProcessWithoutNullStreams> {
    const setting = await this.#setting();
    return spawnClient(program === undefined ? setting : { ...setting, binary: program }, args, options);
  }

  /** Starts kubectl without waiting for its end. */
  async stream(args: readonly string[], options: RunOptions = {}): Promise<Stream> {
    return startClient(await this.#setting(), args, options);
  }

  async #setting(): Promise<ClientSetting> {
    const env = { KUBECACHEDIR: join(this.home, 'cache'), KUBECONFIG: this.kubeconfig };
    return { binary: await this.binary(), home: this.home, env };
  }
}

/** YAML of manifests: JSON documents after a separator, since older versions take several only as YAML. */
export function toManifest(manifests: string | readonly object[]): string {
  if (typeof manifests === 'string') return manifests;
  return manifests.map((manifest) => `---\n${JSON.stringify(manifest)}\n`).join('');
}
