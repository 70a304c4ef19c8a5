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
import { addPod, type NodeLoad, type Placement, placeAll } from './plan.ts';

/** The name that pods ask for in spec.schedulerName. */
const schedulerName = 'default-scheduler';

function needsNode(object: KubeObject): boolean {
  const pod = object as Pod;
  return (
    !pod.spec?.nodeName &&
    (pod.spec?.schedulingGates ?? []).length === 0 &&
    pod.metadata.deletionTimestamp === undefined &&
    pod.spec?.schedulerName === schedulerName &&
    !isFinished(pod)
  );
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** There is one queue for all pods, since the order among them matters. */
const queueKey = 'pods';

export class Scheduler implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;
  /** Keys of pods to look at. */
  #due = new Set<string>();
  /** Nodes that were given to pods, by uid, until the informer knows it too. */
  #assumed = new Map<string, string>();

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('scheduler', () => this.#scheduleDue(), parts);
    parts.informers.for(resources.pods);
    parts.informers.for(resources.nodes);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.pods).subscribe(({ key, object, previous }) => {
      if (object === undefined || !needsNode(object)) this.#assumed.delete((object ?? previous)?.metadata.uid ?? '');
      if (object !== undefined && needsNode(object)) this.#add(key);
      // A pod that went or finished leaves room.
      else if (previous !== undefined && (object === undefined || isFinished(object as Pod))) this.#wakeAll();
    });
    informers.for(resources.nodes).subscribe(() => this.#wakeAll());
    this.#queue.start(signal);
  }

  #add(key: string): void {
    this.#due.add(key);
    this.#queue.add(queueKey);
  }

  #wakeAll(): void {
    for (const pod of this.#parts.informers.for(resources.pods).all()) if (needsNode(pod)) this.#add(objectKey(pod));
  }

  #nodeOf(pod: Pod): string | undefined {
    return pod.spec?.nodeName || this.#assumed.get(pod.metadata.uid ?? '');
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
      const load = loads.get(this.#nodeOf(pod) ?? '');
      if (load !== undefined && !isFinished(pod)) addPod(load, pod);
    }
    return [...loads.values()];
  }

  /** Decides on all pods that are due, then tells the API; a pod for which that failed is due again. */
  async #scheduleDue(): Promise<void> {
    const pods = this.#parts.informers.for(resources.pods);
    const due = [...this.#due].flatMap((key) => {
      const pod = pods.get(key) as Pod | undefined;
      return pod !== undefined && needsNode(pod) && this.#nodeOf(pod) === undefined ? [pod] : [];
    });
    this.#due.clear();
    if (due.length === 0) return;
    const outcomes = await Promise.allSettled(
      placeAll(due, this.#loads()).map(({ pod, placement }) => this.#carryOut(pod, placement)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #carryOut(pod: Pod, placement: Placement): Promise<void> {
    try {
      if ('nodeName' in placement) await this.#bind(pod, placement.nodeName);
      else await this.#reportUnschedulable(pod, placement.message);
    } catch (error) {
      this.#due.add(objectKey(pod));
      throw error;
    }
  }

  async #bind(pod: Pod, nodeName: string): Promise<void> {
    const { client, events } = this.#parts;
    const { name, namespace, uid = '' } = pod.metadata;
    this.#assumed.set(uid, nodeName);
    try {
      await client.createSubresource(resources.pods, pod.metadata, 'binding', {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      });
    } catch (error) {
      this.#assumed.delete(uid);
      if (hasReason(error, 'NotFound')) return;
      throw error;
    }
    const message = `Successfully assigned ${objectKey(pod)} to ${nodeName}`;
    events.record(targetOf(pod, 'v1', 'Pod'), 'Normal', 'Scheduled', message);
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
