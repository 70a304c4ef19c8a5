// Whether a pod may have the resources that its spec asks for by now, or has to
// go on with what it has: nothing is promised twice on a node. Pure.
// https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/#pod-resize-status
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import { type PodRequests, podRequests } from '../../api/meta/pod-requests.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { isAllocated, shownResources } from './container-resources.ts';
import { isFinished, isSidecar, latestAttempt } from './plan.ts';

/** What there is for pods on the node, and what its other pods have of it. */
export type Room = { allocatable: PodRequests; others: PodRequests };
export type Pending = { reason: 'Infeasible' | 'Deferred'; message: string };
/** The pod with the resources that are its own now, and why it does not have those that it asks for. */
export type Resize = { pod: Pod; pending?: Pending };

const amounts = { cpu: 'cpuMillis', memory: 'memoryBytes' } as const;

export function planResize(pod: Pod, containers: readonly RuntimeContainer[], room: Room): Resize {
  if (isFinished(pod, containers)) return { pod };
  const found = (container: Container): RuntimeContainer | undefined => latestAttempt(containers, container.name);
  const isResized = (container: Container): boolean => {
    const last = found(container);
    return last !== undefined && !isAllocated(container, last);
  };
  const { containers: main = [], initContainers = [] } = pod.spec ?? {};
  if (![...main, ...initContainers.filter(isSidecar)].some(isResized)) return { pod };
  const allocated = (container: Container): Container => {
    const last = found(container);
    return last === undefined ? container : { ...container, resources: shownResources(container, last) };
  };
  const before: Pod = {
    ...pod,
    spec: {
      ...pod.spec,
      containers: main.map(allocated),
      ...(initContainers.length === 0
        ? {}
        : { initContainers: initContainers.map((item) => (isSidecar(item) ? allocated(item) : item)) }),
    },
  };
  const pending = pendingOf(podRequests(pod.spec), podRequests(before.spec), room);
  return pending === undefined ? { pod } : { pod: before, pending };
}

/** Why a pod can't have more; what it gives back it may always. */
function pendingOf(wanted: PodRequests, before: PodRequests, { allocatable, others }: Room): Pending | undefined {
  const grown = Object.entries(amounts).filter(([, key]) => wanted[key] > before[key]);
  for (const [name, key] of grown)
    if (wanted[key] > allocatable[key])
      return {
        reason: 'Infeasible',
        message: `Node didn't have enough capacity: ${name}, requested: ${wanted[key]}, capacity: ${allocatable[key]}`,
      };
  for (const [name, key] of grown)
    if (wanted[key] + others[key] > allocatable[key])
      return { reason: 'Deferred', message: `Node didn't have enough resource: ${name}` };
  return undefined;
}
