// Runs the StatefulSet plan.
import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  StatefulSet,
} from '../../../api/meta/kubernetes.ts';
import { controllerOf, type KubeObject, objectKey } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { isNamespaceGone, isOwnedBy, podFromTemplate } from '../pods.ts';
import { keepHistory } from '../revision-history.ts';
import { revisionHashLabel, templateHash } from '../template-hash.ts';
import { claimsOf, podName } from './claims.ts';
import { planStatefulSet, type Step } from './plan.ts';

type Executors = { [T in Step['type']]: (set: StatefulSet, step: Extract<Step, { type: T }>) => Promise<void> };

export class StatefulSetController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('stateful-set', (key) => this.#reconcile(key), parts);
    for (const resource of [resources.statefulSets, resources.pods, resources.controllerRevisions, resources.claims])
      parts.informers.for(resource);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.statefulSets).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.pods).subscribe(({ object, previous }) => {
      const pod = object ?? previous;
      const owner = pod === undefined ? undefined : controllerOf(pod);
      if (owner?.kind === 'StatefulSet') this.#queue.add(`${pod?.metadata.namespace}/${owner.name}`);
    });
    // A pod may wait until the claims of the one before it are gone.
    informers.for(resources.claims).subscribe(({ object, previous }) => {
      const { namespace } = (object ?? previous)?.metadata ?? {};
      for (const set of informers.for(resources.statefulSets).all() as StatefulSet[])
        if (set.metadata.namespace === namespace && (set.spec?.volumeClaimTemplates ?? []).length > 0)
          this.#queue.add(objectKey(set));
    });
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock } = this.#parts;
    const set = informers.for(resources.statefulSets).get(key) as StatefulSet | undefined;
    if (set === undefined) return;
    const hash = `${set.metadata.name}-${templateHash(set.spec?.template as PodTemplate | undefined)}`;
    if (set.metadata.deletionTimestamp === undefined) await keepHistory(this.#parts, set, 'StatefulSet', hash, hash);
    const { namespace } = set.metadata;
    const pods = (informers.for(resources.pods).all() as Pod[]).filter((pod) => isOwnedBy(pod, set));
    const claims = (informers.for(resources.claims).all() as PersistentVolumeClaim[])
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map((claim) => [claim.metadata.name, claim] as const);
    const observed = { pods, claims: new Map(claims), hash, nowMs: clock.nowMs() };
    for (const step of planStatefulSet(set, observed))
      await (this.#executors[step.type] as (set: StatefulSet, step: Step) => Promise<void>)(set, step);
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (minReadySeconds > 0 && (set.status?.availableReplicas ?? 0) < (set.status?.readyReplicas ?? 0))
      this.#queue.addAfter(key, minReadySeconds * 1000);
  }

  /** The template of a revision: the set's own, or an earlier one. */
  #templateOf(set: StatefulSet, hash: string): PodTemplate {
    const revisions = this.#parts.informers.for(resources.controllerRevisions).all() as ControllerRevision[];
    const found = revisions.find(
      (revision) => isOwnedBy(revision, set) && revision.metadata.labels?.[revisionHashLabel] === hash,
    );
    const data = found?.data as { spec?: { template?: PodTemplate & { $patch?: string } } } | undefined;
    const { $patch: _patch, ...template }: PodTemplate & { $patch?: string } =
      data?.spec?.template ?? set.spec?.template ?? {};
    return template;
  }

  #executors: Executors = {
    'create-claim': async (_set, { claim }) => {
      try {
        await this.#parts.client.create(resources.claims, claim);
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists') && !hasReason(error, 'NotFound')) throw error;
      }
    },
    'own-claim': async (_set, { claim: { metadata }, ownerReferences }) => {
      try {
        const { uid, resourceVersion } = metadata;
        await this.#parts.client.patch(resources.claims, metadata, 'merge', {
          // With its resourceVersion: references of others must stay.
          metadata: { uid, resourceVersion, ownerReferences },
        });
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    },
    create: async (set, { ordinal, hash }) => {
      const pod = podFromTemplate(set, 'apps/v1', 'StatefulSet', this.#templateOf(set, hash));
      const name = podName(set, ordinal);
      delete pod.metadata.generateName;
      pod.metadata.name = name;
      pod.metadata.labels = {
        ...pod.metadata.labels,
        'apps.kubernetes.io/pod-index': String(ordinal),
        [revisionHashLabel]: hash,
        'statefulset.kubernetes.io/pod-name': name,
      };
      if (pod.spec !== undefined) {
        pod.spec.hostname = name;
        if (set.spec?.serviceName) pod.spec.subdomain = set.spec.serviceName;
        const volumes = claimsOf(set, ordinal).map(({ metadata }) => ({
          name: metadata.name.slice(0, -name.length - 1),
          persistentVolumeClaim: { claimName: metadata.name },
        }));
        const others = (pod.spec.volumes ?? []).filter((volume) => !volumes.some((own) => own.name === volume.name));
        if (volumes.length + others.length > 0) pod.spec.volumes = [...others, ...volumes];
      }
      const target = targetOf(set, 'apps/v1', 'StatefulSet');
      try {
        await this.#parts.client.create(resources.pods, pod);
        const message = `create Pod ${name} in StatefulSet ${set.metadata.name} successful`;
        this.#parts.events.record(target, 'Normal', 'SuccessfulCreate', message);
      } catch (error) {
        if (isNamespaceGone(error)) return;
        throw error;
      }
    },
    delete: async (set, { pod }) => {
      try {
        await this.#parts.client.delete(resources.pods, pod.metadata, {
          ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
        });
        const message = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
        this.#parts.events.record(targetOf(set, 'apps/v1', 'StatefulSet'), 'Normal', 'SuccessfulDelete', message);
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    },
    status: async (set, { status }) => {
      await this.#parts.client.update(resources.statefulSets, { ...set, status } as KubeObject, 'status');
    },
  };
}
