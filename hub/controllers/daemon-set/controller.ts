// Runs the DaemonSet plan and keeps the history of templates that
// `kubectl rollout undo` goes back to.
import type { DaemonSet, Node, Pod, PodTemplate } from '../../../api/meta/kubernetes.ts';
import { controllerOf } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { isNamespaceGone, isOwnedBy, podFromTemplate } from '../pods.ts';
import { keepHistory } from '../revision-history.ts';
import { revisionHashLabel, templateHash } from '../template-hash.ts';
import { daemonPodSpec, type NodeFit, planDaemonSet, type Step } from './plan.ts';

type Executors = {
  [T in Step['type']]: (set: DaemonSet, hash: string, step: Extract<Step, { type: T }>) => Promise<void>;
};

export class DaemonSetController implements Controller {
  #parts: ControllerParts & { fit: NodeFit };
  #queue: WorkQueue;

  constructor(parts: ControllerParts & { fit: NodeFit }) {
    this.#parts = parts;
    this.#queue = new WorkQueue('daemon-set', (key) => this.#reconcile(key), parts);
    for (const resource of [resources.daemonSets, resources.pods, resources.nodes, resources.controllerRevisions])
      parts.informers.for(resource);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.daemonSets).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.pods).subscribe(({ object, previous }) => {
      const pod = object ?? previous;
      const owner = pod === undefined ? undefined : controllerOf(pod);
      if (owner?.kind === 'DaemonSet') this.#queue.add(`${pod?.metadata.namespace}/${owner.name}`);
    });
    informers.for(resources.nodes).subscribe(() => {
      for (const set of informers.for(resources.daemonSets).all())
        this.#queue.add(`${set.metadata.namespace}/${set.metadata.name}`);
    });
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock, fit } = this.#parts;
    const set = informers.for(resources.daemonSets).get(key) as DaemonSet | undefined;
    if (set === undefined) return;
    const hash = templateHash(set.spec?.template as PodTemplate | undefined);
    if (set.metadata.deletionTimestamp === undefined)
      await keepHistory(this.#parts, set, 'DaemonSet', hash, `${set.metadata.name.slice(0, 240)}-${hash}`);
    const pods = informers
      .for(resources.pods)
      .all()
      .filter((pod) => isOwnedBy(pod, set)) as Pod[];
    const nodes = informers.for(resources.nodes).all() as Node[];
    for (const step of planDaemonSet(set, hash, nodes, pods, fit, clock.nowMs())) {
      await (this.#executors[step.type] as (set: DaemonSet, hash: string, step: Step) => Promise<void>)(
        set,
        hash,
        step,
      );
    }
  }

  #executors: Executors = {
    create: async (set, hash, { nodeName }) => {
      const pod = podFromTemplate(set, 'apps/v1', 'DaemonSet', set.spec?.template as PodTemplate);
      pod.metadata.labels = { ...pod.metadata.labels, [revisionHashLabel]: hash };
      const spec = daemonPodSpec(set);
      const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }];
      pod.spec = {
        ...spec,
        affinity: {
          ...spec.affinity,
          nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
        },
      } as NonNullable<Pod['spec']>;
      try {
        const created = await this.#parts.client.create(resources.pods, pod);
        this.#parts.events.record(
          targetOf(set, 'apps/v1', 'DaemonSet'),
          'Normal',
          'SuccessfulCreate',
          `Created pod: ${created.metadata.name}`,
        );
      } catch (error) {
        if (isNamespaceGone(error)) return;
        throw error;
      }
    },
    delete: async (set, _hash, { pod }) => {
      try {
        await this.#parts.client.delete(resources.pods, pod.metadata);
        this.#parts.events.record(
          targetOf(set, 'apps/v1', 'DaemonSet'),
          'Normal',
          'SuccessfulDelete',
          `Deleted pod: ${pod.metadata.name}`,
        );
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
      }
    },
    status: async (set, _hash, { status }) => {
      await this.#parts.client.patch(resources.daemonSets, set.metadata, 'merge', { status }, 'status');
    },
  };
}
