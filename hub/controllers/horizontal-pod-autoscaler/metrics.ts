// How many pods one metric asks for: what the pods use against what they
// should. Pods that tell nothing, or are just starting, count so that they make
// the change smaller. Pure.
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
import { findCondition } from '../../../api/meta/conditions.ts';
import type { Pod } from '../../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../../api/meta/object.ts';
import { cpuMillis, formatMillis } from '../../../api/meta/quantity.ts';
import { parseTime } from '../../../api/meta/time.ts';

/** What a pod uses: thousandths of each resource, by container. */
export type Usage = {
  atMs: number;
  windowMs: number;
  containers: ReadonlyMap<string, Readonly<Record<string, number>>>;
};
/** What is measured, of whole pods or one container of each, and what it should be: percent of the requests, or thousandths. */
export type Target = { resource: string; container?: string | undefined } & (
  | { percent: number }
  | { averageMillis: number }
);
/** How far from 1 the ratio of usage and target may be before anything changes. */
export type Tolerance = { up: number; down: number };
type Situation = { currentReplicas: number; tolerance: Tolerance; nowMs: number };

export type Measured = { replicas: number; current: { averageUtilization?: number; averageValue: string } };
export type Measurement = Measured | { problem: string };

/** How long a pod's CPU usage may be that of its start, ms. */
const cpuInitializationMs = 300_000;
/** Not ready so soon after its start, a pod has never been ready, ms. */
const initialReadinessMs = 30_000;

/** Thousandths of a quantity of any resource, rounded up. */
export const millisOf = cpuMillis;

type PodMetrics = KubeObject & {
  timestamp?: string;
  window?: string;
  containers?: { name: string; usage: Record<string, string> }[];
};

/** What the metrics API says of pods, by their name. */
export function usagesOf(items: readonly KubeObject[]): Map<string, Usage> {
  return new Map(
    (items as PodMetrics[]).map(({ metadata, timestamp, window, containers = [] }) => {
      const usages = containers.map(({ name, usage }) => {
        const millis = Object.entries(usage).map(([resource, quantity]) => [resource, millisOf(quantity)] as const);
        return [name, Object.fromEntries(millis)] as const;
      });
      const windowMs = Number.parseFloat(window ?? '0') * 1000;
      return [metadata.name, { atMs: parseTime(timestamp), windowMs, containers: new Map(usages) }];
    }),
  );
}

/** Thousandths that a pod uses of what is measured; undefined when one of its containers tells nothing. */
function usedBy({ containers }: Usage, { resource, container }: Target): number | undefined {
  const asked = container === undefined ? [...containers.values()] : [containers.get(container)];
  const amounts = asked.map((usage) => usage?.[resource]);
  if (amounts.length === 0) return undefined;
  return amounts.reduce((sum, amount) => (sum === undefined || amount === undefined ? undefined : sum + amount), 0);
}

type Groups = { used: Map<string, number>; ready: number; unready: string[]; missing: string[] };

/** Pods by how much their usage says. Those that go or have failed count for nothing. */
function groupPods(pods: readonly Pod[], usages: ReadonlyMap<string, Usage>, target: Target, nowMs: number): Groups {
  const groups: Groups = { used: new Map(), ready: 0, unready: [], missing: [] };
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined || pod.status?.phase === 'Failed') continue;
    const usage = usages.get(name);
    const amount = usage === undefined ? undefined : usedBy(usage, target);
    if (pod.status?.phase === 'Pending') groups.unready.push(name);
    else if (usage === undefined || amount === undefined) groups.missing.push(name);
    else if (target.resource === 'cpu' && isStarting(pod, usage, nowMs)) groups.unready.push(name);
    else {
      groups.used.set(name, amount);
      groups.ready += 1;
    }
  }
  return groups;
}

/** Whether a pod's CPU usage says nothing of its work yet. */
function isStarting({ status }: Pod, usage: Usage, nowMs: number): boolean {
  const ready = findCondition(status?.conditions, 'Ready');
  const startMs = parseTime(status?.startTime);
  if (ready === undefined || Number.isNaN(startMs)) return true;
  const changedMs = parseTime(ready.lastTransitionTime);
  if (startMs + cpuInitializationMs > nowMs) return ready.status === 'False' || usage.atMs < changedMs + usage.windowMs;
  return ready.status === 'False' && startMs + initialReadinessMs > changedMs;
}

/** Thousandths that each pod requests of what is measured. */
function requestsOf(pods: readonly Pod[], { resource, container }: Target): Map<string, number> | { problem: string } {
  const requests = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
    const measured = [...(spec?.containers ?? []), ...sidecars].filter(
      ({ name }) => container === undefined || name === container,
    );
    const ofPod = container === undefined ? spec?.resources?.requests?.[resource] : undefined;
    let sum = millisOf(ofPod);
    for (const { name, resources } of ofPod === undefined ? measured : []) {
      const request = resources?.requests?.[resource];
      if (request === undefined)
        return { problem: `missing request for ${resource} in container ${name} of Pod ${metadata.name}` };
      sum += millisOf(request);
    }
    requests.set(metadata.name, sum);
  }
  return requests;
}

const sumOf = (amounts: Iterable<number>): number => [...amounts].reduce((sum, amount) => sum + amount, 0);

/** The replicas that bring what the pods use to what they should. */
export function measure(
  pods: readonly Pod[],
  usages: ReadonlyMap<string, Usage>,
  target: Target,
  situation: Situation,
): Measurement {
  const what = 'percent' in target ? 'utilization' : 'usage';
  const failed = (why: string): Measurement => ({ problem: `failed to get ${target.resource} ${what}: ${why}` });
  if (usages.size === 0)
    return failed(
      `unable to get metrics for resource ${target.resource}: no metrics returned from resource metrics API`,
    );
  if (pods.length === 0) return failed('no pods returned by selector while calculating replica count');
  const groups = groupPods(pods, usages, target, situation.nowMs);
  if (groups.used.size === 0) return failed('did not receive metrics for targeted pods (pods might be unready)');
  const total = sumOf(groups.used.values());
  const averageValue = formatMillis(Math.floor(total / groups.used.size));
  if (!('percent' in target)) {
    const { averageMillis } = target;
    const ratio = (used: ReadonlyMap<string, number>): number => sumOf(used.values()) / used.size / averageMillis;
    const full = (): number => averageMillis;
    return { replicas: proposal(groups, ratio, full, situation), current: { averageValue } };
  }
  const requests = requestsOf(pods, target);
  if (!(requests instanceof Map)) return failed(requests.problem);
  const requested = (used: ReadonlyMap<string, number>): number =>
    sumOf([...used.keys()].map((name) => requests.get(name) ?? 0));
  if (requested(groups.used) === 0) return failed('no metrics returned matched known pods');
  const percentOf = (used: ReadonlyMap<string, number>): number =>
    Math.floor((sumOf(used.values()) * 100) / requested(used));
  const ratio = (used: ReadonlyMap<string, number>): number => percentOf(used) / target.percent;
  const full = (name: string): number => ((requests.get(name) ?? 0) * Math.max(100, target.percent)) / 100;
  const replicas = proposal(groups, ratio, full, situation);
  return { replicas, current: { averageUtilization: percentOf(groups.used), averageValue } };
}

/**
 * The number of replicas for a ratio of what is used to what should be. Where some pods tell nothing, it is taken for
 * the least change: they use all they may when fewer pods are asked for, and nothing when more are.
 */
function proposal(
  { used, ready, unready, missing }: Groups,
  ratioOf: (used: ReadonlyMap<string, number>) => number,
  fullUsage: (name: string) => number,
  { currentReplicas, tolerance }: Situation,
): number {
  const ratio = ratioOf(used);
  const isClose = (value: number): boolean => value >= 1 - tolerance.down && value <= 1 + tolerance.up;
  const countsUnready = unready.length > 0 && ratio > 1;
  if (!countsUnready && missing.length === 0) return isClose(ratio) ? currentReplicas : Math.ceil(ratio * ready);
  const assumed = new Map(used);
  if (ratio < 1) for (const name of missing) assumed.set(name, fullUsage(name));
  else if (ratio > 1) for (const name of missing) assumed.set(name, 0);
  if (countsUnready) for (const name of unready) assumed.set(name, 0);
  const cautious = ratioOf(assumed);
  const hasTurned = (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1);
  if (isClose(cautious) || hasTurned) return currentReplicas;
  const replicas = Math.ceil(cautious * assumed.size);
  const isContrary = (cautious < 1 && replicas > currentReplicas) || (cautious > 1 && replicas < currentReplicas);
  return isContrary ? currentReplicas : replicas;
}
