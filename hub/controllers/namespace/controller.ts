// Empties namespaces that are being deleted, then lets them go.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/

import { storedKinds } from '../../../api/kinds/index.ts';
import type { ResourceId } from '../../../api/kinds/kind.ts';
import type { KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';

/** Pause between looks at a namespace whose objects still wait for something, such as a pod's grace period. */
const recheckMs = 1000;

const namespacedResources: ResourceId[] = storedKinds
  .filter((kind) => kind.namespaced)
  .map((kind) => ({ group: kind.group, version: kind.version, resource: kind.plural }));

export class NamespaceController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('namespace', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.namespaces);
  }

  start(signal: AbortSignal): void {
    this.#parts.informers.for(resources.namespaces).subscribe(({ key }) => this.#queue.add(key));
    this.#queue.start(signal);
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#parts.informers.for(resources.namespaces).get(name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    let left = 0;
    for (const resource of namespacedResources) left += await this.#empty(resource, name);
    if (left > 0) this.#queue.addAfter(name, recheckMs);
    else await this.#finalize(namespace);
  }

  /** Deletes what there is of a resource; resolves with how much is still there. */
  async #empty(resource: ResourceId, namespace: string): Promise<number> {
    const { client } = this.#parts;
    for (const object of (await client.list(resource, { namespace })).items) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      try {
        await client.delete(resource, object.metadata, { propagationPolicy: 'Background' });
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    }
    return (await client.list(resource, { namespace })).items.length;
  }

  async #finalize(namespace: KubeObject): Promise<void> {
    try {
      const { metadata } = await this.#parts.client.get(resources.namespaces, namespace.metadata);
      await this.#parts.client.update(
        resources.namespaces,
        { apiVersion: 'v1', kind: 'Namespace', metadata, spec: { finalizers: [] } },
        'finalize',
      );
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }
}
