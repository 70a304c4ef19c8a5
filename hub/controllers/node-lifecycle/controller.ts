// Runs the node lifecycle plan.
import type { Node, Pod } from '../../../api/meta/kubernetes.ts';
import { objectKey } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { evictionTimeMs, planPodNotReady, planTaints, type Tolerates } from './plan.ts';

export class NodeLifecycleController implements Controller {
  #parts: ControllerParts & { tolerates: Tolerates };
  #nodes: WorkQueue;
  #pods: WorkQueue;

  constructor(parts: ControllerParts & { tolerates: Tolerates }) {
    this.#parts = parts;
    this.#nodes = new WorkQueue('node-lifecycle', (key) => this.#reconcileNode(key), parts);
    this.#pods = new WorkQueue('taint-eviction', (key) => this.#reconcilePod(key), parts);
    parts.informers.for(resources.nodes);
    parts.informers.for(resources.pods);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.nodes).subscribe(({ key }) => this.#nodes.add(key));
    informers.for(resources.pods).subscribe(({ key, object }) => {
      if (object !== undefined) this.#pods.add(key);
    });
    this.#nodes.start(signal);
    this.#pods.start(signal);
  }

  async #reconcileNode(key: string): Promise<void> {
    const { informers, client, clock } = this.#parts;
    const node = informers.for(resources.nodes).get(key) as Node | undefined;
    if (node === undefined) return;
    const taints = planTaints(node, clock.nowMs());
    if (taints !== undefined) {
      const { resourceVersion } = node.metadata;
      await client.patch(resources.nodes, node.metadata, 'merge', { metadata: { resourceVersion }, spec: { taints } });
    }
    for (const pod of informers.for(resources.pods).all() as Pod[])
      if (pod.spec?.nodeName === key) this.#pods.add(objectKey(pod));
  }

  async #reconcilePod(key: string): Promise<void> {
    const { informers, client, clock, events, tolerates } = this.#parts;
    const pod = informers.for(resources.pods).get(key) as Pod | undefined;
    const node = informers.for(resources.nodes).get(pod?.spec?.nodeName ?? '') as Node | undefined;
    if (pod === undefined || node === undefined) return;
    try {
      let conditions = planPodNotReady(pod, node, clock.nowMs());
      // The node as it is now: seen late, it would overrule what its agent has said since, and nobody would mend that.
      if (conditions !== undefined)
        conditions = planPodNotReady(pod, (await client.get(resources.nodes, node.metadata)) as Node, clock.nowMs());
      if (conditions !== undefined) {
        // Only if the pod is still as seen: its agent may just have come back and said otherwise.
        const { resourceVersion } = pod.metadata;
        await client.patch(
          resources.pods,
          pod.metadata,
          'merge',
          { metadata: { resourceVersion }, status: { conditions } },
          'status',
        );
      }
      const goesMs = evictionTimeMs(pod, node, tolerates);
      if (goesMs === undefined) return;
      const waitMs = goesMs - clock.nowMs();
      if (waitMs > 0) {
        this.#pods.addAfter(key, waitMs);
        return;
      }
      events.record(targetOf(pod, 'v1', 'Pod'), 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
      await client.delete(resources.pods, pod.metadata, {
        ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
      });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }
}
