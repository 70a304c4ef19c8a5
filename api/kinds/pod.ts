// Pod: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
import type { Pod } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { forbiddenField } from '../meta/status.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource, streamSubresource } from './kind.ts';
import { gatedReason, podColumns } from './pod-columns.ts';
import { admitPodSpec, defaultPodSpec } from './pod-defaults.ts';
import { qosClassOf } from './pod-qos.ts';
import { applyReadinessGates } from './pod-readiness.ts';
import { podChangeErrors } from './pod-rules/update.ts';
import { validatePodSpec } from './pod-validation.ts';

const asPod = (object: KubeObject): Pod => object as Pod;

/** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/ */
const gatedCondition = {
  type: 'PodScheduled',
  status: 'False',
  reason: gatedReason,
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export const podKind: Kind = defineKind({
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  typeId: 'core.v1.Pod',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [
    statusSubresource,
    {
      name: 'binding',
      verbs: ['create'],
      kind: { group: '', version: 'v1', kind: 'Binding', typeId: 'core.v1.Binding' },
    },
    { name: 'log', verbs: ['get'] },
    streamSubresource('attach', 'PodAttachOptions'),
    { name: 'ephemeralcontainers', verbs: ['get', 'patch', 'update'] },
    {
      name: 'eviction',
      verbs: ['create'],
      kind: { group: 'policy', version: 'v1', kind: 'Eviction', typeId: 'policy.v1.Eviction' },
    },
    streamSubresource('exec', 'PodExecOptions'),
    streamSubresource('portforward', 'PodPortForwardOptions'),
    streamSubresource('proxy', 'PodProxyOptions'),
    { name: 'resize', verbs: ['get', 'patch', 'update'] },
  ],
  applyDefaults: (object) => {
    defaultPodSpec(specOf(object));
    admitPodSpec(specOf(object));
  },
  prepareCreate: (object) => {
    const isGated = (asPod(object).spec?.schedulingGates ?? []).length > 0;
    object.status = {
      phase: 'Pending',
      ...(isGated ? { conditions: [gatedCondition] } : {}),
      qosClass: qosClassOf(asPod(object)),
    };
  },
  prepareUpdate: (object, old) => {
    // A client that replaces a pod without knowing what its class came to changes nothing of it.
    const { priority, preemptionPolicy } = specOf(old);
    setDefaults(specOf(object), { priority, preemptionPolicy });
  },
  prepareStatus: (object, old, now) => applyReadinessGates(asPod(object), asPod(old), now),
  validate: (object) => validatePodSpec(asPod(object).spec, 'spec'),
  validateCreate: (object) =>
    (asPod(object).spec?.ephemeralContainers ?? []).length > 0
      ? [forbiddenField('spec.ephemeralContainers', 'cannot be set on create')]
      : [],
  validateUpdate: (object, old) => podChangeErrors(asPod(object), asPod(old)),
  selectableFields: (object) => {
    const pod = asPod(object);
    return {
      'spec.nodeName': pod.spec?.nodeName ?? '',
      'spec.restartPolicy': pod.spec?.restartPolicy ?? '',
      'spec.schedulerName': pod.spec?.schedulerName ?? '',
      'spec.serviceAccountName': pod.spec?.serviceAccountName ?? '',
      'spec.hostNetwork': String(pod.spec?.hostNetwork ?? false),
      'status.phase': pod.status?.phase ?? '',
      'status.podIP': pod.status?.podIP ?? '',
      'status.nominatedNodeName': pod.status?.nominatedNodeName ?? '',
    };
  },
  defaultGracePeriodSeconds: (object) => asPod(object).spec?.terminationGracePeriodSeconds ?? 30,
  columns: podColumns,
});
