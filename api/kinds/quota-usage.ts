// What objects take of a ResourceQuota, and which quotas look at them.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../meta/kubernetes.ts';
import type { KubeObject } from '../meta/object.ts';
import { formatBytes, parseQuantity } from '../meta/quantity.ts';
import type { Kind } from './kind.ts';
import { isInScopes } from './quota-scopes.ts';
import { usesNodePorts } from './service.ts';

/** Amounts by the names that quotas use, in base units. */
export type Amounts = Record<string, number>;

/** Kinds with a name of their own in quotas, beside `count/RESOURCE.GROUP`. */
const namedCounts = [
  'pods',
  'services',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
];

function sumInto(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) total[name] = (total[name] ?? 0) + amount;
}

type Lists = { requests?: Record<string, string>; limits?: Record<string, string> };

/** What a pod asks for: its containers together, or the largest init container if that is more. */
function podAmounts({ spec }: Pod): Amounts {
  const of = (lists: Lists | undefined): Amounts => {
    const amounts: Amounts = {};
    for (const [name, quantity] of Object.entries(lists?.requests ?? {}))
      amounts[`requests.${name}`] = parseQuantity(quantity) ?? 0;
    for (const [name, quantity] of Object.entries(lists?.limits ?? {}))
      amounts[`limits.${name}`] = parseQuantity(quantity) ?? 0;
    return amounts;
  };
  const total: Amounts = {};
  for (const container of spec?.containers ?? []) sumInto(total, of(container.resources as Lists));
  // Sidecars run on beside the containers, and beside the init containers after them.
  const sidecars: Amounts = {};
  const initial: Amounts = {};
  for (const container of spec?.initContainers ?? []) {
    const together = { ...sidecars };
    sumInto(together, of(container.resources as Lists));
    if (container.restartPolicy === 'Always') Object.assign(sidecars, together);
    for (const [name, amount] of Object.entries(together)) initial[name] = Math.max(initial[name] ?? 0, amount);
  }
  sumInto(total, sidecars);
  for (const [name, amount] of Object.entries(initial)) total[name] = Math.max(total[name] ?? 0, amount);
  for (const [name, quantity] of Object.entries((spec?.overhead ?? {}) as Record<string, string>))
    sumInto(total, { [`requests.${name}`]: parseQuantity(quantity) ?? 0 });
  for (const name of ['cpu', 'memory', 'ephemeral-storage'])
    if (total[`requests.${name}`] !== undefined) total[name] = total[`requests.${name}`] ?? 0;
  return total;
}

function claimAmounts({ spec }: PersistentVolumeClaim): Amounts {
  const storage = parseQuantity(spec?.resources?.requests?.storage) ?? 0;
  const prefix = `${spec?.storageClassName}.storageclass.storage.k8s.io`;
  const ofClass = spec?.storageClassName
    ? { [`${prefix}/requests.storage`]: storage, [`${prefix}/persistentvolumeclaims`]: 1 }
    : {};
  return { 'requests.storage': storage, ...ofClass };
}

function serviceAmounts(service: Service): Amounts {
  const { spec } = service;
  const ports = spec?.ports?.length ?? 0;
  return {
    'services.nodeports': usesNodePorts(service) ? ports : 0,
    'services.loadbalancers': spec?.type === 'LoadBalancer' ? 1 : 0,
  };
}

/** What an object counts for. */
export function usageOf(kind: Kind, object: KubeObject): Amounts {
  const phase = (object as Pod).status?.phase;
  const amounts: Amounts = { [`count/${kind.plural}${kind.group === '' ? '' : `.${kind.group}`}`]: 1 };
  if (kind.group !== '') return amounts;
  // Of a pod that has ended only the object is left.
  if (kind.kind === 'Pod' && (phase === 'Succeeded' || phase === 'Failed')) return amounts;
  if (namedCounts.includes(kind.plural)) amounts[kind.plural] = 1;
  if (kind.kind === 'Pod') sumInto(amounts, podAmounts(object as Pod));
  if (kind.kind === 'PersistentVolumeClaim') sumInto(amounts, claimAmounts(object as PersistentVolumeClaim));
  if (kind.kind === 'Service') sumInto(amounts, serviceAmounts(object as Service));
  return amounts;
}

/** What of an object counts against a quota: only what it limits, and with scopes only what is in them. */
export function chargedTo(quota: ResourceQuota, kind: Kind, object: KubeObject): Amounts {
  if (!isInScopes(quota, kind, object)) return {};
  const hard = quota.spec?.hard ?? {};
  return Object.fromEntries(Object.entries(usageOf(kind, object)).filter(([name]) => hard[name] !== undefined));
}

/** Resources whose amount every pod under the quota must name. */
export function mustBeNamed(quota: ResourceQuota, pod: Pod): string[] {
  const names = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];
  const asked = Object.keys(quota.spec?.hard ?? {}).filter((name) => names.includes(name));
  return asked.filter((name) => {
    const [list, resource] = name.includes('.') ? name.split('.') : ['requests', name];
    return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some(
      ({ resources }) => (resources as Lists | undefined)?.[list as keyof Lists]?.[resource ?? ''] === undefined,
    );
  });
}

/** An amount as a quantity: small ones in thousandths, bytes in the largest unit that fits. */
export function formatAmount(name: string, amount: number): string {
  if (!Number.isInteger(amount)) return `${Math.round(amount * 1000)}m`;
  if (!/memory|storage|hugepages/.test(name) || name.endsWith('persistentvolumeclaims')) return String(amount);
  return formatBytes(amount);
}
