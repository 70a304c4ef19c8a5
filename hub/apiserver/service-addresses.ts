// Cluster addresses of Services: drawn from one range, none given twice.
// https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
import { serviceKind } from '../../api/kinds/service.ts';
import type { Service } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { ApiError, invalid, invalidValue } from '../../api/meta/status.ts';
import type { ApiParts } from './parts.ts';
import { decodeStored, resourcePrefix } from './stored-object.ts';

/** Addresses are drawn from this, kubeadm's first part; the address .0.1 is the API's. */
export const serviceRange = '10.96.0.0/16';
const rangePrefix = '10.96.';
const addressPattern = /^10\.96\.(\d{1,3})\.(\d{1,3})$/;
const addressCount = 0xffff;

/** Address of the Service `default/kubernetes`. */
export const apiServiceAddress = `${rangePrefix}0.1`;

/** Addresses given out whose Service may not be in the store yet, by store. */
const reserved = new WeakMap<object, Set<string>>();

/**
 * Sets `spec.clusterIP(s)` of a new Service that needs an address.
 * @throws ApiError Invalid when the address asked for is taken or out of range
 */
export async function allocateServiceAddress(parts: ApiParts, object: KubeObject): Promise<void> {
  const spec = (object as Service).spec;
  if (spec === undefined || spec.type === 'ExternalName' || spec.clusterIP === 'None') return;
  const recent = reserved.get(parts.store) ?? new Set();
  reserved.set(parts.store, recent);
  const { entries } = await parts.store.list({ prefix: resourcePrefix(serviceKind) });
  const stored = entries.map((entry) => (decodeStored(serviceKind, entry) as Service).spec?.clusterIP ?? '');
  const taken = new Set([...stored, ...recent]);
  const address = spec.clusterIP ? checkAddress(object, spec.clusterIP, taken) : drawAddress(parts, taken);
  recent.add(address);
  // Long enough for the write to be in the store, after which the list shows it.
  parts.clock.setTimer(10_000, () => recent.delete(address));
  spec.clusterIP = address;
  spec.clusterIPs = [address];
}

function checkAddress(object: KubeObject, address: string, taken: Set<string>): string {
  const match = addressPattern.exec(address);
  const problem =
    match === null || Number(match[1]) > 255 || Number(match[2]) > 255
      ? 'failed to allocate IP: the provided IP is not in the valid range, which is 10.96.0.0/16'
      : taken.has(address)
        ? 'failed to allocate IP: provided IP is already allocated'
        : undefined;
  if (problem === undefined) return address;
  throw invalid('Service', '', object.metadata.name, [invalidValue('spec.clusterIPs', [address], problem)]);
}

function drawAddress(parts: ApiParts, taken: Set<string>): string {
  const start = Math.floor(parts.random.fraction() * addressCount);
  for (let offset = 0; offset < addressCount; offset += 1) {
    const number = 2 + ((start + offset) % (addressCount - 2));
    const address = `${rangePrefix}${number >> 8}.${number & 0xff}`;
    if (!taken.has(address)) return address;
  }
  throw new ApiError('InternalError', 'failed to allocate IP: range is full');
}
