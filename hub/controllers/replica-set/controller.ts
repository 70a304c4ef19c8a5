// Runs the ReplicaSet plan, also for its older form, the ReplicationController.
// The in-process cache shows a write before the
// write resolves, so that no step is ever planned twice.

import type { ResourceId } from '../../../api/kinds/kind.ts';
import type { Pod, ReplicaSet } from '../../../api/meta/kubernetes.ts';
import { matchesSelector } from '../../../api/meta/labels.ts';
import { controllerOf, controllerReference, type KubeObject, objectKey } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { isNamespaceGone, podFromTemplate } from '../pods.ts';
import { planReplicaSet, type Step } from './plan.ts';

/** What the two kinds differ in. */
type Flavour = {
  kind: 'ReplicaSet' | 'ReplicationController';
  apiVersion: string;
  resource: ResourceId;
  /** The object as a ReplicaSet. */
  asSet: (object: KubeObject) => ReplicaSet;
};

export const replicaSetFlavour: Flavour = {
  kind: 'ReplicaSet',
  apiVersion: 'apps/v1',
  resource: resources.replicaSets,
  asSet: (object) => object as ReplicaSet,
};

export const replicationControllerFlavour: Flavour = {
  kind: 'ReplicationController',
  apiVersion: 'v1',
  resource: resources.replicationControllers,
  asSet: (object) => {
    const spec = object.spec as { selector?: Record<string, string> } | undefined;
    return { ...object, spec: { ...spec, selector: { matchLabels: spec?.selector ?? {} } } } as unknown as ReplicaSet;
  },
};

type Executors = { [T in Step['type']]: (set: ReplicaSet, step: Extract<Step, { type: T }>) => Promise<void> };

export class ReplicaSetController implements Controller {
  #flavour: Flavour;
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(flavour: Flavour, parts: ControllerParts) {
    this.#flavour = flavour;
    this.#parts = parts;
    this.#queue = new WorkQueue(flavour.kind, (key) => this.#reconcile(key), parts);
    parts.informers.for(this.#flavour.resource);
    parts.informers.for(resources.pods);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(this.#flavour.resource).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.pods).subscribe(({ object, previous }) => {
      for (const pod of [object, previous]) if (pod !== undefined) this.#wakeOwner(pod);
    });
    this.#queue.start(signal);
  }

  #wakeOwner(pod: KubeObject): void {
    const owner = controllerOf(pod);
    const { namespace } = pod.metadata;
    if (owner?.kind === this.#flavour.kind) this.#queue.add(`${namespace}/${owner.name}`);
    if (owner !== undefined) return;
    for (const set of this.#parts.informers.for(this.#flavour.resource).all().map(this.#flavour.asSet)) {
      if (set.metadata.namespace === namespace && matchesSelector(set.spec?.selector, pod.metadata.labels))
        this.#queue.add(objectKey(set));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock } = this.#parts;
    const found = informers.for(this.#flavour.resource).get(key);
    if (found === undefined) return;
    const set = this.#flavour.asSet(found);
    const pods = informers
      .for(resources.pods)
      .all()
      .filter((pod) => pod.metadata.namespace === set.metadata.namespace) as Pod[];
    for (const step of planReplicaSet(set, pods, clock.nowMs()))
      await (this.#executors[step.type] as (set: ReplicaSet, step: Step) => Promise<void>)(set, step);
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (minReadySeconds > 0 && (set.status?.availableReplicas ?? 0) < (set.status?.readyReplicas ?? 0))
      this.#queue.addAfter(key, minReadySeconds * 1000);
  }

  #executors: Executors = {
    adopt: async (set, { pod }) => {
      const ownerReferences = [
        ...(pod.metadata.ownerReferences ?? []),
        controllerReference(set, this.#flavour.apiVersion, this.#flavour.kind),
      ];
      await this.#parts.client.patch(resources.pods, pod.metadata, 'merge', {
        metadata: { uid: pod.metadata.uid, ownerReferences },
      });
    },
    release: async (set, { pod }) => {
      const ownerReferences = (pod.metadata.ownerReferences ?? []).filter(
        (reference) => reference.uid !== set.metadata.uid,
      );
      await this.#parts.client.patch(resources.pods, pod.metadata, 'merge', {
        metadata: { uid: pod.metadata.uid, ownerReferences },
      });
    },
    create: async (set, { count }) => {
      const template = set.spec?.template;
      if (template === undefined) return;
      const target = targetOf(set, this.#flavour.apiVersion, this.#flavour.kind);
      for (let index = 0; index < count; index += 1) {
        try {
          const pod = await this.#parts.client.create(
            resources.pods,
            podFromTemplate(set, this.#flavour.apiVersion, this.#flavour.kind, template),
          );
          this.#parts.events.record(target, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
        } catch (error) {
          if (isNamespaceGone(error)) return;
          this.#parts.events.record(target, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
          throw error;
        }
      }
    },
    delete: async (set, { pod }) => {
      try {
        await this.#parts.client.delete(resources.pods, pod.metadata, {
          ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
        });
        this.#parts.events.record(
          targetOf(set, this.#flavour.apiVersion, this.#flavour.kind),
          'Normal',
          'SuccessfulDelete',
          `Deleted pod: ${pod.metadata.name}`,
        );
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    },
    status: async (set, { status }) => {
      await this.#parts.client.patch(this.#flavour.resource, set.metadata, 'merge', { status }, 'status');
    },
  };
}
