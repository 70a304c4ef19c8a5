// Garbage collection by owner references: what becomes of one object, given
// which of its owners exist and what depends on it. Pure.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/
import type { KubeObject, OwnerReference } from '../../../api/meta/object.ts';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

export type Observed = {
  /** Whether the owner of a reference exists, with this uid. */
  ownerExists: (reference: OwnerReference) => boolean;
  /** Whether that owner waits for its dependents (foreground deletion). */
  ownerWaits: (reference: OwnerReference) => boolean;
  dependents: readonly KubeObject[];
};

export type Step =
  | { type: 'delete'; policy: 'Background' | 'Foreground' }
  | { type: 'drop-references'; uids: string[] }
  | { type: 'orphan-dependents'; dependents: KubeObject[] }
  | { type: 'drop-finalizer'; finalizer: string }
  | { type: 'delete-dependents'; dependents: KubeObject[] };

export function planGarbage(object: KubeObject, observed: Observed): Step[] {
  const { deletionTimestamp, finalizers = [], ownerReferences = [] } = object.metadata;
  if (deletionTimestamp !== undefined) return planTerminating(finalizers, observed.dependents);
  if (ownerReferences.length === 0) return [];
  const existing = ownerReferences.filter(
    (reference) => observed.ownerExists(reference) && !observed.ownerWaits(reference),
  );
  if (existing.length === 0) {
    const waiting = ownerReferences.some((reference) => observed.ownerExists(reference));
    return [{ type: 'delete', policy: waiting && observed.dependents.length > 0 ? 'Foreground' : 'Background' }];
  }
  const goneUids = ownerReferences
    .filter((reference) => !existing.includes(reference))
    .map((reference) => reference.uid);
  return goneUids.length > 0 ? [{ type: 'drop-references', uids: goneUids }] : [];
}

function planTerminating(finalizers: readonly string[], dependents: readonly KubeObject[]): Step[] {
  if (finalizers.includes(orphanFinalizer)) {
    return [
      { type: 'orphan-dependents', dependents: [...dependents] },
      { type: 'drop-finalizer', finalizer: orphanFinalizer },
    ];
  }
  if (!finalizers.includes(foregroundFinalizer)) return [];
  if (dependents.length === 0) return [{ type: 'drop-finalizer', finalizer: foregroundFinalizer }];
  const running = dependents.filter((dependent) => dependent.metadata.deletionTimestamp === undefined);
  return running.length > 0 ? [{ type: 'delete-dependents', dependents: running }] : [];
}
