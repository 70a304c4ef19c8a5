// Service: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/

import type { Service } from '../meta/kubernetes.ts';
import { formatSelector } from '../meta/labels.ts';
import { dns1035LabelError } from '../meta/names.ts';
import type { JsonObject, KubeObject } from '../meta/object.ts';
import { duplicate, type FieldError, invalidValue, notSupported, required } from '../meta/status.ts';
import { ageColumn, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource, streamSubresource } from './kind.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const asService = (object: KubeObject): Service => object as Service;

function portsText(service: Service): string {
  const ports = (service.spec?.ports ?? []).map(
    (port) => `${port.port}${port.nodePort ? `:${port.nodePort}` : ''}/${port.protocol ?? 'TCP'}`,
  );
  return ports.join(',') || '<none>';
}

function externalText(service: Service): string {
  const { type, externalName, externalIPs = [] } = service.spec ?? {};
  if (type === 'ExternalName') return externalName ?? '';
  const assigned = (service.status?.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip ?? ingress.hostname ?? '');
  const all = [...assigned, ...externalIPs].join(',');
  return all || (type === 'LoadBalancer' ? '<pending>' : '<none>');
}

function validate(object: KubeObject): FieldError[] {
  const { type = 'ClusterIP', ports = [], externalName, clusterIP } = asService(object).spec ?? {};
  const errors: FieldError[] = [];
  if (!types.includes(type)) errors.push(notSupported('spec.type', type, types));
  if (ports.length === 0 && type !== 'ExternalName' && clusterIP !== 'None') errors.push(required('spec.ports'));
  if (type === 'ExternalName' && !externalName) errors.push(required('spec.externalName'));
  const names = new Set<string>();
  ports.forEach((port, index) => {
    const at = `spec.ports[${index}]`;
    if (ports.length > 1 && !port.name) errors.push(required(`${at}.name`));
    if (port.name && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
    names.add(port.name ?? '');
    if (!(port.port >= 1 && port.port <= 65535))
      errors.push(invalidValue(`${at}.port`, port.port ?? 0, 'must be between 1 and 65535, inclusive'));
    if (!protocols.includes(port.protocol ?? '')) errors.push(notSupported(`${at}.protocol`, port.protocol, protocols));
    const target = port.targetPort;
    if (typeof target === 'number' && !(target >= 1 && target <= 65535)) {
      errors.push(invalidValue(`${at}.targetPort`, target, 'must be between 1 and 65535, inclusive'));
    }
  });
  return errors;
}

/** Whether the ports of a service are also ports of every node. */
export function usesNodePorts({ spec }: Service): boolean {
  return spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

/** A port keeps its node port unless it is asked for another; a service that needs none any more gives them back. */
function keepNodePorts(service: Service, old: Service): void {
  for (const port of service.spec?.ports ?? []) {
    const { protocol = 'TCP' } = port;
    const before = old.spec?.ports?.find((known) => known.port === port.port && (known.protocol ?? 'TCP') === protocol);
    if (usesNodePorts(service)) port.nodePort ??= before?.nodePort as number;
    else if (port.nodePort !== undefined && port.nodePort === before?.nodePort)
      delete (port as { nodePort?: number }).nodePort;
    if (port.nodePort === undefined) delete (port as { nodePort?: number }).nodePort;
  }
}

export const serviceKind: Kind = defineKind({
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  typeId: 'core.v1.Service',
  nameError: dns1035LabelError,
  subresources: [statusSubresource, streamSubresource('proxy', 'ServiceProxyOptions')],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
    for (const port of (spec.ports as JsonObject[] | undefined) ?? []) {
      setDefaults(port, { protocol: 'TCP' });
      setDefaults(port, { targetPort: port.port });
    }
    if (spec.type === 'ExternalName') return;
    setDefaults(spec, { internalTrafficPolicy: 'Cluster' });
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer')
      setDefaults(spec, { externalTrafficPolicy: 'Cluster' });
    if (spec.type === 'LoadBalancer') setDefaults(spec, { allocateLoadBalancerNodePorts: true });
  },
  prepareCreate: (object) => {
    object.status = { loadBalancer: {} };
  },
  prepareUpdate: (object, old) => {
    const spec = specOf(object);
    // A client that replaces a Service without knowing its address keeps the address.
    if (spec.type === 'ExternalName') return;
    const before = asService(old).spec;
    setDefaults(spec, {
      clusterIP: before?.clusterIP,
      clusterIPs: before?.clusterIPs,
      ipFamilies: before?.ipFamilies,
      ipFamilyPolicy: before?.ipFamilyPolicy,
    });
    keepNodePorts(asService(object), asService(old));
  },
  validate,
  validateUpdate: (object, old) => {
    const [now, before] = [asService(object).spec, asService(old).spec];
    if (now?.type === 'ExternalName' || !before?.clusterIP || now?.clusterIP === before.clusterIP) return [];
    return [invalidValue('spec.clusterIP', now?.clusterIP ?? '', 'field is immutable')];
  },
  selectableFields: (object) => ({
    'spec.clusterIP': asService(object).spec?.clusterIP ?? '',
    'spec.type': asService(object).spec?.type ?? '',
  }),
  columns: [
    textColumn('Type', 'How the service is exposed.', (object) => asService(object).spec?.type ?? ''),
    textColumn('Cluster-IP', 'Address inside the cluster.', (object) => asService(object).spec?.clusterIP || '<none>'),
    textColumn('External-IP', 'Addresses outside the cluster.', (object) => externalText(asService(object))),
    textColumn('Port(s)', 'Ports of the service.', (object) => portsText(asService(object))),
    ageColumn,
    textColumn(
      'Selector',
      'Label selector for its pods.',
      (object) => formatSelector({ matchLabels: asService(object).spec?.selector ?? {} }) || '<none>',
      1,
    ),
  ],
});
