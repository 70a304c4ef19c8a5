// The claims of a StatefulSet's pods: what they are called, who owns them, and
// so what becomes of them when the set shrinks or goes. Pure.
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../api/meta/kubernetes.ts';
import { cloneJson, controllerReference, jsonEqual, type OwnerReference } from '../../../api/meta/object.ts';

export type ClaimStep =
  | { type: 'create-claim'; claim: PersistentVolumeClaim }
  | { type: 'own-claim'; claim: PersistentVolumeClaim; ownerReferences: OwnerReference[] };

/** Claims by name. */
export type Claims = ReadonlyMap<string, PersistentVolumeClaim>;

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** The claims that a pod of the set uses, one for each template. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  const labels = set.spec?.selector.matchLabels as Record<string, string> | undefined;
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const metadata = template.metadata as PersistentVolumeClaim['metadata'];
    return {
      metadata: {
        name: `${metadata.name}-${podName(set, ordinal)}`,
        namespace: set.metadata.namespace ?? '',
        labels: { ...metadata.labels, ...labels },
        ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      },
      spec: cloneJson(template.spec),
    } as PersistentVolumeClaim;
  });
}

/** Who owns the claims of a pod: the set, the pod itself when the set has shrunk below it, or nobody. */
function ownersOf(set: StatefulSet, pod: Pod | undefined, isSurplus: boolean): OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  if (whenScaled === 'Delete' && isSurplus && pod !== undefined) return [controllerReference(pod, 'v1', 'Pod')];
  return whenDeleted === 'Delete' ? [controllerReference(set, 'apps/v1', 'StatefulSet')] : [];
}

/** References with the set's part of them as it should be. What another controller owns is its business. */
function ownedAnew(
  set: StatefulSet,
  name: string,
  known: readonly OwnerReference[],
  owners: OwnerReference[],
): OwnerReference[] {
  const others = known.filter(
    ({ uid, kind, name: owner }) => uid !== set.metadata.uid && !(kind === 'Pod' && owner === name),
  );
  return others.some(({ controller }) => controller === true) ? others : [...others, ...owners];
}

type Place = { ordinal: number; pod: Pod | undefined; isSurplus: boolean };

/** Claims to make or to give to another owner, for a pod that is there or is to be made. */
export function planClaims(set: StatefulSet, claims: Claims, { ordinal, pod, isSurplus }: Place): ClaimStep[] {
  const owners = ownersOf(set, pod, isSurplus);
  return claimsOf(set, ordinal).flatMap((claim): ClaimStep[] => {
    const known = claims.get(claim.metadata.name);
    if (known === undefined) {
      if (isSurplus) return [];
      const metadata = { ...claim.metadata, ...(owners.length === 0 ? {} : { ownerReferences: owners }) };
      return [{ type: 'create-claim', claim: { ...claim, metadata } }];
    }
    const before = known.metadata.ownerReferences ?? [];
    const ownerReferences = ownedAnew(set, podName(set, ordinal), before, owners);
    if (known.metadata.deletionTimestamp !== undefined || jsonEqual(before, ownerReferences)) return [];
    return [{ type: 'own-claim', claim: known, ownerReferences }];
  });
}

/** Whether claims of a pod that is to be made are about to go with the pod that had them: a new one waits for new ones. */
export function hasStaleClaims(set: StatefulSet, claims: Claims, ordinal: number): boolean {
  const name = podName(set, ordinal);
  return claimsOf(set, ordinal).some(({ metadata }) => {
    const known = claims.get(metadata.name)?.metadata;
    if (known?.deletionTimestamp !== undefined) return true;
    return known?.ownerReferences?.some((owner) => owner.kind === 'Pod' && owner.name === name) === true;
  });
}
