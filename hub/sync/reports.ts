// Applies what agents report, through the API and under the node's own
// identity, so that a stolen certificate is worth one node and no more.
import { findCondition, isConditionTrue } from '../../api/meta/conditions.ts';
import {
  deviceConditionTypes,
  duplicateIdentityCondition,
  nodeMaySetLabel,
  ownerAnnotations,
  reportedLabelsAnnotation,
} from '../../api/meta/device.ts';
import type { Condition, Node, Pod } from '../../api/meta/kubernetes.ts';
import { isJsonObject, type JsonObject, jsonEqual, type KubeObject } from '../../api/meta/object.ts';
import { nodeUser } from '../../api/meta/operation.ts';
import { hasReason } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { ReportItem } from '../../api/wire/frames.ts';
import type { NodePeer } from '../../api/wire/link.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import { resources } from '../client/resources.ts';

export type ReportParts = { client: Client; clock: Clock; log: Log };
type Appliers = { [K in ReportItem['kind']]: (item: Extract<ReportItem, { kind: K }>) => Promise<void> };

/** Conditions that the hub sets: an agent has no say in them. */
const hubConditions = ['PodScheduled', duplicateIdentityCondition];
/**
 * Conditions that an agent's report takes away when it leaves them out. Those of others stay: a controller's behind a
 * readiness gate, or a node-problem-detector's.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
 */
const agentConditions: readonly string[] = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodResizePending',
  'PodResizeInProgress',
  ...deviceConditionTypes,
];
/** How often a status is written anew when something else changed the object at the same time. */
const maxAttempts = 8;

export class NodeReports {
  #nodeName: string;
  /** Whose the Node is, also when it was deleted and is made again. */
  #owner: Record<string, string>;
  #client: Client;
  #hub: Client;
  #clock: Clock;
  #events: EventRecorder;

  constructor(options: Omit<NodePeer, 'kind'>, parts: ReportParts) {
    this.#nodeName = options.nodeName;
    this.#owner = ownerAnnotations(options);
    this.#hub = parts.client;
    this.#clock = parts.clock;
    this.#client = parts.client.as(nodeUser(options.nodeName));
    this.#events = new EventRecorder(
      { component: 'kubelet', host: options.nodeName },
      { ...parts, client: this.#client },
    );
  }

  /** Applies one item; resolves when it is durable. @throws ApiError when it has to be sent again */
  async apply(item: ReportItem): Promise<void> {
    await (this.#appliers[item.kind] as (item: ReportItem) => Promise<void>)(item);
  }

  #appliers: Appliers = {
    node: async ({ labels, status }) => {
      const name = this.#nodeName;
      const own = Object.fromEntries(Object.entries(labels).filter(([key]) => nodeMaySetLabel(key)));
      try {
        const known = { ...status, conditions: this.#nodeConditions(undefined, status) };
        const annotations = { ...this.#owner, [reportedLabelsAnnotation]: JSON.stringify(own) };
        await this.#client.create(resources.nodes, { metadata: { name, labels: own, annotations }, status: known });
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists')) throw error;
        await this.#changeLabels(own);
        await this.#changeStatus(resources.nodes, { name }, (node) => ({
          ...status,
          conditions: this.#nodeConditions((node as Node).status?.conditions, status),
        }));
      }
    },
    pod: async ({ namespace, name, uid, status }) => {
      await this.#changeStatus(resources.pods, { namespace, name }, (object) => {
        const pod = object as Pod;
        if (pod.metadata.uid !== uid) return undefined;
        // The start of a pod is when the hub first heard of it: no reboot and no clock moves it.
        const { qosClass, startTime } = pod.status ?? {};
        return {
          ...status,
          ...(qosClass === undefined ? {} : { qosClass }),
          ...(startTime === undefined ? {} : { startTime }),
          conditions: mergeConditions(pod.status?.conditions, status.conditions),
        };
      });
    },
    gone: async ({ namespace, name, uid }) => {
      try {
        await this.#client.delete(resources.pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
      } catch (error) {
        if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict') && !hasReason(error, 'Forbidden'))
          throw error;
      }
    },
    event: async ({ namespace, name, uid, objectKind, type, reason, message }) => {
      try {
        await this.#events.write({ apiVersion: 'v1', kind: objectKind, namespace, name, uid }, type, reason, message);
      } catch (error) {
        if (!hasReason(error, 'NotFound') && !hasReason(error, 'Forbidden') && !hasReason(error, 'Invalid'))
          throw error;
      }
    },
  };

  /**
   * Sets the labels that the agent says anew and takes away those that it no longer says. What people have changed
   * stays until the agent's own word changes. By the hub itself: a node may not change more of its Node than its status.
   */
  async #changeLabels(own: Record<string, string>): Promise<void> {
    const name = this.#nodeName;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { metadata } = await this.#hub.get(resources.nodes, { name });
        const change = labelChange(metadata, own);
        if (change === undefined) return;
        const { resourceVersion } = metadata;
        await this.#hub.patch(resources.nodes, { name }, 'merge', { metadata: { resourceVersion, ...change } });
        return;
      } catch (error) {
        if (hasReason(error, 'NotFound')) return;
        if (!hasReason(error, 'Conflict') || attempt >= maxAttempts) throw error;
      }
    }
  }

  /** A device that says of itself that its clock is wrong does not know since when what has changed is so. */
  #nodeConditions(known: unknown, { conditions }: JsonObject): Condition[] {
    const isClockWrong = isConditionTrue(conditions as Condition[] | undefined, 'ClockNotSynchronized');
    return mergeConditions(known, conditions, isClockWrong ? formatTime(this.#clock.nowMs()) : undefined);
  }

  async #changeStatus(
    resource: (typeof resources)['pods'] | (typeof resources)['nodes'],
    target: { name: string; namespace?: string },
    change: (object: KubeObject) => JsonObject | undefined,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const object = await this.#client.get(resource, target);
        const status = change(object);
        if (status === undefined || jsonEqual(status, object.status)) return;
        await this.#client.update(resource, { ...object, status }, 'status');
        return;
      } catch (error) {
        // What is reported of an object that is gone says nothing to anybody.
        if (hasReason(error, 'NotFound') || hasReason(error, 'Forbidden')) return;
        if (!hasReason(error, 'Conflict') || attempt >= maxAttempts) throw error;
      }
    }
  }
}

/**
 * The agent's conditions, beside those that it knows nothing of.
 * @param now the time (RFC 3339) of what has changed; without it the agent's own
 */
function mergeConditions(known: unknown, reported: unknown, now?: string): Condition[] {
  const before = (known ?? []) as Condition[];
  const next = ((reported ?? []) as Condition[]).filter((condition) => !hubConditions.includes(condition.type));
  const kept = before.filter(({ type }) => !agentConditions.includes(type) && findCondition(next, type) === undefined);
  const withTimes = next.map((condition) => {
    const old = findCondition(before, condition.type);
    // A device's clock may be wrong: the time of the last change stays where the status does.
    const changed = now === undefined ? condition : { ...condition, lastTransitionTime: now };
    return old?.status === condition.status && old.lastTransitionTime !== undefined
      ? { ...condition, lastTransitionTime: old.lastTransitionTime }
      : changed;
  });
  return [...kept, ...withTimes];
}

/** Merge patch of labels and annotations, or undefined when the agent says what it said before. */
export function labelChange(
  { annotations = {} }: KubeObject['metadata'],
  own: Record<string, string>,
): { labels: Record<string, string | null>; annotations: Record<string, string> } | undefined {
  const before = readLabels(annotations[reportedLabelsAnnotation]);
  const changed = Object.entries(own).filter(([key, value]) => before[key] !== value);
  const dropped = Object.keys(before).filter((key) => !Object.hasOwn(own, key) && nodeMaySetLabel(key));
  if (changed.length + dropped.length === 0) return undefined;
  return {
    labels: { ...Object.fromEntries(changed), ...Object.fromEntries(dropped.map((key) => [key, null])) },
    annotations: { [reportedLabelsAnnotation]: JSON.stringify(own) },
  };
}

function readLabels(text = '{}'): Record<string, unknown> {
  try {
    const labels: unknown = JSON.parse(text);
    return isJsonObject(labels) ? labels : {};
  } catch {
    return {};
  }
}
