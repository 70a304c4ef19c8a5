// EndpointSlices and Endpoints: the addresses behind services. Pure: from a
// service and what it selects to the objects that should be there.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
import { isConditionTrue } from '../../../api/meta/conditions.ts';
import type { EndpointSlice, Endpoints, Pod, Service } from '../../../api/meta/kubernetes.ts';
import type { KubeObject, OwnerReference } from '../../../api/meta/object.ts';

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const sliceManager = 'endpointslice-controller.k8s.io';
export const mirrorManager = 'endpointslicemirroring-controller.k8s.io';
export const serviceNameLabel = 'kubernetes.io/service-name';
/** Endpoints with this label, or without a service that has no selector, are nobody's to mirror. */
export const skipMirrorLabel = 'endpointslice.kubernetes.io/skip-mirror';
const endpointsManagedByLabel = 'endpoints.kubernetes.io/managed-by';

/** Most endpoints of one slice, as Kubernetes' controller has it; more than 1000 are refused. */
const maxSliceEndpoints = 100;

type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number];
type SlicePort = { name: string; protocol: string; port?: number; appProtocol?: string };

/** The number that a service's port has in a pod; undefined when the pod has none of that name. */
function targetPort(pod: Pod, { targetPort: target, port, protocol = 'TCP' }: ServicePort): number | undefined {
  if (typeof target === 'number') return target === 0 ? port : target;
  if (target === undefined || target === '') return port;
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.find(({ name, protocol: spoken = 'TCP' }) => name === target && spoken === protocol)?.containerPort;
}

function ownedBy(service: Service): OwnerReference[] {
  const { name, uid = '' } = service.metadata;
  return [{ apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true }];
}

/** Pods that a service's traffic may go to, or that leave. */
function servingPods(pods: readonly Pod[]): Pod[] {
  return pods
    .filter(({ status }) => status?.podIP && status.phase !== 'Succeeded' && status.phase !== 'Failed')
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function endpointOf(pod: Pod, { metadata, spec }: Service): object {
  const publishesNotReady = spec?.publishNotReadyAddresses === true;
  const isReady = isConditionTrue(pod.status?.conditions, 'Ready');
  const isTerminating = pod.metadata.deletionTimestamp !== undefined;
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [pod.status?.podIP],
    conditions: {
      ready: publishesNotReady || (isReady && !isTerminating),
      serving: isReady,
      terminating: isTerminating,
    },
    ...(pod.spec?.hostname && pod.spec.subdomain === metadata.name ? { hostname: pod.spec.hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
  };
}

/** Pods whose ports have the same numbers stand in one slice; the first has the plain name. */
export function slicesOf(service: Service, pods: readonly Pod[]): EndpointSlice[] {
  const groups = new Map<string, { ports: SlicePort[]; pods: Pod[] }>();
  for (const pod of servingPods(pods)) {
    const ports = (service.spec?.ports ?? []).flatMap((port): SlicePort[] => {
      const number = targetPort(pod, port);
      const { name = '', protocol = 'TCP', appProtocol } = port;
      return number === undefined ? [] : [{ name, protocol, port: number, ...(appProtocol ? { appProtocol } : {}) }];
    });
    const key = JSON.stringify(ports);
    groups.set(key, { ports, pods: [...(groups.get(key)?.pods ?? []), pod] });
  }
  const parts = [...groups.values()].flatMap(({ ports, pods: members }) =>
    Array.from({ length: Math.ceil(members.length / maxSliceEndpoints) }, (_, index) => ({
      ports,
      pods: members.slice(index * maxSliceEndpoints, (index + 1) * maxSliceEndpoints),
    })),
  );
  const list = parts.length > 0 ? parts : [{ ports: undefined, pods: [] }];
  const { name, namespace = '', labels } = service.metadata;
  const isHeadless = service.spec?.clusterIP === 'None';
  return list.map(({ ports, pods: members }, index) => ({
    metadata: {
      name: index === 0 ? `${name}-${shortHash(service)}` : `${name}-${shortHash(service)}-${index}`,
      namespace,
      labels: {
        ...labels,
        [managedByLabel]: sliceManager,
        [serviceNameLabel]: name,
        ...(isHeadless ? { 'service.kubernetes.io/headless': '' } : {}),
      },
      ownerReferences: ownedBy(service),
    },
    addressType: 'IPv4',
    endpoints: members.map((pod) => endpointOf(pod, service)),
    ports: ports ?? null,
  })) as unknown as EndpointSlice[];
}

/** Five characters that go with the service's uid. */
function shortHash({ metadata: { uid = '' } }: Service): string {
  return uid.replaceAll('-', '').slice(0, 5);
}

/** The older form of the same. */
export function endpointsOf(service: Service, pods: readonly Pod[]): Endpoints {
  const { name, namespace = '', labels } = service.metadata;
  const subsets = new Map<string, { addresses: object[]; notReadyAddresses: object[]; ports: object[] }>();
  for (const pod of servingPods(pods)) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const ports = (service.spec?.ports ?? []).flatMap((port) => {
      const number = targetPort(pod, port);
      return number === undefined
        ? []
        : [{ ...(port.name ? { name: port.name } : {}), port: number, protocol: port.protocol ?? 'TCP' }];
    });
    const key = JSON.stringify(ports);
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports };
    subsets.set(key, subset);
    const isReady = service.spec?.publishNotReadyAddresses === true || isConditionTrue(pod.status?.conditions, 'Ready');
    const { name: podName, namespace: podNamespace, uid } = pod.metadata;
    (isReady ? subset.addresses : subset.notReadyAddresses).push({
      ip: pod.status?.podIP,
      ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: { kind: 'Pod', namespace: podNamespace, name: podName, uid },
    });
  }
  const list = [...subsets.values()].map(({ addresses, notReadyAddresses, ports }) => ({
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  }));
  return {
    metadata: { name, namespace, labels: { ...labels, [endpointsManagedByLabel]: 'endpoint-controller' } },
    ...(list.length > 0 ? { subsets: list } : {}),
  } as unknown as Endpoints;
}

/** The slices that mirror Endpoints which somebody wrote for a service without selector. */
export function mirrorsOf(endpoints: Endpoints): EndpointSlice[] {
  const { name, namespace = '', labels, uid = '' } = endpoints.metadata;
  return (endpoints.subsets ?? []).map((subset, index) => {
    const endpoint = (
      address: { ip: string; hostname?: string; nodeName?: string; targetRef?: object },
      ready: boolean,
    ): object => ({
      addresses: [address.ip],
      conditions: { ready },
      ...(address.hostname ? { hostname: address.hostname } : {}),
      ...(address.nodeName ? { nodeName: address.nodeName } : {}),
      ...(address.targetRef === undefined ? {} : { targetRef: address.targetRef }),
    });
    const isV6 = [...(subset.addresses ?? []), ...(subset.notReadyAddresses ?? [])].some(({ ip }) => ip.includes(':'));
    return {
      metadata: {
        name: `${name}-${uid.replaceAll('-', '').slice(0, 5)}${index === 0 ? '' : `-${index}`}`,
        namespace,
        labels: { ...labels, [managedByLabel]: mirrorManager, [serviceNameLabel]: name },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Endpoints', name, uid, controller: true, blockOwnerDeletion: true },
        ],
      },
      addressType: isV6 ? 'IPv6' : 'IPv4',
      endpoints: [
        ...(subset.addresses ?? []).map((address) => endpoint(address, true)),
        ...(subset.notReadyAddresses ?? []).map((address) => endpoint(address, false)),
      ],
      ports: (subset.ports ?? []).map(({ name: portName = '', port, protocol = 'TCP' }) => ({
        name: portName,
        port,
        protocol,
      })),
    } as unknown as EndpointSlice;
  });
}

/** Whether Endpoints are to be mirrored: somebody wrote them for a service without selector. */
export function isMirrored(endpoints: KubeObject, service: Service | undefined): boolean {
  return (
    service !== undefined &&
    Object.keys(service.spec?.selector ?? {}).length === 0 &&
    endpoints.metadata.labels?.[skipMirrorLabel] !== 'true' &&
    endpoints.metadata.deletionTimestamp === undefined
  );
}
