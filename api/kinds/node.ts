// Node: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/
import { findCondition } from '../meta/conditions.ts';
import type { Node } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { type FieldError, forbiddenField, notSupported, required } from '../meta/status.ts';
import { ageColumn, textColumn } from './columns.ts';
import { defineKind, type Kind, specOf, statusSubresource, streamSubresource } from './kind.ts';

const asNode = (object: KubeObject): Node => object as Node;
const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function statusText(node: Node): string {
  const ready = findCondition(node.status?.conditions, 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable === true ? `${text},SchedulingDisabled` : text;
}

function roles(node: Node): string {
  const prefix = 'node-role.kubernetes.io/';
  const found = Object.keys(node.metadata.labels ?? {}).flatMap((label) =>
    label.startsWith(prefix) && label.length > prefix.length ? label.slice(prefix.length) : [],
  );
  return found.sort().join(',') || '<none>';
}

function address(node: Node, type: string): string {
  return node.status?.addresses?.find((item) => item.type === type)?.address ?? '<none>';
}

export const nodeKind: Kind = defineKind({
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  typeId: 'core.v1.Node',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource, streamSubresource('proxy', 'NodeProxyOptions')],
  applyDefaults: (object) => {
    specOf(object);
  },
  validate: (object) => {
    const errors: FieldError[] = [];
    asNode(object).spec?.taints?.forEach((taint, index) => {
      if (!taint.key) errors.push(required(`spec.taints[${index}].key`));
      if (!taintEffects.includes(taint.effect))
        errors.push(notSupported(`spec.taints[${index}].effect`, taint.effect, taintEffects));
    });
    return errors;
  },
  validateUpdate: (object, old) => {
    const before = asNode(old).spec?.podCIDR;
    return before && asNode(object).spec?.podCIDR !== before
      ? [forbiddenField('spec.podCIDR', 'node updates may not change podCIDR except from "" to valid')]
      : [];
  },
  selectableFields: (object) => ({ 'spec.unschedulable': String(asNode(object).spec?.unschedulable ?? false) }),
  columns: [
    textColumn('Status', 'The status of the node', (object) => statusText(asNode(object))),
    textColumn('Roles', 'The roles of the node', (object) => roles(asNode(object))),
    ageColumn,
    textColumn(
      'Version',
      'Kubelet Version reported by the node.',
      (object) => asNode(object).status?.nodeInfo?.kubeletVersion ?? '',
    ),
    textColumn(
      'Internal-IP',
      'Address of the node inside the cluster.',
      (object) => address(asNode(object), 'InternalIP'),
      1,
    ),
    textColumn(
      'External-IP',
      'Address of the node outside the cluster.',
      (object) => address(asNode(object), 'ExternalIP'),
      1,
    ),
    textColumn(
      'OS-Image',
      'Operating system that the node reports.',
      (object) => asNode(object).status?.nodeInfo?.osImage || '<unknown>',
      1,
    ),
    textColumn(
      'Kernel-Version',
      'Kernel that the node reports.',
      (object) => asNode(object).status?.nodeInfo?.kernelVersion || '<unknown>',
      1,
    ),
    textColumn(
      'Container-Runtime',
      'Container engine that the node reports.',
      (object) => asNode(object).status?.nodeInfo?.containerRuntimeVersion || '<unknown>',
      1,
    ),
  ],
});
