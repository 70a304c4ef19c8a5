// Pod: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
import { isConditionTrue } from '../meta/conditions.ts';
import type { ContainerStatus, Pod } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { forbiddenField } from '../meta/status.ts';
import { ageColumn, ageOf, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource, streamSubresource } from './kind.ts';
import { admitPodSpec, defaultPodSpec } from './pod-defaults.ts';
import { qosClassOf } from './pod-qos.ts';
import { podChangeErrors } from './pod-rules/update.ts';
import { validatePodSpec } from './pod-validation.ts';

/** The STATUS column: the phase, or the most telling reason of a container, as kubectl users know it. */
export function podStatusText(pod: Pod): string {
  const status = pod.status;
  let reason = status?.reason || status?.phase || 'Unknown';
  const initTotal = pod.spec?.initContainers?.length ?? 0;
  let initializing = false;
  for (const [index, container] of (status?.initContainerStatuses ?? []).entries()) {
    if (container.state?.terminated?.exitCode === 0) continue;
    initializing = true;
    const { terminated, waiting } = container.state ?? {};
    if (terminated !== undefined) reason = `Init:${terminated.reason || `ExitCode:${terminated.exitCode}`}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') reason = `Init:${waiting.reason}`;
    else reason = `Init:${index}/${initTotal}`;
    break;
  }
  if (!initializing) reason = containersReason(pod, reason);
  if (pod.metadata.deletionTimestamp !== undefined) return status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
  return reason;
}

function containersReason(pod: Pod, phase: string): string {
  let reason = phase;
  let hasRunning = false;
  for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated !== undefined)
      reason =
        terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);
    else if (container.ready && running !== undefined) hasRunning = true;
  }
  if (reason === 'Completed' && hasRunning)
    return isConditionTrue(pod.status?.conditions, 'Ready') ? 'Running' : 'NotReady';
  return reason;
}

function restarts(pod: Pod, nowMs: number): string | number {
  const statuses: ContainerStatus[] = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
  ];
  const count = statuses.reduce((sum, status) => sum + (status.restartCount ?? 0), 0);
  const last = statuses
    .map((status) => status.lastState?.terminated?.finishedAt ?? '')
    .sort()
    .at(-1);
  return count > 0 && last ? `${count} (${ageOf(last, nowMs)} ago)` : `${count}`;
}

const asPod = (object: KubeObject): Pod => object as Pod;

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
    object.status = { phase: 'Pending', qosClass: qosClassOf(asPod(object)) };
  },
  prepareUpdate: (object, old) => {
    // A client that replaces a pod without knowing what its class came to changes nothing of it.
    const { priority, preemptionPolicy } = specOf(old);
    setDefaults(specOf(object), { priority, preemptionPolicy });
  },
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
  columns: [
    textColumn('Ready', 'The aggregate readiness state of this pod for accepting traffic.', (object) => {
      const statuses = asPod(object).status?.containerStatuses ?? [];
      const ready = statuses.filter((status) => status.ready && status.state?.running !== undefined).length;
      return `${ready}/${asPod(object).spec?.containers.length ?? 0}`;
    }),
    textColumn('Status', 'The aggregate status of the containers in this pod.', (object) =>
      podStatusText(asPod(object)),
    ),
    textColumn(
      'Restarts',
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
      (object, nowMs) => restarts(asPod(object), nowMs),
    ),
    ageColumn,
    textColumn('IP', 'The IP address of the pod.', (object) => asPod(object).status?.podIP || '<none>', 1),
    textColumn(
      'Node',
      'The node that the pod is assigned to.',
      (object) => asPod(object).spec?.nodeName || '<none>',
      1,
    ),
    textColumn(
      'Nominated Node',
      'The node that the pod may get once others have left it.',
      (object) => asPod(object).status?.nominatedNodeName || '<none>',
      1,
    ),
    textColumn('Readiness Gates', 'Readiness gates that are passed.', () => '<none>', 1),
  ],
});
