// NAME/resize of pods: the CPU and memory of containers that run, which the
// pod's node brings about without making the pod anew. All else stays.
// https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
import type { Kind } from '../../api/kinds/kind.ts';
import { keepResized, resizeErrors } from '../../api/kinds/pod-resize.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { invalid } from '../../api/meta/status.ts';
import { enforceLimitRanges, limitsFor } from './limit-ranges.ts';
import type { ApiParts } from './parts.ts';

export function isResize(kind: Kind, { subresource }: Operation): boolean {
  return kind.kind === 'Pod' && kind.group === '' && subresource === 'resize';
}

/** Makes what was asked for a resize and no more, in place. @throws ApiError Invalid */
export function settleResize(kind: Kind, next: KubeObject, old: KubeObject): void {
  // A limit that is new is the request too, as in a new pod.
  kind.applyDefaults?.(next);
  keepResized(next as Pod, old as Pod);
  const errors = resizeErrors(next as Pod, old as Pod);
  if (errors.length > 0) throw invalid(kind.kind, kind.group, old.metadata.name, errors);
}

/** @throws ApiError Forbidden when LimitRanges don't allow it */
export async function admitResize(parts: ApiParts, kind: Kind, next: KubeObject): Promise<void> {
  enforceLimitRanges(await limitsFor(parts, kind, next), kind, next);
}
