// Events about objects, for people: what happened and why. Repetitions of one
// event raise its count instead of filling the store.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from './client.ts';
import { resources } from './resources.ts';

/** What an event is about. */
export type EventTarget = {
  apiVersion: string;
  kind: string;
  namespace?: string | undefined;
  name: string;
  uid?: string | undefined;
};
export type EventType = 'Normal' | 'Warning';

export type EventRecorderParts = { client: Client; clock: Clock; log: Log };

export function targetOf(object: KubeObject, apiVersion: string, kind: string): EventTarget {
  const { namespace, name, uid } = object.metadata;
  return { apiVersion, kind, namespace, name, uid };
}

export class EventRecorder {
  #component: string;
  #host: string | undefined;
  #parts: EventRecorderParts;

  constructor(options: { component: string; host?: string }, parts: EventRecorderParts) {
    this.#component = options.component;
    this.#host = options.host;
    this.#parts = parts;
  }

  /** Records in the background: an event that can't be written is logged and lost. */
  record(target: EventTarget, type: EventType, reason: string, message: string): void {
    void this.write(target, type, reason, message).catch((error: unknown) => {
      if (hasReason(error, 'NotFound') || hasReason(error, 'Forbidden')) return; // the namespace is going
      this.#parts.log.warn({ err: error, reason, target }, 'an event was not recorded');
    });
  }

  /** Records and resolves when it is durable. @throws ApiError */
  async write(target: EventTarget, type: EventType, reason: string, message: string): Promise<void> {
    const now = formatTime(this.#parts.clock.nowMs());
    const namespace = target.namespace || 'default';
    const digest = createHash('sha256')
      .update(JSON.stringify([target, type, reason, message, this.#component]))
      .digest('hex');
    const name = `${target.name.slice(0, 200)}.${digest.slice(0, 16)}`;
    const event: KubeObject = {
      metadata: { name, namespace },
      involvedObject: { ...target, namespace: target.namespace ?? '' },
      type,
      reason,
      message: message.slice(0, 1024),
      source: { component: this.#component, ...(this.#host === undefined ? {} : { host: this.#host }) },
      reportingComponent: this.#component,
      reportingInstance: this.#host ?? '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    try {
      await this.#parts.client.create(resources.events, event);
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error;
      const known = await this.#parts.client.get(resources.events, { name, namespace });
      const count = Number(known.count ?? 1) + 1;
      await this.#parts.client.patch(resources.events, { name, namespace }, 'merge', { count, lastTimestamp: now });
    }
  }
}
