// What a pod needs of its node, by the requests of its containers.
// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
import type { PodSpec } from './kubernetes.ts';
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
