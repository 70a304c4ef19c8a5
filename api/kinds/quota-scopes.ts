// Scopes of ResourceQuotas: which objects a quota looks at, and what it may
// limit of them. https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
import type { PersistentVolumeClaim, Pod, ResourceQuota } from '../meta/kubernetes.ts';
import type { KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, required } from '../meta/status.ts';
import type { Kind } from './kind.ts';

type ScopeTerm = { scopeName: string; operator?: string; values?: string[] };

const podCounts = ['pods'];
const podAmounts = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];
const claimAmounts = ['persistentvolumeclaims', 'requests.storage'];

/** What a quota with a scope may limit, of the resources that quotas know by name. */
const limitedBy: Record<string, readonly string[]> = {
  Terminating: [...podCounts, ...podAmounts],
  NotTerminating: [...podCounts, ...podAmounts],
  BestEffort: podCounts,
  NotBestEffort: [...podCounts, ...podAmounts],
  PriorityClass: [...podCounts, ...podAmounts],
  CrossNamespacePodAffinity: [...podCounts, ...podAmounts],
  VolumeAttributesClass: claimAmounts,
};
/** Scopes that have no values: an object is in them or not. */
const plainScopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'];
const conflicts = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

/** Resources that quotas know by name; all others have a slash. */
const knownResources = new Set([
  ...podCounts,
  ...podAmounts,
  ...claimAmounts,
  'ephemeral-storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
  'resourcequotas',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'replicationcontrollers',
  'secrets',
  'configmaps',
]);

/** Whether the name of a resource says nothing to a quota. */
export function isUnknownResource(name: string): boolean {
  return !name.includes('/') && !knownResources.has(name) && !/^(requests\.)?hugepages-/.test(name);
}

function termsOf({ spec }: ResourceQuota): ScopeTerm[] {
  const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...((spec?.scopeSelector?.matchExpressions ?? []) as ScopeTerm[])];
}

/** Whether an object is in all the scopes of a quota; without scopes everything is. */
export function isInScopes(quota: ResourceQuota, kind: Kind, object: KubeObject): boolean {
  return termsOf(quota).every((term) => {
    if (kind.group !== '') return false;
    if (kind.kind === 'PersistentVolumeClaim')
      return (
        term.scopeName === 'VolumeAttributesClass' &&
        matchesNames(term, attributesClassesOf(object as PersistentVolumeClaim))
      );
    return kind.kind === 'Pod' && isPodInScope(term, object as Pod);
  });
}

function isPodInScope(term: ScopeTerm, { spec, status }: Pod): boolean {
  switch (term.scopeName) {
    case 'Terminating':
      return spec?.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec?.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return status?.qosClass === 'BestEffort';
    case 'NotBestEffort':
      return status?.qosClass !== 'BestEffort';
    case 'PriorityClass':
      return matchesNames(term, spec?.priorityClassName ? [spec.priorityClassName] : []);
    case 'CrossNamespacePodAffinity':
      return looksBeyondNamespace(spec?.affinity);
    default:
      return false;
  }
}

/** Whether one of the names that an object has is as the term says; without names it is in no class. */
function matchesNames({ operator = 'Exists', values = [] }: ScopeTerm, names: readonly string[]): boolean {
  if (operator === 'Exists') return names.length > 0;
  if (operator === 'DoesNotExist') return names.length === 0;
  if (operator === 'In') return names.some((name) => values.includes(name));
  return names.length === 0 || names.some((name) => !values.includes(name));
}

/** The class that a claim asks for, the one that it has, and the one that it is on its way to. */
function attributesClassesOf({ spec, status }: PersistentVolumeClaim): string[] {
  const { currentVolumeAttributesClassName, modifyVolumeStatus } = status ?? {};
  const names = [
    spec?.volumeAttributesClassName,
    currentVolumeAttributesClassName,
    modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return names.flatMap((name) => (name ? [name] : []));
}

/** Whether a pod wants to be near, or far from, pods of namespaces that it names or selects. */
function looksBeyondNamespace(affinity: NonNullable<Pod['spec']>['affinity']): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((one) =>
    [
      ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
    ].some(({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined),
  );
}

/** What is wrong with the scopes of a quota, given what it limits. */
export function scopeErrors(quota: ResourceQuota): FieldError[] {
  const { hard = {}, scopes = [], scopeSelector } = quota.spec ?? {};
  const limited = Object.keys(hard).filter((name) => knownResources.has(name));
  const doesNotFit = (scope: string): boolean => limited.some((name) => limitedBy[scope]?.includes(name) === false);
  const isTorn = (names: readonly string[]): boolean =>
    conflicts.some((pair) => pair.every((name) => names.includes(name)));
  const errors: FieldError[] = [];
  const wrong = (field: string, value: unknown, detail: string): void => {
    errors.push(invalidValue(field, value, detail));
  };
  for (const scope of scopes) {
    if (limitedBy[scope] === undefined) wrong('spec.scopes', scopes, 'unsupported scope');
    if (doesNotFit(scope)) wrong('spec.scopes', scopes, 'unsupported scope applied to resource');
  }
  if (isTorn(scopes)) wrong('spec.scopes', scopes, 'conflicting scopes');
  const at = 'spec.scopeSelector.matchExpressions';
  const terms = (scopeSelector?.matchExpressions ?? []) as ScopeTerm[];
  for (const term of terms) {
    if (limitedBy[term.scopeName] === undefined) wrong(`${at}.scopeName`, term.scopeName, 'unsupported scope');
    if (doesNotFit(term.scopeName)) wrong(at, scopeSelector, 'unsupported scope applied to resource');
    errors.push(...operatorErrors(term, at));
  }
  if (isTorn(terms.map(({ scopeName }) => scopeName))) wrong(at, terms, 'conflicting scopes');
  return errors;
}

function operatorErrors({ scopeName, operator, values = [] }: ScopeTerm, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (plainScopes.includes(scopeName) && operator !== 'Exists') {
    const names = plainScopes.map((name) => `ResourceQuotaScope${name}`);
    const detail = `must be 'Exist' when scope is any of ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
    errors.push(invalidValue(`${at}.operator`, operator, detail));
  }
  if (operator === 'In' || operator === 'NotIn') {
    const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (values.length === 0) errors.push(required(`${at}.values`, detail));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    if (values.length > 0) errors.push(invalidValue(`${at}.values`, values, detail));
  } else errors.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'));
  return errors;
}
