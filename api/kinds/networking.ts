// networking.k8s.io/v1: Ingress, IngressClass, NetworkPolicy, IPAddress, ServiceCIDR.
// https://kubernetes.io/docs/concepts/services-networking/
import type { Ingress, NetworkPolicy } from '../meta/kubernetes.ts';
import { formatSelector } from '../meta/labels.ts';
import { dnsSubdomainError, ipAddressError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, required } from '../meta/status.ts';
import { ageColumn, textAt, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { requiredAt, selectorAt, unchangedAt } from './validation.ts';

const group = 'networking.k8s.io';
const asIngress = (object: KubeObject): Ingress => object as Ingress;
const asPolicy = (object: KubeObject): NetworkPolicy => object as NetworkPolicy;

type Backend = NonNullable<NonNullable<Ingress['spec']>['defaultBackend']>;

function backendErrors(backend: Backend | undefined, path: string): FieldError[] {
  const { service, resource } = backend ?? {};
  if (service === undefined && resource === undefined)
    return [required(path, 'must specify either a service or resource backend')];
  if (service !== undefined && resource !== undefined)
    return [invalidValue(path, '', 'cannot set both resource and service backends')];
  if (service === undefined) return [];
  const errors: FieldError[] = [];
  if (!service.name) errors.push(required(`${path}.service.name`));
  const { name, number } = service.port ?? {};
  if (!name && !number) errors.push(required(`${path}.service.port`, 'port name or number is required'));
  if (name && number) errors.push(invalidValue(`${path}.service.port`, '', 'cannot set both port name & port number'));
  return errors;
}

function ingressErrors(object: KubeObject): FieldError[] {
  const { rules = [], defaultBackend } = asIngress(object).spec ?? {};
  const errors: FieldError[] = [];
  if (rules.length === 0 && defaultBackend === undefined)
    errors.push(invalidValue('spec', [], 'either `defaultBackend` or `rules` must be specified'));
  if (defaultBackend !== undefined) errors.push(...backendErrors(defaultBackend, 'spec.defaultBackend'));
  rules.forEach(({ host, http }, index) => {
    const problem = host ? dnsSubdomainError(host.replace(/^\*\./, '')) : undefined;
    if (problem !== undefined) errors.push(invalidValue(`spec.rules[${index}].host`, host, problem));
    if (http !== undefined && (http.paths ?? []).length === 0) errors.push(required(`spec.rules[${index}].http.paths`));
    http?.paths?.forEach(({ path, pathType, backend }, position) => {
      const at = `spec.rules[${index}].http.paths[${position}]`;
      if (!pathType) errors.push(required(`${at}.pathType`, 'pathType must be specified'));
      if (pathType !== 'ImplementationSpecific' && !path?.startsWith('/'))
        errors.push(invalidValue(`${at}.path`, path ?? '', 'must be an absolute path'));
      errors.push(...backendErrors(backend, `${at}.backend`));
    });
  });
  return errors;
}

export const ingressKind: Kind = defineKind({
  group,
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  typeId: 'networking.v1.Ingress',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  prepareCreate: (object) => {
    object.status = { loadBalancer: {} };
  },
  validate: ingressErrors,
  columns: [
    textAt('Class', 'spec.ingressClassName', 'Class of the ingress.', { missing: '<none>' }),
    textColumn('Hosts', 'Hosts that it serves.', (object) => {
      const hosts = (asIngress(object).spec?.rules ?? []).map(({ host }) => host ?? '').filter((host) => host !== '');
      return hosts.slice(0, 3).join(',') + (hosts.length > 3 ? ` + ${hosts.length - 3} more...` : '') || '*';
    }),
    textColumn('Address', 'Addresses of its load balancer.', (object) =>
      (asIngress(object).status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').join(','),
    ),
    textColumn('Ports', 'Ports that it serves.', (object) =>
      (asIngress(object).spec?.tls ?? []).length > 0 ? '80, 443' : '80',
    ),
    ageColumn,
  ],
});

export const ingressClassKind: Kind = defineKind({
  group,
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  typeId: 'networking.v1.IngressClass',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => {
    const parameters = specOf(object).parameters;
    if (isJsonObject(parameters)) setDefaults(parameters, { scope: 'Cluster' });
  },
  validate: (object) => requiredAt(object, 'spec.controller'),
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec.controller'),
  columns: [
    textAt('Controller', 'spec.controller', 'Controller that serves the class.'),
    textColumn('Parameters', 'Object with more settings.', (object) => {
      const parameters = specOf(object).parameters as { apiGroup?: string; kind: string; name: string } | undefined;
      if (parameters === undefined) return '<none>';
      return `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`;
    }),
    ageColumn,
  ],
});

function defaultPolicyTypes(spec: JsonObject): void {
  if (Array.isArray(spec.policyTypes) && spec.policyTypes.length > 0) return;
  spec.policyTypes = ['Ingress', ...(Array.isArray(spec.egress) && spec.egress.length > 0 ? ['Egress'] : [])];
}

export const networkPolicyKind: Kind = defineKind({
  group,
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  typeId: 'networking.v1.NetworkPolicy',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { podSelector: {} });
    defaultPolicyTypes(spec);
    for (const rule of [spec.ingress, spec.egress].flat()) {
      for (const port of (isJsonObject(rule) ? (rule.ports as unknown[] | undefined) : undefined) ?? [])
        if (isJsonObject(port)) setDefaults(port, { protocol: 'TCP' });
    }
  },
  validate: (object) => selectorAt(object, 'spec.podSelector'),
  columns: [
    textColumn(
      'Pod-Selector',
      'Pods that it is for.',
      (object) => formatSelector(asPolicy(object).spec?.podSelector) || '<none>',
    ),
    ageColumn,
  ],
});

export const ipAddressKind: Kind = defineKind({
  group,
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  typeId: 'networking.v1.IPAddress',
  nameError: ipAddressError,
  hasGeneration: true,
  validate: (object) => requiredAt(object, 'spec.parentRef.resource', 'spec.parentRef.name'),
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec.parentRef'),
  selectableFields: (object) => {
    const at = (field: string): string => String(valueAt(object, `spec.parentRef.${field}`) ?? '');
    return {
      'spec.parentRef.group': at('group'),
      'spec.parentRef.resource': at('resource'),
      'spec.parentRef.namespace': at('namespace'),
      'spec.parentRef.name': at('name'),
    };
  },
  columns: [
    textColumn('ParentRef', 'Whose address it is.', (object) => {
      const {
        group: parentGroup,
        resource,
        namespace,
        name,
      } = (specOf(object).parentRef ?? {}) as Record<string, string>;
      return (
        [resource, ...(parentGroup ? [parentGroup] : [])].join('.') +
        [namespace, name].map((part) => `/${part ?? ''}`).join('')
      );
    }),
  ],
});

/** `a.b.c.d/n` or an IPv6 range. */
const cidrPattern = /^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-f:]+\/\d{1,3})$/;

export const serviceCidrKind: Kind = defineKind({
  group,
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  typeId: 'networking.v1.ServiceCIDR',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  validate: (object) => {
    const cidrs = (specOf(object).cidrs as string[] | undefined) ?? [];
    if (cidrs.length === 0) return [required('spec.cidrs', 'at least one CIDR required')];
    return cidrs.flatMap((cidr, index) =>
      cidrPattern.test(cidr)
        ? []
        : [
            invalidValue(
              `spec.cidrs[${index}]`,
              cidr,
              'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
            ),
          ],
    );
  },
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec.cidrs'),
  columns: [
    textColumn('CIDRs', 'Ranges of addresses.', (object) =>
      ((specOf(object).cidrs as string[] | undefined) ?? []).join(','),
    ),
    ageColumn,
  ],
});
