// All kinds that are served, in the order in which discovery lists their groups:
// short names go to the first. A new kind is a file beside this one and a line here.
import {
  mutatingPolicyBindingKind,
  mutatingPolicyKind,
  mutatingWebhookKind,
  validatingPolicyBindingKind,
  validatingPolicyKind,
  validatingWebhookKind,
} from './admission-registration.ts';
import { autoscalerKind, autoscalerV1Kind } from './autoscaling.ts';
import { cronJobKind, jobKind } from './batch.ts';
import { certificateSigningRequestKind, leaseKind } from './cluster.ts';
import { configMapKind, namespaceKind, secretKind, serviceAccountKind } from './core.ts';
import { podTemplateKind, replicationControllerKind } from './core-workloads.ts';
import { endpointSliceKind, endpointsKind } from './discovery.ts';
import { eventKind, newEventKind } from './event.ts';
import { apiServiceKind, customResourceDefinitionKind } from './extensions.ts';
import { flowSchemaKind, priorityLevelKind } from './flow-control.ts';
import type { Kind, ResourceId } from './kind.ts';
import { ingressClassKind, ingressKind, ipAddressKind, networkPolicyKind, serviceCidrKind } from './networking.ts';
import { nodeKind } from './node.ts';
import { podKind } from './pod.ts';
import { podDisruptionBudgetKind } from './policy.ts';
import { limitRangeKind, resourceQuotaKind } from './quota.ts';
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from './rbac.ts';
import { deviceClassKind, resourceClaimKind, resourceClaimTemplateKind, resourceSliceKind } from './resource.ts';
import {
  bindingKind,
  componentStatusKind,
  localSubjectAccessReviewKind,
  nodeMetricsKind,
  podMetricsKind,
  selfSubjectAccessReviewKind,
  selfSubjectReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
  tokenReviewKind,
} from './reviews.ts';
import { priorityClassKind, runtimeClassKind } from './scheduling.ts';
import { serviceKind } from './service.ts';
import { statefulSetKind } from './stateful-set.ts';
import {
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  storageClassKind,
  volumeAttachmentKind,
  volumeAttributesClassKind,
} from './storage.ts';
import { persistentVolumeClaimKind, persistentVolumeKind } from './volumes.ts';
import { controllerRevisionKind, daemonSetKind, deploymentKind, replicaSetKind } from './workload.ts';

export const kinds: readonly Kind[] = [
  bindingKind,
  componentStatusKind,
  configMapKind,
  endpointsKind,
  eventKind,
  limitRangeKind,
  namespaceKind,
  nodeKind,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  podTemplateKind,
  replicationControllerKind,
  resourceQuotaKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  apiServiceKind,
  controllerRevisionKind,
  daemonSetKind,
  deploymentKind,
  replicaSetKind,
  statefulSetKind,
  newEventKind,
  selfSubjectReviewKind,
  tokenReviewKind,
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
  autoscalerKind,
  autoscalerV1Kind,
  cronJobKind,
  jobKind,
  certificateSigningRequestKind,
  ingressClassKind,
  ingressKind,
  ipAddressKind,
  networkPolicyKind,
  serviceCidrKind,
  podDisruptionBudgetKind,
  clusterRoleBindingKind,
  clusterRoleKind,
  roleBindingKind,
  roleKind,
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  storageClassKind,
  volumeAttachmentKind,
  volumeAttributesClassKind,
  mutatingPolicyBindingKind,
  mutatingPolicyKind,
  mutatingWebhookKind,
  validatingPolicyBindingKind,
  validatingPolicyKind,
  validatingWebhookKind,
  customResourceDefinitionKind,
  priorityClassKind,
  leaseKind,
  runtimeClassKind,
  endpointSliceKind,
  flowSchemaKind,
  priorityLevelKind,
  deviceClassKind,
  resourceClaimKind,
  resourceClaimTemplateKind,
  resourceSliceKind,
  nodeMetricsKind,
  podMetricsKind,
];

const byResource = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
const byKind = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.kind}`, kind]));

/** The kind that a URL's resource names. */
export function findResource({ group, version, resource }: ResourceId): Kind | undefined {
  return byResource.get(`${group}/${version}/${resource}`);
}

/** The kind of an `apiVersion` and `kind`. */
export function findKind(apiVersion: string, kind: string): Kind | undefined {
  const [first = '', second] = apiVersion.split('/');
  return byKind.get(second === undefined ? `/${first}/${kind}` : `${first}/${second}/${kind}`);
}

/** Kinds whose objects are in the store under their own name: neither questions nor second forms of others. */
export const storedKinds: readonly Kind[] = kinds.filter(
  (kind) => kind.storage === undefined && kind.verbs.includes('watch'),
);
