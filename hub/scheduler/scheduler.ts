// Binds pods without a node, and tells those that fit nowhere why.
import { findCondition, setCondition } from '../../api/meta/conditions.ts';
import type { Condition, Node, Pod } from '../../api/meta/kubernetes.ts';
import { type KubeObject, objectKey } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { Controller, ControllerParts } from '../client/controller-parts.ts';
import { targetOf } from '../client/event-recorder.ts';
import { resources } from '../client/resources.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { addPod, type NodeLoad, place } from './plan.ts';

/** The name that pods ask for in spec.schedulerName. */
const schedulerName = 'default-scheduler';

function needsNode(object: KubeObject): boolean {
  const pod = object as Pod;
  return (
    !pod.spec?.nodeName &&
    pod.metadata.deletionTimestamp === undefined &&
    pod.spec?.schedulerName === schedulerName &&
    !isFinished(pod)
  );
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export class Scheduler implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('scheduler', (key) => this.#schedule(key), parts);
    parts.informers.for(resources.pods);
    parts.informers.for(resources.nodes);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.pods).subscribe(({ key, object, previous }) => {
      if (object !== undefined && needsNode(object)) this.#queue.add(key);
      // A pod that went or finished leaves room.
      else if (previous !== undefined && (object === undefined || isFinished(object as Pod))) this.#wakeAll();
    });
    informers.for(resources.nodes).subscribe(() => this.#wakeAll());
    this.#queue.start(signal);
  }

  #wakeAll(): void {
    for (const pod of this.#parts.informers.for(resources.pods).all())
      if (needsNode(pod)) this.#queue.add(objectKey(pod));
  }

  #loads(): NodeLoad[] {
    const { informers } = this.#parts;
    const loads = new Map<string, NodeLoad>();
    for (const node of informers.for(resources.nodes).all()) {
      loads.set(node.metadata.name, {
        node: node as Node,
        used: { cpuMillis: 0, memoryBytes: 0, hostPorts: [] },
        podCount: 0,
      });
    }
    for (const pod of informers.for(resources.pods).all() as Pod[]) {
      const load = loads.get(pod.spec?.nodeName ?? '');
      if (load !== undefined && !isFinished(pod)) addPod(load, pod);
    }
    return [...loads.values()];
  }

  async #schedule(key: string): Promise<void> {
    const { informers, client, events } = this.#parts;
    const pod = informers.for(resources.pods).get(key) as Pod | undefined;
    if (pod === undefined || !needsNode(pod)) return;
    const placement = place(pod, this.#loads());
    const target = targetOf(pod, 'v1', 'Pod');
    if ('nodeName' in placement) {
      try {
        await client.createSubresource(resources.pods, pod.metadata, 'binding', {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace },
          target: { apiVersion: 'v1', kind: 'Node', name: placement.nodeName },
        });
      } catch (error) {
        if (hasReason(error, 'Conflict') || hasReason(error, 'NotFound')) return;
        throw error;
      }
      events.record(target, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${placement.nodeName}`);
      return;
    }
    await this.#reportUnschedulable(pod, placement.message);
  }

  async #reportUnschedulable(pod: Pod, message: string): Promise<void> {
    const known = findCondition(pod.status?.conditions, 'PodScheduled');
    if (known?.status === 'False' && known.message === message) return;
    const { client, clock, events } = this.#parts;
    const condition: Condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    const conditions = setCondition(
      pod.status?.conditions as Condition[] | undefined,
      condition,
      formatTime(clock.nowMs()),
    );
    await client.patch(resources.pods, pod.metadata, 'merge', { status: { conditions } }, 'status');
    events.record(targetOf(pod, 'v1', 'Pod'), 'Warning', 'FailedScheduling', message);
  }
}
