// LimitRange and ResourceQuota.
// https://kubernetes.io/docs/concepts/policy/
import type { LimitRange, ResourceQuota } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { jsonEqual, type KubeObject } from '../meta/object.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { type FieldError, invalidValue } from '../meta/status.ts';
import { ageColumn, createdAtColumn, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { isUnknownResource, scopeErrors } from './quota-scopes.ts';
import { immutableMessage } from './validation.ts';

const asRange = (object: KubeObject): LimitRange => object as LimitRange;
const asQuota = (object: KubeObject): ResourceQuota => object as ResourceQuota;

function quantityErrors(list: Record<string, string> | undefined, path: string): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, quantity]) =>
    (parseQuantity(quantity) ?? 0) < 0
      ? [invalidValue(`${path}[${name}]`, quantity, 'must be greater than or equal to 0')]
      : [],
  );
}

export const limitRangeKind: Kind = defineKind({
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  typeId: 'core.v1.LimitRange',
  nameError: dnsSubdomainError,
  applyDefaults: (object) => {
    // A maximum is also the default limit, and that the default request, as far as they are not given.
    for (const limit of asRange(object).spec?.limits ?? []) {
      if (limit.type !== 'Container') continue;
      const limits = limit as unknown as Record<string, Record<string, string>>;
      const given = (field: string): Record<string, string> => (limits[field] ??= {});
      setDefaults(given('default'), given('max'));
      setDefaults(given('defaultRequest'), given('default'));
      setDefaults(given('defaultRequest'), given('min'));
      for (const field of ['default', 'defaultRequest', 'max', 'min'])
        if (Object.keys(given(field)).length === 0) delete limits[field];
    }
  },
  validate: (object) =>
    (asRange(object).spec?.limits ?? []).flatMap((limit, index) => {
      const at = `spec.limits[${index}]`;
      return [...quantityErrors(limit.max, `${at}.max`), ...quantityErrors(limit.min, `${at}.min`)].concat(
        Object.entries(limit.min ?? {}).flatMap(([name, min]) =>
          limit.max?.[name] !== undefined && (parseQuantity(min) ?? 0) > (parseQuantity(limit.max[name]) ?? 0)
            ? [invalidValue(`${at}.min[${name}]`, min, `min value ${min} is greater than max value ${limit.max[name]}`)]
            : [],
        ),
      );
    }),
  columns: [createdAtColumn],
});

function usageText(object: KubeObject, isLimit: boolean): string {
  const { hard = {}, used = {} } = asQuota(object).status ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === isLimit)
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ');
}

export const resourceQuotaKind: Kind = defineKind({
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  typeId: 'core.v1.ResourceQuota',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    specOf(object);
  },
  validate: (object) => {
    const { hard } = asQuota(object).spec ?? {};
    const unknown = Object.keys(hard ?? {}).filter(isUnknownResource);
    return [
      ...unknown.map((name) => invalidValue(`spec.hard[${name}]`, name, 'must be a standard resource for quota')),
      ...quantityErrors(hard, 'spec.hard'),
      ...scopeErrors(asQuota(object)),
    ];
  },
  validateUpdate: (object, old) => {
    const scopesOf = (quota: KubeObject): string[] => [...new Set(asQuota(quota).spec?.scopes)].sort();
    if (jsonEqual(scopesOf(object), scopesOf(old))) return [];
    return [invalidValue('spec.scopes', asQuota(object).spec?.scopes ?? null, immutableMessage)];
  },
  columns: [
    textColumn('Request', 'What is used of what may be requested.', (object) => usageText(object, false)),
    textColumn('Limit', 'What is used of what may be set as limits.', (object) => usageText(object, true)),
    ageColumn,
  ],
});
