// Removes pods that no agent will ever confirm: those of nodes that do not
// exist any more, terminating ones that never had a node, and the oldest of
// too many finished ones. Also lets events go when they have had their time.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
import type { Pod } from '../../../api/meta/kubernetes.ts';
import { hasReason } from '../../../api/meta/status.ts';
import { parseTime } from '../../../api/meta/time.ts';
import { every } from '../../../platform/clock.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';

const intervalMs = 20_000;
/** Looking at all events is dear, and nobody minds one that stays a little longer. */
const eventIntervalMs = 300_000;
/** How long a node must be missing before its pods go: it may be just joining again. */
const missingNodeGraceMs = 40_000;
/** Kubernetes' default of --terminated-pod-gc-threshold. */
const maxFinishedPods = 12_500;
/** Kubernetes' default of --event-ttl. */
const eventTtlMs = 3_600_000;

export class PodGarbageCollector implements Controller {
  #parts: ControllerParts;
  #missingSinceMs = new Map<string, number>();

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    parts.informers.for(resources.pods);
    parts.informers.for(resources.nodes);
  }

  start(signal: AbortSignal): void {
    every(this.#parts.clock, intervalMs, signal, async () => {
      try {
        await this.#collectPods();
      } catch (error) {
        this.#parts.log.warn({ err: error }, 'collecting finished pods failed and will be tried again');
      }
    });
    every(this.#parts.clock, eventIntervalMs, signal, async () => {
      try {
        await this.#expireEvents();
      } catch (error) {
        this.#parts.log.warn({ err: error }, 'expiring events failed and will be tried again');
      }
    });
  }

  async #collectPods(): Promise<void> {
    const { informers, clock } = this.#parts;
    const pods = informers.for(resources.pods).all() as Pod[];
    const nodes = new Set(
      informers
        .for(resources.nodes)
        .all()
        .map((node) => node.metadata.name),
    );
    const missing = new Set(
      pods.flatMap((pod) => (pod.spec?.nodeName && !nodes.has(pod.spec.nodeName) ? [pod.spec.nodeName] : [])),
    );
    for (const name of this.#missingSinceMs.keys()) if (!missing.has(name)) this.#missingSinceMs.delete(name);
    for (const name of missing)
      if (!this.#missingSinceMs.has(name)) this.#missingSinceMs.set(name, clock.monotonicMs());
    for (const pod of pods) {
      const sinceMs = this.#missingSinceMs.get(pod.spec?.nodeName ?? '');
      const isLost = sinceMs !== undefined && clock.monotonicMs() - sinceMs >= missingNodeGraceMs;
      const neverBound = !pod.spec?.nodeName && pod.metadata.deletionTimestamp !== undefined;
      if (isLost || neverBound) await this.#remove(pod);
    }
    const finished = pods.filter((pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed');
    finished.sort((a, b) => parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp));
    for (const pod of finished.slice(0, Math.max(0, finished.length - maxFinishedPods))) await this.#remove(pod);
  }

  async #expireEvents(): Promise<void> {
    const { client, clock } = this.#parts;
    for (const event of (await client.list(resources.events)).items) {
      // The times that the event tells may be long past; it is kept from when it was written.
      const times = [event.metadata.creationTimestamp, event.lastTimestamp, event.eventTime].map((text) =>
        parseTime(String(text)),
      );
      const lastMs = Math.max(...times.filter((timeMs) => !Number.isNaN(timeMs)));
      if (clock.nowMs() - lastMs < eventTtlMs) continue;
      await client.delete(resources.events, event.metadata).catch(ignoreNotFound);
    }
  }

  async #remove(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    await this.#parts.client
      .delete(resources.pods, pod.metadata, { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { uid }) })
      .catch(ignoreNotFound);
  }
}

function ignoreNotFound(error: unknown): void {
  if (!hasReason(error, 'NotFound')) throw error;
}
