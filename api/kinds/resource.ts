// resource.k8s.io/v1, dynamic resource allocation: kept and served. Devices are
// not allocated by the scheduler.
// https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
import { dnsSubdomainError } from '../meta/names.ts';
import type { JsonObject, KubeObject } from '../meta/object.ts';
import { isJsonObject } from '../meta/object.ts';
import { ageColumn, countAt, textAt, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { requiredAt, unchangedAt } from './validation.ts';

const group = 'resource.k8s.io';

/** Defaults of the requests for devices in a claim's spec. */
function defaultRequests(spec: unknown): void {
  const requests = valueAt(spec, 'devices.requests');
  for (const request of Array.isArray(requests) ? requests : []) {
    const alternatives = isJsonObject(request) ? [request.exactly, ...[request.firstAvailable].flat()] : [];
    for (const exact of alternatives) {
      if (!isJsonObject(exact)) continue;
      setDefaults(exact, { allocationMode: 'ExactCount' });
      if (exact.allocationMode === 'ExactCount') setDefaults(exact, { count: 1 });
    }
  }
}

export const deviceClassKind: Kind = defineKind({
  group,
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  namespaced: false,
  typeId: 'resource.v1.DeviceClass',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => {
    specOf(object);
  },
  columns: [ageColumn],
});

function claimState(object: KubeObject): string {
  const states: string[] = [];
  if (object.metadata.deletionTimestamp !== undefined) states.push('deleted');
  if (valueAt(object, 'status.allocation') === undefined) {
    if (states.length === 0) states.push('pending');
  } else {
    states.push('allocated', ...(countAt(object, 'status.reservedFor') > 0 ? ['reserved'] : []));
  }
  return states.join(',');
}

export const resourceClaimKind: Kind = defineKind({
  group,
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  typeId: 'resource.v1.ResourceClaim',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
  applyDefaults: (object) => defaultRequests(specOf(object)),
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec'),
  columns: [textColumn('State', 'How far its allocation is.', claimState), ageColumn],
});

export const resourceClaimTemplateKind: Kind = defineKind({
  group,
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  typeId: 'resource.v1.ResourceClaimTemplate',
  nameError: dnsSubdomainError,
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { spec: {} });
    defaultRequests(spec.spec as JsonObject);
  },
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec'),
  columns: [ageColumn],
});

export const resourceSliceKind: Kind = defineKind({
  group,
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  typeId: 'resource.v1.ResourceSlice',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  validate: (object) => requiredAt(object, 'spec.driver', 'spec.pool.name'),
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec.driver', 'spec.pool.name', 'spec.nodeName'),
  selectableFields: (object) => ({
    'spec.nodeName': String(valueAt(object, 'spec.nodeName') ?? ''),
    'spec.driver': String(valueAt(object, 'spec.driver') ?? ''),
  }),
  columns: [
    textAt('Node', 'spec.nodeName', 'Node that has the devices.', { missing: '<unset>' }),
    textAt('Driver', 'spec.driver', 'Driver of the devices.'),
    textAt('Pool', 'spec.pool.name', 'Pool that the devices belong to.'),
    ageColumn,
  ],
});
