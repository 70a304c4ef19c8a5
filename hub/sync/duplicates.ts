// Two devices with one identity: the second is refused while the first is there.
// When they are different boards, somebody has copied a card or a certificate,
// and the Node says so until nobody has tried for a while.
import { findCondition } from '../../api/meta/conditions.ts';
import { duplicateIdentityCondition } from '../../api/meta/device.ts';
import type { Condition, Node } from '../../api/meta/kubernetes.ts';
import { hasReason } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder, targetOf } from '../client/event-recorder.ts';
import { resources } from '../client/resources.ts';
import { duplicateEventPauseMs, duplicateQuietMs } from './limits.ts';

export type DuplicateParts = { client: Client; clock: Clock; log: Log };
/** What each of the two says it is; undefined for agents that are no devices. */
export type Duplicate = { nodeName: string; connected: string | undefined; refused: string | undefined };

export class Duplicates {
  #parts: DuplicateParts;
  #events: EventRecorder;
  /** By node: when it was last told, and what clears its condition. */
  #known = new Map<string, { toldMs: number; cancel: () => void }>();

  constructor(parts: DuplicateParts) {
    this.#parts = parts;
    this.#events = new EventRecorder({ component: 'node-controller' }, parts);
  }

  start(signal: AbortSignal): void {
    signal.addEventListener('abort', () => {
      for (const { cancel } of this.#known.values()) cancel();
    });
  }

  /** A node is connected: what was said of it before this hub started is cleared when nobody tries again. */
  connected(nodeName: string): void {
    if (!this.#known.has(nodeName)) this.#clearLater(nodeName, Number.NEGATIVE_INFINITY);
  }

  /** A second connection with a node's identity was refused. */
  refused(duplicate: Duplicate): void {
    const { clock, log } = this.#parts;
    const { nodeName, connected, refused } = duplicate;
    // Of one board it is the same card twice, or a program that was started twice: nothing is known to be stolen.
    if (connected === refused) return;
    const known = this.#known.get(nodeName);
    const nowMs = clock.monotonicMs();
    const isTold = known !== undefined && nowMs - known.toldMs < duplicateEventPauseMs;
    this.#clearLater(nodeName, isTold ? known.toldMs : nowMs);
    if (isTold) return;
    void this.#tell(duplicate).catch((error: unknown) =>
      log.warn({ err: error, node: nodeName }, 'a second device with the identity of a node could not be told of'),
    );
  }

  #clearLater(nodeName: string, toldMs: number): void {
    this.#known.get(nodeName)?.cancel();
    const cancel = this.#parts.clock.setTimer(duplicateQuietMs, () => {
      this.#known.delete(nodeName);
      void this.#change(nodeName, () => undefined).catch((error: unknown) =>
        this.#parts.log.warn({ err: error, node: nodeName }, 'a condition could not be cleared'),
      );
    });
    this.#known.set(nodeName, { toldMs, cancel });
  }

  async #tell({ nodeName, connected, refused }: Duplicate): Promise<void> {
    const message = `A second device (${refused ?? 'of unknown hardware'}) came with the identity of this node (${connected ?? 'of unknown hardware'}) and was refused: its card or certificate was copied.`;
    const lastTransitionTime = formatTime(this.#parts.clock.nowMs());
    const node = await this.#change(nodeName, (known) => ({
      type: duplicateIdentityCondition,
      status: 'True',
      reason: 'CopiedIdentity',
      message,
      lastTransitionTime: known?.lastTransitionTime ?? lastTransitionTime,
    }));
    if (node !== undefined)
      await this.#events.write(targetOf(node, 'v1', 'Node'), 'Warning', 'DuplicateIdentity', message);
  }

  /** Replaces the node's condition; resolves with the node, or undefined when there is none. */
  async #change(
    nodeName: string,
    next: (known: Condition | undefined) => Condition | undefined,
  ): Promise<Node | undefined> {
    const { client } = this.#parts;
    for (;;) {
      try {
        const node = (await client.get(resources.nodes, { name: nodeName })) as Node;
        const before = (node.status?.conditions ?? []) as Condition[];
        const known = findCondition(before, duplicateIdentityCondition);
        const condition = next(known);
        if (condition === undefined && known === undefined) return node;
        const others = before.filter(({ type }) => type !== duplicateIdentityCondition);
        const conditions = condition === undefined ? others : [...others, condition];
        const { resourceVersion } = node.metadata;
        const patch = { metadata: { resourceVersion }, status: { conditions } };
        await client.patch(resources.nodes, { name: nodeName }, 'merge', patch, 'status');
        return node;
      } catch (error) {
        if (hasReason(error, 'NotFound')) return undefined;
        if (!hasReason(error, 'Conflict')) throw error;
      }
    }
  }
}
