// The status of a pod as an agent reports it.
import type { Pod } from '../meta/kubernetes.ts';

export type PodStatus = NonNullable<Pod['status']>;
