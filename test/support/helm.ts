// Helm with a kubeconfig and a namespace, in one of the versions that the tests
// have, run with a home of its own.
import { join } from 'node:path';
import { type HelmVersion, helmBinary } from './client-binary.ts';
import { failed, type Result, startClient, succeeded } from './client-process.ts';

export type HelmOptions = { version: HelmVersion; namespace: string };

export class Helm {
  readonly version: HelmVersion;
  #kubeconfig: string;
  #namespace: string;

  constructor(kubeconfig: string, { version, namespace }: HelmOptions) {
    this.version = version;
    this.#kubeconfig = kubeconfig;
    this.#namespace = namespace;
  }

  /** Runs Helm to its end. */
  async run(...args: string[]): Promise<Result> {
    const home = `${this.#kubeconfig}.helm-${this.version}`;
    const env = {
      KUBECONFIG: this.#kubeconfig,
      HELM_NAMESPACE: this.#namespace,
      HELM_CACHE_HOME: join(home, 'cache'),
      HELM_CONFIG_HOME: join(home, 'config'),
      HELM_DATA_HOME: join(home, 'data'),
    };
    const client = await startClient({ binary: await helmBinary(this.version), home, env }, args, {});
    return client.ended;
  }

  /** Runs Helm, which must succeed; returns its stdout without the last line break. */
  async ok(...args: string[]): Promise<string> {
    return succeeded(await this.run(...args), `helm ${args.join(' ')}`);
  }

  /** Runs Helm, which must fail; returns its stderr without the last line break. */
  async fails(...args: string[]): Promise<string> {
    return failed(await this.run(...args), `helm ${args.join(' ')}`);
  }

  /** What Helm prints with `-o json`. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.ok(...args, '-o', 'json')) as T;
  }
}
