// EndpointSlice (discovery.k8s.io/v1) and its older form, Endpoints (v1).
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
import type { EndpointSlice, Endpoints } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { type FieldError, required } from '../meta/status.ts';
import { ageColumn, textAt, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults } from './kind.ts';
import { oneOfAt, requiredAt, unchangedAt } from './validation.ts';

const asSlice = (object: KubeObject): EndpointSlice => object as EndpointSlice;
const asEndpoints = (object: KubeObject): Endpoints => object as Endpoints;

/** The first three of a list, and how many more there are. */
function firstThree(items: readonly string[]): string {
  if (items.length === 0) return '<none>';
  return items.slice(0, 3).join(',') + (items.length > 3 ? ` + ${items.length - 3} more...` : '');
}

export const endpointSliceKind: Kind = defineKind({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  typeId: 'discovery.v1.EndpointSlice',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => {
    setDefaults(object, { endpoints: null, ports: null });
    for (const port of asSlice(object).ports ?? []) setDefaults(port, { name: '', protocol: 'TCP' });
  },
  validate: (object) => [
    ...requiredAt(object, 'addressType'),
    ...oneOfAt(object, 'addressType', ['IPv4', 'IPv6', 'FQDN']),
    ...(asSlice(object).endpoints ?? []).flatMap((endpoint, index): FieldError[] =>
      (endpoint.addresses ?? []).length === 0
        ? [required(`endpoints[${index}].addresses`, 'must contain at least 1 address')]
        : [],
    ),
  ],
  validateUpdate: (object, old) => unchangedAt(object, old, 'addressType'),
  columns: [
    textAt('AddressType', 'addressType', 'Form of its addresses.'),
    textColumn('Ports', 'Ports of the endpoints.', (object) => {
      const ports = asSlice(object).ports ?? [];
      if (ports.length === 0) return '<unset>';
      return firstThree(ports.map(({ port }) => (port === undefined ? '*' : String(port))));
    }),
    textColumn('Endpoints', 'Addresses of the endpoints.', (object) => {
      const addresses = (asSlice(object).endpoints ?? []).flatMap(({ addresses }) => addresses ?? []);
      return addresses.length === 0 ? '<unset>' : firstThree(addresses);
    }),
    ageColumn,
  ],
});

export const endpointsKind: Kind = defineKind({
  kind: 'Endpoints',
  listKind: 'EndpointsList',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  typeId: 'core.v1.Endpoints',
  nameError: dnsSubdomainError,
  applyDefaults: (object) => {
    for (const subset of asEndpoints(object).subsets ?? [])
      for (const port of subset.ports ?? []) setDefaults(port, { protocol: 'TCP' });
  },
  validate: (object) =>
    (asEndpoints(object).subsets ?? []).flatMap((subset, index): FieldError[] =>
      (subset.addresses ?? []).length + (subset.notReadyAddresses ?? []).length === 0
        ? [required(`subsets[${index}]`, 'must specify `addresses` or `notReadyAddresses`')]
        : [],
    ),
  columns: [
    textColumn('Endpoints', 'Addresses and ports of the endpoints.', (object) =>
      firstThree(
        (asEndpoints(object).subsets ?? []).flatMap(({ addresses = [], ports }) =>
          ports === undefined || ports.length === 0
            ? addresses.map(({ ip }) => ip)
            : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip}:${port}`)),
        ),
      ),
    ),
    ageColumn,
  ],
});
