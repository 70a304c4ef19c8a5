// Cluster addresses and node ports of Services: drawn from ranges, none given twice. What is taken is what the
// Services in the store have, so that it is free again with them; requests that take something go one after the other.
// https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
import { serviceKind, usesNodePorts } from '../../api/kinds/service.ts';
import type { Service } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { ApiError, invalid, invalidValue } from '../../api/meta/status.ts';
import type { ApiParts } from './parts.ts';
import { decodeStored, resourcePrefix } from './stored-object.ts';
import { inTurn } from './turns.ts';

/** Addresses are drawn from this, kubeadm's first part; the address .0.1 is the API's. */
export const serviceRange = '10.96.0.0/16';
const rangePrefix = '10.96.';
const addressPattern = /^10\.96\.(\d{1,3})\.(\d{1,3})$/;
const addressCount = 0xffff;

/** Address of the Service `default/kubernetes`. */
export const apiServiceAddress = `${rangePrefix}0.1`;

/** Ports that nodes give to services; https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport */
const [firstNodePort, lastNodePort] = [30_000, 32_767];

type Ports = NonNullable<NonNullable<Service['spec']>['ports']>;

/**
 * Sets the addresses and node ports that a new or changed Service needs and has not, then writes it.
 * @throws ApiError Invalid when what is asked for is taken or out of range
 */
export async function withServiceAddresses<T>(
  parts: ApiParts,
  object: KubeObject,
  old: KubeObject | undefined,
  write: () => Promise<T>,
): Promise<T> {
  const service = object as Service;
  const { spec } = service;
  if (spec === undefined || spec.type === 'ExternalName') return write();
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  if (spec.clusterIP === 'None') spec.clusterIPs ??= ['None'];
  const before = (old as Service | undefined)?.spec;
  const needsAddress = spec.clusterIP !== 'None' && (!spec.clusterIP || spec.clusterIP !== before?.clusterIP);
  const knownPorts = (before?.ports ?? []).map(({ nodePort }) => nodePort);
  const openPorts = usesNodePorts(service)
    ? (spec.ports ?? []).filter(({ nodePort }) => !nodePort || !knownPorts.includes(nodePort))
    : [];
  if (!needsAddress && openPorts.length === 0) return write();
  return inTurn(parts, 'service addresses', async () => {
    const taken = await takenBy(parts, object.metadata.uid ?? '');
    if (needsAddress) {
      spec.clusterIP = spec.clusterIP ? checkAddress(object, spec.clusterIP, taken) : drawAddress(parts, taken);
      spec.clusterIPs = [spec.clusterIP];
    }
    setNodePorts(parts, object, openPorts, taken);
    return write();
  });
}

function setNodePorts(parts: ApiParts, object: KubeObject, ports: Ports, taken: Set<string>): void {
  for (const port of ports) {
    const index = (object as Service).spec?.ports?.indexOf(port) ?? 0;
    port.nodePort = port.nodePort ? checkPort(object, index, port.nodePort, taken) : drawPort(parts, taken);
    taken.add(String(port.nodePort));
  }
}

/** Addresses and node ports of all other services. */
async function takenBy(parts: ApiParts, uid: string): Promise<Set<string>> {
  const { entries } = await parts.store.list({ prefix: resourcePrefix(serviceKind) });
  const services = entries.map((entry) => decodeStored(serviceKind, entry) as Service);
  const others = services.filter(({ metadata }) => metadata.uid !== uid);
  const stored = others.flatMap(({ spec }) => [
    spec?.clusterIP ?? '',
    ...(spec?.ports ?? []).map(({ nodePort }) => String(nodePort ?? '')),
  ]);
  return new Set(stored);
}

function checkPort(object: KubeObject, index: number, port: number, taken: Set<string>): number {
  const problem =
    port < firstNodePort || port > lastNodePort
      ? `provided port is not in the valid range. The range of valid ports is ${firstNodePort}-${lastNodePort}`
      : taken.has(String(port))
        ? 'provided port is already allocated'
        : undefined;
  if (problem === undefined) return port;
  throw invalid('Service', '', object.metadata.name, [invalidValue(`spec.ports[${index}].nodePort`, port, problem)]);
}

function drawPort(parts: ApiParts, taken: Set<string>): number {
  const count = lastNodePort - firstNodePort + 1;
  const start = Math.floor(parts.random.fraction() * count);
  for (let offset = 0; offset < count; offset += 1) {
    const port = firstNodePort + ((start + offset) % count);
    if (!taken.has(String(port))) return port;
  }
  throw new ApiError('InternalError', 'failed to allocate a nodePort: range is full');
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
