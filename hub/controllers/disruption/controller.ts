// Keeps the status of PodDisruptionBudgets.

import type { ResourceId } from '../../../api/kinds/kind.ts';
import type { Pod, PodDisruptionBudget } from '../../../api/meta/kubernetes.ts';
import { matchesSelector } from '../../../api/meta/labels.ts';
import { controllerOf, jsonEqual, type KubeObject, objectKey } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { budgetStatus } from './plan.ts';

/** Controllers of pods that say how many there should be. */
const scaled: Record<string, ResourceId> = {
  ReplicaSet: resources.replicaSets,
  ReplicationController: resources.replicationControllers,
  StatefulSet: resources.statefulSets,
};
/** Evictions that did not happen are forgotten after this time, ms. */
const recheckMs = 120_000;

export class DisruptionController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('disruption', (key) => this.#reconcile(key), parts);
    for (const resource of [resources.disruptionBudgets, resources.pods, ...Object.values(scaled)])
      parts.informers.for(resource);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.disruptionBudgets).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.pods).subscribe(({ object, previous }) => {
      for (const pod of [object, previous]) if (pod !== undefined) this.#wake(pod);
    });
    this.#queue.start(signal);
  }

  #wake({ metadata }: KubeObject): void {
    for (const budget of this.#parts.informers.for(resources.disruptionBudgets).all() as PodDisruptionBudget[])
      if (budget.metadata.namespace === metadata.namespace && matchesSelector(budget.spec?.selector, metadata.labels))
        this.#queue.add(objectKey(budget));
  }

  /** How many pods the controllers of these want; undefined when any has none that says so. */
  #expected(pods: readonly Pod[]): number | undefined {
    const owners = new Map<string, number>();
    for (const pod of pods) {
      const owner = controllerOf(pod);
      const resource = owner === undefined ? undefined : scaled[owner.kind];
      if (owner === undefined || resource === undefined) return undefined;
      const set = this.#parts.informers.for(resource).get(`${pod.metadata.namespace}/${owner.name}`);
      owners.set(owner.uid, (set?.spec as { replicas?: number } | undefined)?.replicas ?? 0);
    }
    return [...owners.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, client, clock } = this.#parts;
    const budget = informers.for(resources.disruptionBudgets).get(key) as PodDisruptionBudget | undefined;
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return;
    const pods = (informers.for(resources.pods).all() as Pod[]).filter(
      ({ metadata }) =>
        metadata.namespace === budget.metadata.namespace && matchesSelector(budget.spec?.selector, metadata.labels),
    );
    const status = budgetStatus(budget, pods, this.#expected(pods), clock.nowMs());
    if (status.disruptedPods !== undefined) this.#queue.addAfter(key, recheckMs);
    if (jsonEqual(status, budget.status)) return;
    try {
      await client.update(resources.disruptionBudgets, { ...budget, status } as KubeObject, 'status');
    } catch (error) {
      if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error;
      this.#queue.add(key);
    }
  }
}
