// Runs the garbage collection plan over all kinds that can own or be owned.
import { storedKinds } from '../../../api/kinds/index.ts';
import { apiVersionOf, type Kind, type ResourceId } from '../../../api/kinds/kind.ts';
import { type KubeObject, type OwnerReference, objectKey } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { foregroundFinalizer, planGarbage, type Step } from './plan.ts';

type Node = { kind: Kind; object: KubeObject };
type Executors = { [T in Step['type']]: (node: Node, step: Extract<Step, { type: T }>) => Promise<void> };

/** Events are many and neither own nor are owned. */
const collectedKinds = storedKinds.filter((kind) => kind.kind !== 'Event');

/** The resource as the informers know it: by identity where the hub's parts share one. */
const sharedResources: readonly ResourceId[] = Object.values(resources);

function resourceOf(kind: Kind): ResourceId {
  const shared = sharedResources.find(
    (resource) =>
      resource.group === kind.group && resource.version === kind.version && resource.resource === kind.plural,
  );
  return shared ?? { group: kind.group, version: kind.version, resource: kind.plural };
}

export class GarbageCollector implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;
  #byUid = new Map<string, Node>();
  #dependents = new Map<string, Set<string>>();

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('garbage-collector', (uid) => this.#reconcile(uid), parts);
    for (const kind of collectedKinds) parts.informers.for(resourceOf(kind));
  }

  start(signal: AbortSignal): void {
    for (const kind of collectedKinds) {
      this.#parts.informers
        .for(resourceOf(kind))
        .subscribe(({ object, previous }) => this.#observe(kind, object, previous));
    }
    this.#queue.start(signal);
  }

  #observe(kind: Kind, object: KubeObject | undefined, previous: KubeObject | undefined): void {
    const uid = (object ?? previous)?.metadata.uid ?? '';
    for (const reference of previous?.metadata.ownerReferences ?? []) this.#dependents.get(reference.uid)?.delete(uid);
    for (const reference of object?.metadata.ownerReferences ?? []) {
      const set = this.#dependents.get(reference.uid) ?? new Set();
      set.add(uid);
      this.#dependents.set(reference.uid, set);
    }
    if (object !== undefined) this.#byUid.set(uid, { kind, object });
    else this.#byUid.delete(uid);
    if (previous !== undefined && previous.metadata.uid !== uid) this.#byUid.delete(previous.metadata.uid ?? '');
    // The change may concern the object, those below it and those above it.
    this.#queue.add(uid);
    for (const dependent of this.#dependents.get(uid) ?? []) this.#queue.add(dependent);
    for (const reference of (object ?? previous)?.metadata.ownerReferences ?? []) this.#queue.add(reference.uid);
  }

  #owner(reference: OwnerReference): Node | undefined {
    const owner = this.#byUid.get(reference.uid);
    return owner !== undefined && owner.kind.kind === reference.kind ? owner : undefined;
  }

  async #reconcile(uid: string): Promise<void> {
    const node = this.#byUid.get(uid);
    if (node === undefined) return;
    const unknownKind = (node.object.metadata.ownerReferences ?? []).some((reference) => !isKnown(reference));
    // An owner of a kind that is not served here can't be judged: its dependents stay.
    if (unknownKind && node.object.metadata.deletionTimestamp === undefined) return;
    const dependents = [...(this.#dependents.get(uid) ?? [])].flatMap(
      (dependent) => this.#byUid.get(dependent)?.object ?? [],
    );
    const steps = planGarbage(node.object, {
      ownerExists: (reference) => this.#owner(reference) !== undefined,
      ownerWaits: (reference) =>
        this.#owner(reference)?.object.metadata.finalizers?.includes(foregroundFinalizer) ?? false,
      dependents,
    });
    try {
      for (const step of steps)
        await (this.#executors[step.type] as (node: Node, step: Step) => Promise<void>)(node, step);
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  async #changeReferences(object: KubeObject, uids: readonly string[]): Promise<void> {
    const found = this.#byUid.get(object.metadata.uid ?? '');
    if (found === undefined) return;
    const ownerReferences = (found.object.metadata.ownerReferences ?? []).filter(
      (reference) => !uids.includes(reference.uid),
    );
    const { uid, resourceVersion } = found.object.metadata;
    await this.#parts.client.patch(resourceOf(found.kind), found.object.metadata, 'merge', {
      metadata: { uid, resourceVersion, ownerReferences },
    });
  }

  #executors: Executors = {
    delete: async ({ kind, object }, { policy }) => {
      const { uid } = object.metadata;
      await this.#parts.client.delete(resourceOf(kind), object.metadata, {
        propagationPolicy: policy,
        ...(uid === undefined ? {} : { uid }),
      });
      this.#parts.log.debug({ kind: kind.kind, key: objectKey(object) }, 'deleted: its owners are gone');
    },
    'drop-references': async ({ object }, { uids }) => this.#changeReferences(object, uids),
    'orphan-dependents': async ({ object }, { dependents }) => {
      for (const dependent of dependents) await this.#changeReferences(dependent, [object.metadata.uid ?? '']);
    },
    'drop-finalizer': async ({ kind, object }, { finalizer }) => {
      const finalizers = (object.metadata.finalizers ?? []).filter((item) => item !== finalizer);
      const { uid, resourceVersion } = object.metadata;
      await this.#parts.client.patch(resourceOf(kind), object.metadata, 'merge', {
        metadata: { uid, resourceVersion, finalizers },
      });
    },
    'delete-dependents': async (_node, { dependents }) => {
      for (const { metadata } of dependents) {
        const found = this.#byUid.get(metadata.uid ?? '');
        if (found === undefined) continue;
        const hasDependents = (this.#dependents.get(metadata.uid ?? '')?.size ?? 0) > 0;
        await this.#parts.client.delete(resourceOf(found.kind), metadata, {
          propagationPolicy: hasDependents ? 'Foreground' : 'Background',
        });
      }
    },
  };
}

function isKnown(reference: OwnerReference): boolean {
  return collectedKinds.some((kind) => kind.kind === reference.kind && apiVersionOf(kind) === reference.apiVersion);
}
