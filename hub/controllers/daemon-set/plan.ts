// DaemonSet: one pod on every node that fits. Pure: from the set, nodes and pods to steps.
// https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
import type { DaemonSet, Node, Pod, PodSpec, Toleration } from '../../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../../api/meta/object.ts';
import { compareForDeletion, isActive, isAvailable, isReady } from '../pods.ts';
import { resolveCount, revisionHashLabel } from '../template-hash.ts';

export type Step =
  | { type: 'create'; nodeName: string }
  | { type: 'delete'; pod: Pod }
  | { type: 'status'; status: NonNullable<DaemonSet['status']> };

/** Whether a pod with this spec may start on, and may stay on, a node. Given in, as the scheduler's rules are not a controller's. */
export type NodeFit = (spec: PodSpec, node: Node) => { mayStart: boolean; mayStay: boolean };

/** What every daemon tolerates: it belongs to the node and goes through its troubles with it. */
export const daemonTolerations: Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
  // Without these a daemon would never start on a node that is just out of reach.
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoSchedule' },
];

/** The spec of the set's pods, tolerations included. */
export function daemonPodSpec(set: DaemonSet): PodSpec {
  const spec = (set.spec?.template.spec ?? { containers: [] }) as PodSpec;
  return { ...spec, tolerations: [...(spec.tolerations ?? []), ...daemonTolerations] };
}

/** The node that a pod is bound to, or asks for. */
export function nodeOfPod(pod: Pod): string | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return pod.spec?.nodeName || terms?.[0]?.matchFields?.find((field) => field.key === 'metadata.name')?.values?.[0];
}

/** Steps for a set, given its own pods. `hash` names the present template. */
export function planDaemonSet(
  set: DaemonSet,
  hash: string,
  nodes: readonly Node[],
  pods: readonly Pod[],
  fit: NodeFit,
  nowMs: number,
): Step[] {
  const steps: Step[] = [];
  const spec = daemonPodSpec(set);
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = nodeOfPod(pod) ?? '';
    byNode.set(node, [...(byNode.get(node) ?? []), pod]);
  }
  const kept: Pod[] = [];
  let desired = 0;
  let current = 0;
  let misscheduled = 0;
  for (const node of nodes) {
    const here = byNode.get(node.metadata.name) ?? [];
    byNode.delete(node.metadata.name);
    const { mayStart, mayStay } = fit(spec, node);
    if (mayStart) desired += 1;
    for (const pod of here.filter(
      (pod) => pod.status?.phase === 'Failed' && pod.metadata.deletionTimestamp === undefined,
    ))
      steps.push({ type: 'delete', pod });
    const active = here.filter(isActive).sort((a, b) => compareForDeletion(b, a));
    if (!mayStay) {
      misscheduled += active.length;
      for (const pod of active) steps.push({ type: 'delete', pod });
      continue;
    }
    const [first, ...surplus] = active;
    for (const pod of surplus) steps.push({ type: 'delete', pod });
    if (first !== undefined) {
      kept.push(first);
      current += 1;
    } else if (mayStart && here.every((pod) => !isActive(pod)) && here.length === 0)
      steps.push({ type: 'create', nodeName: node.metadata.name });
  }
  // What is left belongs to nodes that do not exist any more.
  for (const orphans of byNode.values())
    for (const pod of orphans.filter(isActive)) steps.push({ type: 'delete', pod });
  if (set.metadata.deletionTimestamp !== undefined) return [];
  steps.push(...planUpdate(set, hash, kept, desired, nowMs));
  const status = statusOf(set, hash, { desired, current, misscheduled, kept }, nowMs);
  if (!jsonEqual(status, set.status)) steps.push({ type: 'status', status });
  return steps;
}

/** Pods of an old template go a few at a time, those that do not serve first. */
function planUpdate(set: DaemonSet, hash: string, kept: readonly Pod[], desired: number, nowMs: number): Step[] {
  if (set.spec?.updateStrategy?.type !== 'RollingUpdate') return [];
  const old = kept.filter((pod) => pod.metadata.labels?.[revisionHashLabel] !== hash);
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const unavailableOld = old.filter((pod) => !isAvailable(pod, minReadySeconds, nowMs));
  const availableOld = old.filter((pod) => isAvailable(pod, minReadySeconds, nowMs));
  const maxUnavailable = Math.max(
    1,
    resolveCount(set.spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1, desired, 'up'),
  );
  const unavailable = desired - kept.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length;
  const room = Math.max(0, maxUnavailable - unavailable);
  return [...unavailableOld, ...availableOld.slice(0, room)].map((pod) => ({ type: 'delete', pod }));
}

type Counts = { desired: number; current: number; misscheduled: number; kept: readonly Pod[] };

function statusOf(
  set: DaemonSet,
  hash: string,
  { desired, current, misscheduled, kept }: Counts,
  nowMs: number,
): NonNullable<DaemonSet['status']> {
  const available = kept.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)).length;
  const unavailable = Math.max(0, desired - available);
  return {
    currentNumberScheduled: current,
    desiredNumberScheduled: desired,
    numberAvailable: available,
    numberMisscheduled: misscheduled,
    numberReady: kept.filter(isReady).length,
    numberUnavailable: unavailable,
    observedGeneration: set.metadata.generation ?? 0,
    updatedNumberScheduled: kept.filter((pod) => pod.metadata.labels?.[revisionHashLabel] === hash).length,
  };
}
