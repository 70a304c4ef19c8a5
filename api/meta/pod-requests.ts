// What a pod needs of its node, by the requests of its containers.
// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
import { findCondition } from './conditions.ts';
import type { Condition, Pod, PodSpec } from './kubernetes.ts';
import { cpuMillis, quantityBytes } from './quantity.ts';

export type PodRequests = { cpuMillis: number; memoryBytes: number };

/** Sum over the containers; an init container counts where it needs more than all others together. */
export function podRequests(spec: PodSpec | undefined): PodRequests {
  const sum = (name: string, parse: (text: string | undefined) => number): number => {
    const requested = (container: PodSpec['containers'][number]): number =>
      parse(container.resources?.requests?.[name]);
    // Sidecars run on beside the containers, and beside the init containers after them.
    let sidecars = 0;
    let initial = 0;
    for (const container of spec?.initContainers ?? []) {
      if (container.restartPolicy === 'Always') sidecars += requested(container);
      initial = Math.max(initial, container.restartPolicy === 'Always' ? sidecars : sidecars + requested(container));
    }
    const together = (spec?.containers ?? []).reduce((amount, container) => amount + requested(container), sidecars);
    return Math.max(initial, together);
  };
  return { cpuMillis: sum('cpu', cpuMillis), memoryBytes: sum('memory', quantityBytes) };
}

/**
 * What a pod that runs needs of its node: while a resize is on its way both what it asks for and what it still has;
 * of one that can never be, only what it has.
 */
export function boundRequests({ spec, status }: Pod): PodRequests {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const allocated = new Map(statuses.map(({ name, allocatedResources }) => [name, allocatedResources]));
  const held = (container: PodSpec['containers'][number]): PodSpec['containers'][number] => {
    const requests = allocated.get(container.name);
    return requests === undefined
      ? container
      : { ...container, resources: { ...container.resources, requests: { ...requests } } };
  };
  const wanted = podRequests(spec);
  if (spec === undefined) return wanted;
  const { initContainers, containers } = spec;
  const has = podRequests({
    ...spec,
    containers: containers.map(held),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(held) }),
  });
  if (findCondition(status?.conditions as Condition[] | undefined, 'PodResizePending')?.reason === 'Infeasible')
    return has;
  return {
    cpuMillis: Math.max(wanted.cpuMillis, has.cpuMillis),
    memoryBytes: Math.max(wanted.memoryBytes, has.memoryBytes),
  };
}
