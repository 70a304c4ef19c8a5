// A pod's status from what runs of it. Pure.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
import { setCondition } from '../../api/meta/conditions.ts';
import type { Condition, Container, ContainerStatus, Pod } from '../../api/meta/kubernetes.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { PodStatus } from '../../api/wire/pod-status.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { isActuated, type Resources, resizeOf, shownResources } from './container-resources.ts';
import {
  currentSandbox,
  initFailed,
  isFinished,
  isSidecar,
  latestAttempt,
  restartDelayMs,
  shouldRestart,
} from './plan.ts';
import type { Pending } from './resize.ts';

/** Why a container does not run, when that is not to be seen in the engine. */
export type Waiting = { reason: string; message: string };

export type StatusInput = {
  /** With the resources that are the pod's own now. */
  pod: Pod;
  /** Why it does not have those that it asks for. */
  pending?: Pending | undefined;
  /** Why they could not be brought about. */
  resizeError?: string | undefined;
  containers: readonly RuntimeContainer[];
  /** By container name. */
  waiting: ReadonlyMap<string, Waiting>;
  hostAddress: string;
  /** When the pod was first seen here, if it was reported before. */
  startTime?: string | undefined;
  /** Conditions last reported, for their times. */
  known: Condition[] | undefined;
  /** Whether a running container passes its readiness and startup probes. */
  isReady: (container: Container, id: string) => boolean;
  nowMs: number;
};

export function podStatus(input: StatusInput): PodStatus {
  const { pod, containers, hostAddress, nowMs } = input;
  const sandbox = currentSandbox(containers);
  const initStatuses = (pod.spec?.initContainers ?? []).map((container) => containerStatus(input, container, 'init'));
  const statuses = (pod.spec?.containers ?? []).map((container) => containerStatus(input, container, 'container'));
  const ephemeralStatuses = (pod.spec?.ephemeralContainers ?? []).map((container) =>
    containerStatus(input, container, 'ephemeral'),
  );
  const phase = phaseOf(pod, containers);
  const address = pod.spec?.hostNetwork ? hostAddress : sandbox?.address;
  const isRunning = sandbox?.state === 'running';
  const startedMs = Math.min(nowMs, ...containers.map((item) => item.createdAtMs));
  const { generation } = pod.metadata;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: conditionsOf(input, phase, statuses, isRunning),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...(address !== undefined && isRunning ? { podIP: address, podIPs: [{ ip: address }] } : {}),
    startTime: input.startTime ?? formatTime(startedMs),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    ...(ephemeralStatuses.length > 0 ? { ephemeralContainerStatuses: ephemeralStatuses } : {}),
  } as unknown as PodStatus;
}

function phaseOf(pod: Pod, containers: readonly RuntimeContainer[]): string {
  if (initFailed(pod, containers)) return 'Failed';
  const latest = (pod.spec?.containers ?? []).map((container) => latestAttempt(containers, container.name));
  if (isFinished(pod, containers)) return latest.every((item) => item?.exitCode === 0) ? 'Succeeded' : 'Failed';
  return latest.length > 0 && latest.every((item) => item !== undefined && item.state !== 'created')
    ? 'Running'
    : 'Pending';
}

type State = NonNullable<ContainerStatus['state']>;

function terminatedState(item: RuntimeContainer): State {
  const exitCode = item.exitCode ?? 0;
  const reason = item.oomKilled
    ? 'OOMKilled'
    : item.error !== undefined && exitCode !== 0
      ? 'StartError'
      : exitCode === 0
        ? 'Completed'
        : 'Error';
  return {
    terminated: {
      exitCode,
      reason,
      ...(item.error === undefined ? {} : { message: item.error }),
      startedAt: formatTime(item.startedAtMs ?? item.createdAtMs),
      finishedAt: formatTime(item.finishedAtMs ?? item.createdAtMs),
      containerID: `${item.engine}://${item.id}`,
    },
  } as unknown as State;
}

function containerStatus(
  input: StatusInput,
  container: Container,
  role: 'init' | 'container' | 'ephemeral',
): ContainerStatus {
  const { pod, containers, waiting, nowMs } = input;
  const attempts = containers
    .filter((item) => item.role === role && item.containerName === container.name)
    .sort((a, b) => b.attempt - a.attempt);
  const [last, before] = attempts;
  const blocked = waiting.get(container.name);
  const sandbox = currentSandbox(containers);
  let state: State;
  let lastState: State = before === undefined ? {} : terminatedState(before);
  if (last?.state === 'running')
    state = { running: { startedAt: formatTime(last.startedAtMs ?? nowMs) } } as unknown as State;
  else if (last?.state === 'exited') {
    const restarts =
      shouldRestart(pod, container, role, last.exitCode ?? 0) && pod.metadata.deletionTimestamp === undefined;
    if (restarts && (blocked !== undefined || restartDelayMs(last, nowMs) > 0)) {
      const crashLoop = {
        reason: 'CrashLoopBackOff',
        message: `back-off restarting failed container ${container.name}`,
      };
      state = { waiting: blocked ?? crashLoop };
      lastState = terminatedState(last);
    } else state = terminatedState(last);
  } else {
    const initializing =
      role === 'container' && (pod.spec?.initContainers ?? []).length > 0 && !initialized(pod, containers);
    state = { waiting: blocked ?? ({ reason: initializing ? 'PodInitializing' : 'ContainerCreating' } as Waiting) };
  }
  const runs = last?.state === 'running' && sandbox?.state === 'running';
  const isReady =
    role === 'ephemeral'
      ? false
      : role === 'init' && !isSidecar(container)
        ? last?.state === 'exited' && last.exitCode === 0
        : runs && input.isReady(container, last.id);
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: last?.imageId ?? '',
    ...(last === undefined ? {} : { containerID: `${last.engine}://${last.id}` }),
    ready: isReady,
    started: runs,
    restartCount: last?.attempt ?? 0,
    state,
    lastState,
    ...(role === 'ephemeral' ? {} : resourcesOf(container, last)),
  } as unknown as ContainerStatus;
}

/** What a container has been given, and what the engine holds it to while it runs. */
function resourcesOf(container: Container, last: RuntimeContainer | undefined): Record<string, unknown> {
  const { requests = {} } = (container.resources ?? {}) as Resources;
  if (last === undefined) return {};
  return {
    ...(Object.keys(requests).length > 0 ? { allocatedResources: requests } : {}),
    // Also where there are none: by this the hub knows nodes that resize.
    ...(last.state === 'running'
      ? { resources: isActuated(container, last) ? (container.resources ?? {}) : shownResources(container, last) }
      : {}),
  };
}

/** https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/#pod-resize-status */
function resizeConditions({ pod, pending, resizeError, containers }: StatusInput): Condition[] {
  const { generation } = pod.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const { containers: main = [], initContainers = [] } = pod.spec ?? {};
  const isUnderWay = [...main, ...initContainers.filter(isSidecar)].some((container) => {
    const last = latestAttempt(containers, container.name);
    return last?.state === 'running' && resizeOf(container, last) !== 'none';
  });
  return [
    ...(pending === undefined ? [] : [{ type: 'PodResizePending', status: 'True', ...pending, ...observed }]),
    ...(isUnderWay
      ? [
          {
            type: 'PodResizeInProgress',
            status: 'True',
            ...(resizeError === undefined ? {} : { reason: 'Error', message: resizeError }),
            ...observed,
          },
        ]
      : []),
  ];
}

function initialized(pod: Pod, containers: readonly RuntimeContainer[]): boolean {
  const mainStarted = containers.some((item) => item.role === 'container');
  return (
    mainStarted ||
    (pod.spec?.initContainers ?? []).every((container) => {
      const last = latestAttempt(containers, container.name);
      return isSidecar(container) ? last?.state === 'running' : last?.state === 'exited' && last.exitCode === 0;
    })
  );
}

function conditionsOf(
  input: StatusInput,
  phase: string,
  statuses: ContainerStatus[],
  sandboxRuns: boolean,
): PodStatus['conditions'] {
  const { pod, containers, known, nowMs } = input;
  const now = formatTime(nowMs);
  const unready = statuses.filter((status) => !status.ready).map((status) => status.name);
  const ready: Partial<Condition> & { status: string } =
    phase === 'Succeeded'
      ? { status: 'False', reason: 'PodCompleted' }
      : phase === 'Failed'
        ? { status: 'False', reason: 'PodFailed' }
        : unready.length === 0
          ? { status: 'True' }
          : {
              status: 'False',
              reason: 'ContainersNotReady',
              message: `containers with unready status: [${unready.join(' ')}]`,
            };
  const isInitialized = initialized(pod, containers);
  const wanted: Condition[] = [
    { type: 'PodReadyToStartContainers', status: sandboxRuns ? 'True' : 'False' },
    isInitialized
      ? { type: 'Initialized', status: 'True' }
      : { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized' },
    { ...ready, type: 'Ready' },
    { ...ready, type: 'ContainersReady' },
    ...resizeConditions(input),
  ];
  return wanted
    .reduce((list, condition) => setCondition(list, condition, now), known ?? [])
    .filter((condition) => wanted.some((item) => item.type === condition.type)) as unknown as PodStatus['conditions'];
}
