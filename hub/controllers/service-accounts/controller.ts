// Gives each living namespace what its pods expect: the `default` service
// account and the ConfigMap with the cluster's certificate authority.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
import type { KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';

const rootConfigMapName = 'kube-root-ca.crt';
const descriptionAnnotation = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

export type ServiceAccountsOptions = {
  /** PEM. */
  authority: string;
};

export class ServiceAccountsController implements Controller {
  #options: ServiceAccountsOptions;
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(options: ServiceAccountsOptions, parts: ControllerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#queue = new WorkQueue('service-accounts', (key) => this.#reconcile(key), parts);
    for (const resource of [resources.namespaces, resources.serviceAccounts, resources.configMaps])
      parts.informers.for(resource);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.namespaces).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.serviceAccounts).subscribe(({ key }) => this.#addIfNamed(key, 'default'));
    informers.for(resources.configMaps).subscribe(({ key }) => this.#addIfNamed(key, rootConfigMapName));
    this.#queue.start(signal);
  }

  #addIfNamed(key: string, wanted: string): void {
    const [namespace = '', name] = key.split('/');
    if (name === wanted) this.#queue.add(namespace);
  }

  async #reconcile(namespace: string): Promise<void> {
    const { informers } = this.#parts;
    const found = informers.for(resources.namespaces).get(namespace);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
    if (informers.for(resources.serviceAccounts).get(`${namespace}/default`) === undefined)
      await this.#tolerant(
        this.#parts.client.create(resources.serviceAccounts, { metadata: { name: 'default', namespace } }),
      );
    await this.#ensureAuthority(namespace);
  }

  async #ensureAuthority(namespace: string): Promise<void> {
    const { informers, client } = this.#parts;
    const known = informers.for(resources.configMaps).get(`${namespace}/${rootConfigMapName}`);
    const data = { 'ca.crt': this.#options.authority };
    if (known === undefined) {
      const metadata = { name: rootConfigMapName, namespace, annotations: descriptionAnnotation };
      await this.#tolerant(client.create(resources.configMaps, { metadata, data }));
    } else if ((known.data as Record<string, string> | undefined)?.['ca.crt'] !== data['ca.crt']) {
      await this.#tolerant(client.update(resources.configMaps, { ...known, data }));
    }
  }

  /** Waits for a write that another may have made first, or that came too late for its namespace. */
  async #tolerant(write: Promise<KubeObject>): Promise<void> {
    try {
      await write;
    } catch (error) {
      const expected = ['AlreadyExists', 'Conflict', 'Forbidden', 'NotFound'] as const;
      if (!expected.some((reason) => hasReason(error, reason))) throw error;
    }
  }
}
