// Registers tests of Kubernetes' conformance, under the names they have there: a
// hub process for each test file, a fresh namespace for each test, whose
// watches end with it. https://github.com/cncf/k8s-conformance
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type HubOptions, startHub, type TestHub } from '../../../support/hub.ts';
import { notBuilt } from '../not-covered.ts';
import { Api } from './api.ts';

const defaultTimeoutMs = 120_000;

let hubOptions: HubOptions = {};
/** Started by the first test, since hooks before it run before the file has said what hub it wants. */
let starting: Promise<TestHub> | undefined;
let namespaces = 0;

after(async () => {
  const hub = await starting?.catch(() => undefined);
  await hub?.stop();
  assert.deepEqual(hub?.errors() ?? [], [], 'what the hub logged as errors');
});

/** For files whose hub must be another than the usual one; to be called where tests are registered. */
export function useHub(options: HubOptions): void {
  hubOptions = options;
}

/** What a test has: the API as the administrator, and a namespace of its own. */
export class Cluster extends Api {
  readonly namespace: string;

  constructor(testHub: TestHub, namespace: string) {
    super(testHub);
    this.namespace = namespace;
  }

  /** Path of a resource, or an object of it, in the test's namespace. */
  path(resource: string, apiVersion = 'v1'): string {
    return this.pathIn(this.namespace, resource, apiVersion);
  }

  /** Another namespace, when it has its `default` service account. */
  async addNamespace(name: string): Promise<void> {
    await this.create('/api/v1/namespaces', { metadata: { name } });
    await this.until(`/api/v1/namespaces/${name}/serviceaccounts/default`, 'is there', () => true);
  }
}

/**
 * A test of Kubernetes' conformance.
 * @param codeName its name there, exactly, for example
 *   `[sig-api-machinery] Watchers should ... [Conformance]`; write it as a literal: the table is made from the sources
 */
export function conformance(
  codeName: string,
  body: (cluster: Cluster) => Promise<void>,
  timeoutMs = defaultTimeoutMs,
): void {
  assert.match(codeName, /^\[sig-[a-z-]+\] \S.* \[Conformance\]$/);
  const todo = notBuilt[codeName];
  test(codeName, { timeout: timeoutMs, ...(todo === undefined ? {} : { todo }) }, async () => {
    starting ??= startHub(hubOptions);
    namespaces += 1;
    const cluster = new Cluster(await starting, `conformance-${namespaces}`);
    await cluster.addNamespace(cluster.namespace);
    try {
      await body(cluster);
    } finally {
      cluster.close();
      await cluster.request('DELETE', `/api/v1/namespaces/${cluster.namespace}`);
    }
  });
}
