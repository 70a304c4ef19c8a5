// Runs the Deployment plan.
import type { Deployment, ReplicaSet } from '../../../api/meta/kubernetes.ts';
import { controllerOf } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { isOwnedBy } from '../pods.ts';
import { planDeployment, revisionAnnotation, type Step } from './plan.ts';

type Executors = { [T in Step['type']]: (deployment: Deployment, step: Extract<Step, { type: T }>) => Promise<void> };

export class DeploymentController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('deployment', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.deployments);
    parts.informers.for(resources.replicaSets);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.deployments).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.replicaSets).subscribe(({ object, previous }) => {
      const set = object ?? previous;
      const owner = set === undefined ? undefined : controllerOf(set);
      if (owner?.kind === 'Deployment') this.#queue.add(`${set?.metadata.namespace}/${owner.name}`);
    });
    this.#queue.start(signal);
  }

  async #reconcile(key: string): Promise<void> {
    const { informers, clock } = this.#parts;
    const deployment = informers.for(resources.deployments).get(key) as Deployment | undefined;
    if (deployment === undefined) return;
    const sets = informers
      .for(resources.replicaSets)
      .all()
      .filter((set) => isOwnedBy(set, deployment)) as ReplicaSet[];
    const steps = planDeployment(deployment, sets, clock.nowMs());
    for (const step of steps)
      await (this.#executors[step.type] as (deployment: Deployment, step: Step) => Promise<void>)(deployment, step);
    const deadlineSeconds = deployment.spec?.progressDeadlineSeconds;
    const isComplete = deployment.status?.conditions?.some(
      (condition) => condition.reason === 'NewReplicaSetAvailable',
    );
    if (deadlineSeconds !== undefined && !isComplete) this.#queue.addAfter(key, deadlineSeconds * 1000 + 1000);
  }

  #scaled(deployment: Deployment, set: ReplicaSet, from: number, to: number): void {
    const target = targetOf(deployment, 'apps/v1', 'Deployment');
    this.#parts.events.record(
      target,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`,
    );
  }

  #executors: Executors = {
    create: async (deployment, { set }) => {
      try {
        await this.#parts.client.create(resources.replicaSets, set);
        const replicas = set.spec?.replicas ?? 0;
        if (replicas > 0) this.#scaled(deployment, set, 0, replicas);
      } catch (error) {
        if (hasReason(error, 'NotFound') || hasReason(error, 'Forbidden')) return; // the namespace is going
        throw error;
      }
    },
    scale: async (deployment, { set, replicas }) => {
      await this.#parts.client.patch(resources.replicaSets, set.metadata, 'merge', { spec: { replicas } });
      this.#scaled(deployment, set, set.spec?.replicas ?? 0, replicas);
    },
    'annotate-set': async (_deployment, { set, annotations }) => {
      await this.#parts.client.patch(resources.replicaSets, set.metadata, 'merge', { metadata: { annotations } });
    },
    annotate: async (deployment, { revision }) => {
      await this.#parts.client.patch(resources.deployments, deployment.metadata, 'merge', {
        metadata: { annotations: { [revisionAnnotation]: revision } },
      });
    },
    remove: async (_deployment, { set }) => {
      await this.#parts.client.delete(resources.replicaSets, set.metadata);
    },
    status: async (deployment, { status }) => {
      const empty = {
        replicas: null,
        updatedReplicas: null,
        readyReplicas: null,
        availableReplicas: null,
        unavailableReplicas: null,
      };
      await this.#parts.client.patch(
        resources.deployments,
        deployment.metadata,
        'merge',
        { status: { ...empty, ...status } },
        'status',
      );
    },
  };
}
