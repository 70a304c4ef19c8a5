// Keeps the status of ResourceQuotas: what is used of what they allow.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/
import { storedKinds } from '../../../api/kinds/index.ts';
import type { Kind, ResourceId } from '../../../api/kinds/kind.ts';
import { type Amounts, chargedTo, formatAmount } from '../../../api/kinds/quota-usage.ts';
import type { ResourceQuota } from '../../../api/meta/kubernetes.ts';
import { jsonEqual, type KubeObject, objectKey } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import type { Informer } from '../../client/informer.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';

type Counted = { kind: Kind; informer: Informer };

/** Kinds that may be counted; events come and go too fast to be worth it. */
const countedKinds = storedKinds.filter((kind) => kind.namespaced && kind.kind !== 'Event');

export class ResourceQuotaController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;
  #counted: Counted[];

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('resource-quota', (key) => this.#reconcile(key), parts);
    const known = Object.values(resources) as ResourceId[];
    this.#counted = countedKinds.map((kind) => {
      const id = { group: kind.group, version: kind.version, resource: kind.plural };
      // Informers are shared by the identity of their resource.
      const shared = known.find(({ group, resource }) => group === id.group && resource === id.resource) ?? id;
      return { kind, informer: parts.informers.for(shared) };
    });
    parts.informers.for(resources.resourceQuotas);
  }

  start(signal: AbortSignal): void {
    this.#parts.informers.for(resources.resourceQuotas).subscribe(({ key }) => this.#queue.add(key));
    for (const { informer } of this.#counted) {
      informer.subscribe(({ object, previous }) => {
        const namespace = (object ?? previous)?.metadata.namespace;
        for (const quota of this.#parts.informers.for(resources.resourceQuotas).all())
          if (quota.metadata.namespace === namespace) this.#queue.add(objectKey(quota));
      });
    }
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, client } = this.#parts;
    const quota = informers.for(resources.resourceQuotas).get(key) as ResourceQuota | undefined;
    if (quota === undefined) return;
    const used: Amounts = {};
    for (const { kind, informer } of this.#counted) {
      for (const object of informer.all()) {
        if (object.metadata.namespace !== quota.metadata.namespace) continue;
        for (const [name, amount] of Object.entries(chargedTo(quota, kind, object)))
          used[name] = (used[name] ?? 0) + amount;
      }
    }
    const hard = quota.spec?.hard ?? {};
    const status = {
      hard,
      used: Object.fromEntries(Object.keys(hard).map((name) => [name, formatAmount(name, used[name] ?? 0)])),
    };
    if (jsonEqual(status, quota.status)) return;
    try {
      await client.update(resources.resourceQuotas, { ...quota, status } as KubeObject, 'status');
    } catch (error) {
      if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error;
      this.#queue.add(key);
    }
  }
}
