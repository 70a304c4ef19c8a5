// The quality of service that a pod gets, by what its containers ask for.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
import type { Pod } from '../meta/kubernetes.ts';
import { parseQuantity } from '../meta/quantity.ts';

export function qosClassOf(pod: Pod): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const amounts = containers.flatMap(({ resources }) => [resources?.requests ?? {}, resources?.limits ?? {}]);
  if (amounts.every((amount) => amount.cpu === undefined && amount.memory === undefined)) return 'BestEffort';
  const guaranteed = containers.every(({ resources }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = parseQuantity(resources?.limits?.[name]);
      return limit !== undefined && limit === parseQuantity(resources?.requests?.[name]);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
