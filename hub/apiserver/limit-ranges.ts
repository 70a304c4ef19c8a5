// Admission by LimitRanges: what new pods get that ask for nothing, and how
// little or much pods, their containers, and claims may ask for.
// https://kubernetes.io/docs/concepts/policy/limit-range/
import type { Kind } from '../../api/kinds/kind.ts';
import { limitRangeKind } from '../../api/kinds/quota.ts';
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { parseQuantity } from '../../api/meta/quantity.ts';
import { forbidden } from '../../api/meta/status.ts';
import { type ApiParts, resourceNameOf } from './parts.ts';
import { decodeStored, listPrefix } from './stored-object.ts';

type Amounts = Record<string, string>;
type Asked = { requests: Amounts; limits: Amounts };
export type Limit = { type: string; min?: Amounts; max?: Amounts; maxLimitRequestRatio?: Amounts } & {
  default?: Amounts;
  defaultRequest?: Amounts;
};

const annotation = 'kubernetes.io/limit-ranger';
const limitedKinds = ['Pod', 'PersistentVolumeClaim'];

/** The limits for new objects of the kind in its namespace. */
export async function limitsFor(parts: ApiParts, kind: Kind, { metadata }: KubeObject): Promise<Limit[]> {
  if (kind.group !== '' || !limitedKinds.includes(kind.kind)) return [];
  const { entries } = await parts.store.list({ prefix: listPrefix(limitRangeKind, metadata.namespace) });
  return entries.flatMap(
    (entry) => ((decodeStored(limitRangeKind, entry) as LimitRange).spec?.limits ?? []) as Limit[],
  );
}

/** Gives the containers of a new pod the defaults, and notes in an annotation which. */
export function applyLimitRanges(all: readonly Limit[], kind: Kind, object: KubeObject): void {
  if (kind.kind !== 'Pod') return;
  const limits = all.filter(({ type }) => type === 'Container');
  const notes: string[] = [];
  const { initContainers = [], containers = [] } = (object as Pod).spec ?? {};
  for (const [word, list] of Object.entries({ container: containers, 'init container': initContainers })) {
    for (const container of list) {
      for (const limit of limits) {
        for (const [field, defaults] of [
          ['requests', limit.defaultRequest],
          ['limits', limit.default],
        ] as const) {
          const names = setMissing(container, field, defaults ?? {});
          if (names.length > 0) notes.push(`${names.join(', ')} ${field.slice(0, -1)} for ${word} ${container.name}`);
        }
      }
    }
  }
  if (notes.length === 0) return;
  object.metadata.annotations = {
    ...object.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

/** Names of the resources that were set. */
function setMissing(container: Container, field: 'requests' | 'limits', defaults: Amounts): string[] {
  const own = (container.resources?.[field] ?? {}) as Amounts;
  const names = Object.keys(defaults)
    .filter((name) => own[name] === undefined)
    .sort();
  if (names.length > 0) container.resources = { ...container.resources, [field]: { ...defaults, ...own } };
  return names;
}

/** @throws ApiError Forbidden when it asks for less or more than is allowed */
export function enforceLimitRanges(limits: readonly Limit[], kind: Kind, object: KubeObject): void {
  const problems = limits.flatMap((limit) =>
    askedOf(kind, object, limit.type).flatMap((asked) => problemsOf(limit, asked)),
  );
  if (problems.length === 0) return;
  const why = problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`;
  throw forbidden(resourceNameOf(kind), object.metadata.name, why);
}

/** What a limit of this type is for in the object. */
function askedOf(kind: Kind, object: KubeObject, type: string): Asked[] {
  if (kind.kind === 'PersistentVolumeClaim') {
    const { resources } = (object as PersistentVolumeClaim).spec ?? {};
    const { requests = {}, limits = {} } = (resources ?? {}) as Partial<Asked>;
    return type === 'PersistentVolumeClaim' ? [{ requests, limits: { ...requests, ...limits } }] : [];
  }
  const { initContainers = [], containers = [] } = (object as Pod).spec ?? {};
  const of = ({ resources }: Container): Asked => ({ requests: {}, limits: {}, ...(resources as Partial<Asked>) });
  if (type === 'Container') return [...containers, ...initContainers].map(of);
  return type === 'Pod' ? [total(containers.map(of), initContainers.map(of))] : [];
}

/** The containers run together, those that initialise one after the other; sidecars run beside all. */
function total(containers: Asked[], initial: Asked[]): Asked {
  const sum = (field: keyof Asked): Amounts => {
    const amounts: Record<string, number> = {};
    for (const asked of containers)
      for (const [name, amount] of Object.entries(asked[field]))
        amounts[name] = (amounts[name] ?? 0) + (parseQuantity(amount) ?? 0);
    for (const asked of initial)
      for (const [name, amount] of Object.entries(asked[field]))
        amounts[name] = Math.max(amounts[name] ?? 0, parseQuantity(amount) ?? 0);
    return Object.fromEntries(
      Object.entries(amounts).map(([name, amount]) => [name, String(Number(amount.toFixed(9)))]),
    );
  };
  return { requests: sum('requests'), limits: sum('limits') };
}

function problemsOf(
  { type, min = {}, max = {}, maxLimitRequestRatio = {} }: Limit,
  { requests, limits }: Asked,
): string[] {
  const value = (amount: string | undefined): number => parseQuantity(amount) ?? 0;
  const minimum = Object.entries(min).flatMap(([name, least]) => {
    const rule = `minimum ${name} usage per ${type} is ${least}`;
    if (requests[name] === undefined) return [`${rule}.  No request is specified`];
    if (value(requests[name]) < value(least)) return [`${rule}, but request is ${requests[name]}`];
    return limits[name] !== undefined && value(limits[name]) < value(least)
      ? [`${rule}, but limit is ${limits[name]}`]
      : [];
  });
  const maximum = Object.entries(max).flatMap(([name, most]) => {
    const rule = `maximum ${name} usage per ${type} is ${most}`;
    if (limits[name] === undefined) return [`${rule}.  No limit is specified`];
    if (value(limits[name]) > value(most)) return [`${rule}, but limit is ${limits[name]}`];
    return value(requests[name]) > value(most) ? [`${rule}, but request is ${requests[name]}`] : [];
  });
  const ratio = Object.entries(maxLimitRequestRatio).flatMap(([name, most]) => {
    const rule = `${name} max limit to request ratio per ${type} is ${most}`;
    const [request, limit] = [value(requests[name]), value(limits[name])];
    if (request === 0 || limit === 0) return [`${rule}, but no request is specified or request is 0`];
    return limit / request > value(most) ? [`${rule}, but provided ratio is ${(limit / request).toFixed(6)}`] : [];
  });
  return [...minimum, ...maximum, ...ratio];
}
