// What the hub knows of a node's presence, as the node's Ready condition:
// Unknown when its link is gone, whatever it says of itself when it is there.
// https://kubernetes.io/docs/concepts/architecture/nodes/#condition
import { findCondition } from '../../api/meta/conditions.ts';
import type { Condition, Node } from '../../api/meta/kubernetes.ts';
import { hasReason } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informer.ts';
import { resources } from '../client/resources.ts';

export type LivenessOptions = {
  /** How long a link may be gone before the node is called unreachable, ms. */
  graceMs: number;
  /** How long nodes have to connect after the hub has started, ms. */
  startGraceMs: number;
};
export type LivenessParts = { client: Client; informers: Informers; clock: Clock; log: Log };

const unknownTypes = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
const retryMs = 1000;

export class Liveness {
  #options: LivenessOptions;
  #parts: LivenessParts;
  #connected = new Set<string>();
  #cancels = new Map<string, () => void>();
  #signal: AbortSignal | undefined;

  constructor(options: LivenessOptions, parts: LivenessParts) {
    this.#options = options;
    this.#parts = parts;
    parts.informers.for(resources.nodes);
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const cancel of this.#cancels.values()) cancel();
    });
    this.#parts.informers.for(resources.nodes).subscribe(({ key, object, previous }) => {
      if (object !== undefined && previous === undefined && !this.#connected.has(key))
        this.#appoint(key, this.#options.startGraceMs);
    });
  }

  connected(nodeName: string): void {
    this.#connected.add(nodeName);
    this.#cancels.get(nodeName)?.();
    this.#cancels.delete(nodeName);
  }

  disconnected(nodeName: string): void {
    this.#connected.delete(nodeName);
    this.#appoint(nodeName, this.#options.graceMs);
  }

  #appoint(nodeName: string, delayMs: number): void {
    this.#cancels.get(nodeName)?.();
    const cancel = this.#parts.clock.setTimer(delayMs, () => {
      this.#cancels.delete(nodeName);
      void this.#markUnknown(nodeName);
    });
    this.#cancels.set(nodeName, cancel);
  }

  async #markUnknown(nodeName: string): Promise<void> {
    const { client, clock, log } = this.#parts;
    while (!this.#connected.has(nodeName) && this.#signal?.aborted === false) {
      try {
        const node = (await client.get(resources.nodes, { name: nodeName })) as Node;
        const conditions = unknownConditions(node, formatTime(clock.nowMs()));
        if (conditions === undefined) return;
        const { resourceVersion } = node.metadata;
        await client.patch(
          resources.nodes,
          { name: nodeName },
          'merge',
          { metadata: { resourceVersion }, status: { conditions } },
          'status',
        );
        log.info({ node: nodeName }, 'the node is out of reach');
        return;
      } catch (error) {
        if (hasReason(error, 'NotFound')) return;
        await sleep(clock, retryMs, this.#signal);
      }
    }
  }
}

/** The node's conditions when nothing is heard of it; undefined when they say so already. */
function unknownConditions(node: Node, now: string): Condition[] | undefined {
  const conditions = (node.status?.conditions ?? []) as Condition[];
  if (findCondition(conditions, 'Ready')?.status === 'Unknown') return undefined;
  const unknown = (type: string): Condition => ({
    ...findCondition(conditions, type),
    type,
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'The node has no connection to the hub.',
    lastTransitionTime: now,
  });
  const types = new Set([...conditions.map((condition) => condition.type), 'Ready']);
  return [...types].map((type) =>
    unknownTypes.includes(type) ? unknown(type) : (findCondition(conditions, type) ?? unknown(type)),
  );
}
