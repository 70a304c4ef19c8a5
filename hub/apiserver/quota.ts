// Admission by ResourceQuotas: what is made counts against them, and is refused
// when it would be too much. One request of a namespace at a time, so that two
// can't both take the last place.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/

import type { Kind } from '../../api/kinds/kind.ts';
import { resourceQuotaKind } from '../../api/kinds/quota.ts';
import { type Amounts, chargedTo, formatAmount, mustBeNamed } from '../../api/kinds/quota-usage.ts';
import type { Pod, ResourceQuota } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { parseQuantity } from '../../api/meta/quantity.ts';
import { forbidden } from '../../api/meta/status.ts';
import { type ApiParts, resourceNameOf } from './parts.ts';
import { decodeStored, listPrefix } from './stored-object.ts';
import { inTurn } from './turns.ts';

/**
 * Writes an object in its namespace's turn when quotas count it, else at once; of one that takes the place of `old`,
 * what it needs beyond it counts. @throws ApiError Forbidden
 */
export async function withinQuotas<T>(
  parts: ApiParts,
  kind: Kind,
  object: KubeObject,
  write: () => Promise<T>,
  old?: KubeObject,
): Promise<T> {
  const { namespace = '' } = object.metadata;
  if (!kind.namespaced || kind.kind === 'Event') return write();
  const quotas = await quotasOf(parts, namespace);
  if (quotas.every((quota) => Object.keys(chargedTo(quota, kind, object)).length === 0)) return write();
  return inTurn(parts, `quotas of ${namespace}`, async () => {
    for (const quota of await quotasOf(parts, namespace)) await requireRoom(parts, quota, kind, object, old);
    return write();
  });
}

async function quotasOf(parts: ApiParts, namespace: string): Promise<ResourceQuota[]> {
  const { entries } = await parts.store.list({ prefix: listPrefix(resourceQuotaKind, namespace) });
  return entries.map((entry) => decodeStored(resourceQuotaKind, entry) as ResourceQuota);
}

async function requireRoom(
  parts: ApiParts,
  quota: ResourceQuota,
  kind: Kind,
  object: KubeObject,
  old: KubeObject | undefined,
): Promise<void> {
  const before = old === undefined ? {} : chargedTo(quota, kind, old);
  const charged = Object.entries(chargedTo(quota, kind, object));
  const asked = Object.fromEntries(charged.map(([name, amount]) => [name, exact(amount - (before[name] ?? 0))]));
  if (Object.keys(asked).length === 0) return;
  const { name } = quota.metadata;
  const unnamed = kind.kind === 'Pod' ? mustBeNamed(quota, object as Pod) : [];
  if (unnamed.length > 0) {
    const containers = ((object as Pod).spec?.containers ?? []).map((container) => container.name).join(',');
    const list = unnamed.map((resource) => `${resource} for: ${containers}`).join('; ');
    throw forbidden(resourceNameOf(kind), object.metadata.name, `failed quota: ${name}: must specify ${list}`);
  }
  const used = await usedOf(parts, quota, kind);
  const hard = quota.spec?.hard ?? {};
  const over = Object.entries(asked).filter(
    ([resource, amount]) => amount > 0 && exact((used[resource] ?? 0) + amount) > (parseQuantity(hard[resource]) ?? 0),
  );
  if (over.length === 0) return;
  const text = (amounts: (resource: string) => string): string =>
    over
      .map(([resource]) => `${resource}=${amounts(resource)}`)
      .sort()
      .join(',');
  const why = `exceeded quota: ${name}, requested: ${text((resource) => formatAmount(resource, asked[resource] ?? 0))}, used: ${text((resource) => formatAmount(resource, used[resource] ?? 0))}, limited: ${text((resource) => hard[resource] ?? '0')}`;
  throw forbidden(resourceNameOf(kind), object.metadata.name, why);
}

/** A sum of thousandths as it was meant: 0.1 and 0.2 of a core are no more than 0.3. */
function exact(amount: number): number {
  return Number(amount.toFixed(9));
}

/** What the objects of the kind use in the quota's namespace, counted now; no other kind is charged for the same. */
async function usedOf(parts: ApiParts, quota: ResourceQuota, kind: Kind): Promise<Amounts> {
  const used: Amounts = {};
  const { entries } = await parts.store.list({ prefix: listPrefix(kind, quota.metadata.namespace) });
  for (const entry of entries)
    for (const [name, amount] of Object.entries(chargedTo(quota, kind, decodeStored(kind, entry))))
      used[name] = (used[name] ?? 0) + amount;
  return used;
}
