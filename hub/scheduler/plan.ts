// Which node a pod goes to: filters say where it can run, the score prefers
// the emptiest. A pure function of the pod, the nodes and what runs on them.
// https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
import type { Node, Pod, PodSpec, Taint, Toleration } from '../../api/meta/kubernetes.ts';
import { matchesRequirements, type Requirement } from '../../api/meta/labels.ts';
import { controllerOf } from '../../api/meta/object.ts';
import { boundRequests, type PodRequests, podRequests } from '../../api/meta/pod-requests.ts';
import { cpuMillis, quantityBytes } from '../../api/meta/quantity.ts';

/** What a pod needs of a node. */
export type Demand = PodRequests & { hostPorts: string[] };
/** A node and what the pods bound to it use. */
export type NodeLoad = {
  node: Node;
  used: Demand;
  podCount: number;
  /** Pods on the node by the uid of their controller, so that replicas spread. */
  replicas?: Map<string, number>;
};
export type Placement = { nodeName: string } | { message: string };

export function podDemand(spec: PodSpec | undefined): Demand {
  const containers = spec?.containers ?? [];
  const hostPorts = containers.flatMap((container) =>
    (container.ports ?? []).flatMap((port) =>
      port.hostPort ? [`${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}/${port.hostPort}`] : [],
    ),
  );
  return { ...podRequests(spec), hostPorts };
}

/** Adds a bound pod to its node's load, in place. */
export function addPod(load: NodeLoad, pod: Pod): void {
  const demand = { ...podDemand(pod.spec), ...boundRequests(pod) };
  load.used.cpuMillis += demand.cpuMillis;
  load.used.memoryBytes += demand.memoryBytes;
  load.used.hostPorts.push(...demand.hostPorts);
  load.podCount += 1;
  const owner = controllerOf(pod)?.uid;
  load.replicas ??= new Map();
  if (owner !== undefined) load.replicas.set(owner, (load.replicas.get(owner) ?? 0) + 1);
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return toleration.key !== undefined && (toleration.value ?? '') === (taint.value ?? '');
}

/** The first taint with one of the effects that the pod does not tolerate. */
export function untoleratedTaint(spec: PodSpec | undefined, node: Node, effects: string[]): Taint | undefined {
  const tolerations = spec?.tolerations ?? [];
  return (node.spec?.taints ?? []).find(
    (taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

type Term = {
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
  matchFields?: { key: string; operator: string; values?: string[] }[];
};

/** nodeSelector and required node affinity. */
export function matchesNode(spec: PodSpec | undefined, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (Object.entries(spec?.nodeSelector ?? {}).some(([key, value]) => labels[key] !== value)) return false;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms as
    | Term[]
    | undefined;
  if (terms === undefined) return true;
  const requirements = (list: Term['matchExpressions']): Requirement[] =>
    (list ?? []).map(({ key, operator, values }) => ({
      key,
      operator: operator as Requirement['operator'],
      values: values ?? [],
    }));
  return terms.some(
    (term) =>
      (term.matchExpressions ?? []).length + (term.matchFields ?? []).length > 0 &&
      matchesRequirements(requirements(term.matchExpressions), labels) &&
      matchesRequirements(requirements(term.matchFields), { 'metadata.name': node.metadata.name }),
  );
}

/** Why a pod can't run on a node; undefined when it can. */
export function unfitReason(spec: PodSpec | undefined, demand: Demand, load: NodeLoad): string | undefined {
  const { node, used, podCount } = load;
  if (node.spec?.unschedulable && !tolerateUnschedulable(spec)) return 'node(s) were unschedulable';
  if (!matchesNode(spec, node)) return "node(s) didn't match Pod's node affinity/selector";
  const taint = untoleratedTaint(spec, node, ['NoSchedule', 'NoExecute']);
  if (taint !== undefined) return `node(s) had untolerated taint(s) {${taint.key}: ${taint.value ?? ''}}`;
  if (demand.hostPorts.some((port) => used.hostPorts.includes(port)))
    return "node(s) didn't have free ports for the requested pod ports";
  const allocatable = node.status?.allocatable ?? {};
  if (podCount + 1 > Number(allocatable.pods ?? 110)) return 'Too many pods';
  if (demand.cpuMillis > 0 && used.cpuMillis + demand.cpuMillis > cpuMillis(allocatable.cpu)) return 'Insufficient cpu';
  if (demand.memoryBytes > 0 && used.memoryBytes + demand.memoryBytes > quantityBytes(allocatable.memory))
    return 'Insufficient memory';
  return undefined;
}

function tolerateUnschedulable(spec: PodSpec | undefined): boolean {
  const taint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  return (spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}

/** What another pod of the same controller on the node weighs, as against a free node: replicas spread first. */
const siblingPenalty = 0.5;

/** Share of the node that would be free, 0 to 1: LeastAllocated over cpu and memory; then few siblings, few pods. */
function score(pod: Pod, demand: Demand, { node, used, podCount, replicas }: NodeLoad): number {
  const allocatable = node.status?.allocatable ?? {};
  const free = (needed: number, capacity: number): number =>
    capacity <= 0 ? 0 : Math.max(0, (capacity - needed) / capacity);
  const resources =
    (free(used.cpuMillis + demand.cpuMillis, cpuMillis(allocatable.cpu)) +
      free(used.memoryBytes + demand.memoryBytes, quantityBytes(allocatable.memory))) /
    2;
  const siblings = replicas?.get(controllerOf(pod)?.uid ?? '') ?? 0;
  return (
    resources -
    siblings * siblingPenalty -
    podCount * 0.01 -
    (untoleratedTaint(undefined, node, ['PreferNoSchedule']) === undefined ? 0 : 1)
  );
}

/** The best node, or the message that a FailedScheduling event carries. */
export function place(pod: Pod, loads: readonly NodeLoad[]): Placement {
  const demand = podDemand(pod.spec);
  const reasons = new Map<string, number>();
  let best: { nodeName: string; score: number } | undefined;
  for (const load of loads) {
    const reason = unfitReason(pod.spec, demand, load);
    if (reason !== undefined) {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      continue;
    }
    const nodeName = load.node.metadata.name;
    const value = score(pod, demand, load);
    if (best === undefined || value > best.score || (value === best.score && nodeName < best.nodeName))
      best = { nodeName, score: value };
  }
  if (best !== undefined) return { nodeName: best.nodeName };
  const list = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return { message: `0/${loads.length} nodes are available${list.length > 0 ? `: ${list.join(', ')}` : ''}.` };
}

/** The order of the queue: higher priority first, then who waits longer. */
function bySchedulingOrder(a: Pod, b: Pod): number {
  const [since, other] = [a, b].map(({ metadata }) => metadata.creationTimestamp ?? '') as [string, string];
  return (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0) || (since < other ? -1 : since > other ? 1 : 0);
}

/**
 * Places pods one after the other, the more important first; each finds taken what those before it got.
 * Changes the loads.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#effect-of-pod-priority-on-scheduling-order
 */
export function placeAll(pods: readonly Pod[], loads: readonly NodeLoad[]): { pod: Pod; placement: Placement }[] {
  const byName = new Map(loads.map((load) => [load.node.metadata.name, load]));
  return [...pods].sort(bySchedulingOrder).map((pod) => {
    const placement = place(pod, loads);
    const load = 'nodeName' in placement ? byName.get(placement.nodeName) : undefined;
    if (load !== undefined) addPod(load, pod);
    return { pod, placement };
  });
}
