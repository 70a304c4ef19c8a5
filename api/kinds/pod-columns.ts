// The printed columns of pods, as kubectl users know them.
// https://kubernetes.io/docs/reference/kubectl/generated/kubectl_get/
import { findCondition, isConditionTrue } from '../meta/conditions.ts';
import type { ContainerStatus, Pod } from '../meta/kubernetes.ts';
import type { KubeObject } from '../meta/object.ts';
import { ageColumn, ageOf, textColumn } from './columns.ts';
import type { Column } from './kind.ts';

/** Why a pod with gates is not scheduled. */
export const gatedReason = 'SchedulingGated';

const asPod = (object: KubeObject): Pod => object as Pod;

/** Names of the init containers that run on beside the others. */
function sidecarsOf({ spec }: Pod): Set<string> {
  return new Set(
    spec?.initContainers?.flatMap(({ name, restartPolicy }) => (restartPolicy === 'Always' ? [name] : [])),
  );
}

/** What keeps the pod from being initialised; undefined when nothing does. */
function initReason(pod: Pod): string | undefined {
  const sidecars = sidecarsOf(pod);
  const total = pod.spec?.initContainers?.length ?? 0;
  for (const [index, { name, state, started }] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting } = state ?? {};
    if (terminated?.exitCode === 0 || (sidecars.has(name) && started)) continue;
    if (terminated !== undefined) return `Init:${endText(terminated)}`;
    const isTelling = waiting?.reason && waiting.reason !== 'PodInitializing';
    return `Init:${isTelling ? waiting.reason : `${index}/${total}`}`;
  }
  return undefined;
}

function endText({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode: number }): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function containersReason(pod: Pod, phase: string): string {
  let reason = phase;
  let hasRunning = false;
  for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated !== undefined) reason = endText(terminated);
    else if (container.ready && running !== undefined) hasRunning = true;
  }
  if (reason === 'Completed' && hasRunning)
    return isConditionTrue(pod.status?.conditions, 'Ready') ? 'Running' : 'NotReady';
  return reason;
}

/** Whether the containers count, and those that initialise do not any more. */
function isInitialized(pod: Pod): boolean {
  return initReason(pod) === undefined || isConditionTrue(pod.status?.conditions, 'Initialized');
}

/** The STATUS column: the phase, or the most telling reason of a container. */
export function podStatusText(pod: Pod): string {
  const { status, metadata } = pod;
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (metadata.deletionTimestamp !== undefined && status?.reason === 'NodeLost') return 'Unknown';
  if (metadata.deletionTimestamp !== undefined && !isOver) return 'Terminating';
  const isGated = findCondition(status?.conditions, 'PodScheduled')?.reason === gatedReason;
  const reason = isGated ? gatedReason : status?.reason || status?.phase || 'Unknown';
  const waitsFor = initReason(pod) ?? reason;
  return isInitialized(pod) ? containersReason(pod, waitsFor) : waitsFor;
}

/** Restarts of what runs now: of init containers only until they are done, of sidecars always. */
function restartsText(pod: Pod, nowMs: number): string {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const sidecars = sidecarsOf(pod);
  const counted: ContainerStatus[] = isInitialized(pod)
    ? [...initContainerStatuses.filter(({ name }) => sidecars.has(name)), ...containerStatuses]
    : initContainerStatuses;
  const count = counted.reduce((sum, status) => sum + (status.restartCount ?? 0), 0);
  const last = counted
    .map((status) => status.lastState?.terminated?.finishedAt ?? '')
    .sort()
    .at(-1);
  return count > 0 && last ? `${count} (${ageOf(last, nowMs)} ago)` : `${count}`;
}

/** How many of the containers that stay are ready. */
function readyText(pod: Pod): string {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const sidecars = sidecarsOf(pod);
  const total = (pod.spec?.containers.length ?? 0) + sidecars.size;
  const readySidecars = initContainerStatuses.filter(
    ({ name, started, ready }) => sidecars.has(name) && started && ready,
  );
  const ready = containerStatuses.filter((status) => status.ready && status.state?.running !== undefined);
  return `${readySidecars.length + (isInitialized(pod) ? ready.length : 0)}/${total}`;
}

function gatesText({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const passed = gates.filter(({ conditionType }) => isConditionTrue(status?.conditions, conditionType));
  return `${passed.length}/${gates.length}`;
}

export const podColumns: Column[] = [
  textColumn('Ready', 'The aggregate readiness state of this pod for accepting traffic.', (object) =>
    readyText(asPod(object)),
  ),
  textColumn('Status', 'The aggregate status of the containers in this pod.', (object) => podStatusText(asPod(object))),
  textColumn(
    'Restarts',
    'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    (object, nowMs) => restartsText(asPod(object), nowMs),
  ),
  ageColumn,
  textColumn('IP', 'The IP address of the pod.', (object) => asPod(object).status?.podIP || '<none>', 1),
  textColumn('Node', 'The node that the pod is assigned to.', (object) => asPod(object).spec?.nodeName || '<none>', 1),
  textColumn(
    'Nominated Node',
    'The node that the pod may get once others have left it.',
    (object) => asPod(object).status?.nominatedNodeName || '<none>',
    1,
  ),
  textColumn('Readiness Gates', 'Readiness gates that are passed.', (object) => gatesText(asPod(object)), 1),
];
