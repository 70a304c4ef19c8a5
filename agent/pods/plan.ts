// The pod planner: from what is desired and what runs to the next steps. Pure,
// so that every state a pod can be found in after a crash is a line of a test.
//
//   no sandbox -> sandbox -> init containers, one after the other -> containers
//   running -> exited -> (restart policy, backoff) -> a new attempt
//   deleted -> containers stopped -> sandbox stopped -> all removed -> gone
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import type { ContainerResources, ContainerRole, RuntimeContainer } from '../runtime/runtime.ts';
import { containerHash } from './container-hash.ts';
import { resizeOf, wantedResources } from './container-resources.ts';

export type Step =
  | { type: 'create-sandbox'; attempt: number }
  | {
      type: 'start';
      container: Container;
      role: 'init' | 'container' | 'ephemeral';
      attempt: number;
      crashStreak: number;
      sandboxId: string;
      /** Id of the container whose processes it is to see. */
      sharesProcessesOf?: string | undefined;
    }
  | { type: 'stop'; ids: string[]; graceSeconds: number; why: string }
  /** Gives a running container other resources. */
  | { type: 'update'; id: string; containerName: string; resources: ContainerResources }
  | { type: 'remove'; ids: string[] }
  /** Look again after this time, ms. */
  | { type: 'wait'; delayMs: number }
  /** Nothing of the pod is left in the engine. */
  | { type: 'gone' };

const resizedWhy = 'its resources changed';

/** Whether a step is a running container's way to other resources. */
export function isResizeStep(step: Step): boolean {
  return step.type === 'update' || (step.type === 'stop' && step.why === resizedWhy);
}

/** Delay before restart n in a row: none, 10 s, 20 s ... 5 min, as the kubelet's. */
const firstBackoffMs = 10_000;
const longestBackoffMs = 300_000;
/** A container that ran this long has no crashes behind it. */
const backoffResetMs = 600_000;
/** Grace for what runs of pods that the hub has forgotten. */
const orphanGraceSeconds = 2;

/** Whether init containers with this policy are sidecars: they start before and run beside the containers. */
export function isSidecar(container: Container): boolean {
  return (container as { restartPolicy?: string }).restartPolicy === 'Always';
}

function newest(containers: readonly RuntimeContainer[]): RuntimeContainer | undefined {
  return containers.reduce<RuntimeContainer | undefined>(
    (best, item) => (best === undefined || item.attempt > best.attempt ? item : best),
    undefined,
  );
}

/** The newest attempt of a container of the spec. */
export function latestAttempt(containers: readonly RuntimeContainer[], name: string): RuntimeContainer | undefined {
  return newest(containers.filter((item) => item.role !== 'sandbox' && item.containerName === name));
}

export function currentSandbox(containers: readonly RuntimeContainer[]): RuntimeContainer | undefined {
  return newest(containers.filter((item) => item.role === 'sandbox'));
}

/** Whether an exited container is to run again. */
export function shouldRestart(pod: Pod, container: Container, role: ContainerRole, exitCode: number): boolean {
  if (role === 'init' && isSidecar(container)) return true;
  if (role === 'ephemeral') return false;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  if (role === 'init') return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Crashes in a row that the next attempt has behind it. */
function nextStreak(last: RuntimeContainer): number {
  const ranMs = (last.finishedAtMs ?? 0) - (last.startedAtMs ?? last.finishedAtMs ?? 0);
  return ranMs >= backoffResetMs ? 1 : last.crashStreak + 1;
}

/** Time until an exited container may start again, ms. */
export function restartDelayMs(last: RuntimeContainer, nowMs: number): number {
  const streak = nextStreak(last);
  if (streak <= 1) return 0;
  const backoffMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(streak - 2, 10));
  // The clock may have jumped since: never wait longer than the backoff, counted from when the exit was seen.
  const longestMs = backoffMs - (last.exitKnownMs ?? 0);
  return Math.max(0, Math.min(longestMs, (last.finishedAtMs ?? nowMs) + backoffMs - nowMs));
}

/** Steps for a pod that is desired (`pod`), or that no longer is (undefined). */
export function planPod(pod: Pod | undefined, containers: readonly RuntimeContainer[], nowMs: number): Step[] {
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return planRemoval(pod, containers);
  const sandbox = currentSandbox(containers);
  if (sandbox?.state !== 'running') return planSandbox(pod, sandbox, containers);
  const here = containers.filter((item) => item.sandboxId === sandbox.id);
  const steps = planContainers(pod, sandbox, here, containers, nowMs);
  const surplus = planSurplus(containers, sandbox);
  if (isFinished(pod, containers)) {
    // Sidecars end before the network that they may still need.
    const running = containers.filter((item) => item.role !== 'sandbox' && item.state === 'running');
    const stop: Step =
      running.length > 0
        ? {
            type: 'stop',
            ids: ids(running),
            graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
            why: 'finished',
          }
        : { type: 'stop', ids: [sandbox.id], graceSeconds: 0, why: 'finished' };
    return [...surplus, stop];
  }
  return [...surplus, ...steps];
}

function planRemoval(pod: Pod | undefined, containers: readonly RuntimeContainer[]): Step[] {
  const graceSeconds = pod?.metadata.deletionGracePeriodSeconds ?? orphanGraceSeconds;
  const running = containers.filter((item) => item.state === 'running');
  const main = running.filter((item) => item.role === 'container');
  // Sidecars go after the containers that they serve, and whoever debugs with them.
  const others = running.filter((item) => item.role === 'init' || item.role === 'ephemeral');
  if (main.length > 0) return [{ type: 'stop', ids: ids(main), graceSeconds, why: 'deleted' }];
  if (others.length > 0) return [{ type: 'stop', ids: ids(others), graceSeconds, why: 'deleted' }];
  if (running.length > 0) return [{ type: 'stop', ids: ids(running), graceSeconds: 0, why: 'deleted' }];
  if (containers.length > 0) return [{ type: 'remove', ids: ids(containers) }];
  return [{ type: 'gone' }];
}

function ids(containers: readonly RuntimeContainer[]): string[] {
  return containers.map((item) => item.id);
}

/** The sandbox does not run: nothing of the pod can. What is still running of it is without network and starts anew. */
function planSandbox(pod: Pod, sandbox: RuntimeContainer | undefined, containers: readonly RuntimeContainer[]): Step[] {
  const running = containers.filter((item) => item.state === 'running');
  if (running.length > 0)
    return [
      {
        type: 'stop',
        ids: ids(running),
        graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
        why: 'its sandbox is gone',
      },
    ];
  if (isFinished(pod, containers)) return [];
  const dead = containers.filter((item) => item.role === 'sandbox' || item.state === 'created');
  const steps: Step[] = dead.length > 0 ? [{ type: 'remove', ids: ids(dead) }] : [];
  return [...steps, { type: 'create-sandbox', attempt: (sandbox?.attempt ?? -1) + 1 }];
}

/** Whether every container has ended and none is to run again. */
export function isFinished(pod: Pod, containers: readonly RuntimeContainer[]): boolean {
  if (initFailed(pod, containers)) return true;
  return (pod.spec?.containers ?? []).every((container) => {
    const last = latestAttempt(containers, container.name);
    return last?.state === 'exited' && !shouldRestart(pod, container, 'container', last.exitCode ?? 0);
  });
}

/** Whether an init container failed for good. */
export function initFailed(pod: Pod, containers: readonly RuntimeContainer[]): boolean {
  return (pod.spec?.initContainers ?? []).some((container) => {
    const last = latestAttempt(containers, container.name);
    return (
      !isSidecar(container) &&
      last?.state === 'exited' &&
      (last.exitCode ?? 0) !== 0 &&
      !shouldRestart(pod, container, 'init', last.exitCode ?? 0)
    );
  });
}

function planContainers(
  pod: Pod,
  sandbox: RuntimeContainer,
  here: readonly RuntimeContainer[],
  all: readonly RuntimeContainer[],
  nowMs: number,
): Step[] {
  const steps: Step[] = [];
  const mainStarted = here.some((item) => item.role === 'container');
  for (const container of pod.spec?.initContainers ?? []) {
    const last = latestAttempt(here, container.name);
    const isDone = isSidecar(container) ? last?.state === 'running' : last?.state === 'exited' && last.exitCode === 0;
    const isCurrent =
      !isSidecar(container) || (last?.specHash === containerHash(container) && resizeOf(container, last) === 'none');
    if ((isDone && isCurrent) || (mainStarted && !isSidecar(container))) continue;
    steps.push(...planContainer(pod, container, 'init', sandbox, last, all, nowMs));
    // The next one waits for this one; a sidecar that fell over later holds nobody up.
    if (!mainStarted) return [...steps, ...planEphemeral(pod, sandbox, all)];
  }
  for (const container of pod.spec?.containers ?? []) {
    steps.push(...planContainer(pod, container, 'container', sandbox, latestAttempt(here, container.name), all, nowMs));
  }
  return [...steps, ...planEphemeral(pod, sandbox, all)];
}

/** Containers for debugging start once, whatever becomes of them, also in pods that don't come up. */
function planEphemeral(pod: Pod, sandbox: RuntimeContainer, all: readonly RuntimeContainer[]): Step[] {
  return (pod.spec?.ephemeralContainers ?? []).flatMap(({ targetContainerName, ...container }): Step[] => {
    const last = latestAttempt(all, container.name);
    if (last !== undefined && last.state !== 'created') return [];
    const target = targetContainerName === undefined ? undefined : latestAttempt(all, targetContainerName);
    const start: Step = {
      type: 'start',
      container,
      role: 'ephemeral',
      attempt: 0,
      crashStreak: 0,
      sandboxId: sandbox.id,
      sharesProcessesOf: target?.state === 'running' ? target.id : undefined,
    };
    return last === undefined ? [start] : [{ type: 'remove', ids: [last.id] }, start];
  });
}

function planContainer(
  pod: Pod,
  container: Container,
  role: 'init' | 'container',
  sandbox: RuntimeContainer,
  last: RuntimeContainer | undefined,
  all: readonly RuntimeContainer[],
  nowMs: number,
): Step[] {
  const start = (attempt: number, crashStreak: number): Step => ({
    type: 'start',
    container,
    role,
    attempt,
    crashStreak,
    sandboxId: sandbox.id,
  });
  if (last === undefined) {
    const before = latestAttempt(all, container.name);
    // One that ended for good in an earlier sandbox is not run again by a reboot.
    if (
      before?.state === 'exited' &&
      role === 'container' &&
      !shouldRestart(pod, container, role, before.exitCode ?? 0)
    )
      return [];
    return [start((before?.attempt ?? -1) + 1, 0)];
  }
  if (last.state === 'running') {
    const stop = (why: string): Step => ({
      type: 'stop',
      ids: [last.id],
      graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
      why,
    });
    if (last.specHash !== containerHash(container)) return [stop('its definition changed')];
    const resize = resizeOf(container, last);
    // In one go: a container that ends well for this is not one that has done its work.
    if (resize === 'restart') return [stop(resizedWhy), start(last.attempt + 1, 0)];
    if (resize === 'none') return [];
    return [{ type: 'update', id: last.id, containerName: container.name, resources: wantedResources(container) }];
  }
  // Made but never started: a crash came between. It is made anew under the same number.
  if (last.state === 'created') return [{ type: 'remove', ids: [last.id] }, start(last.attempt, last.crashStreak)];
  if (last.specHash !== containerHash(container)) return [start(last.attempt + 1, 0)];
  if (!shouldRestart(pod, container, role, last.exitCode ?? 0)) return [];
  const delayMs = restartDelayMs(last, nowMs);
  return delayMs > 0 ? [{ type: 'wait', delayMs }] : [start(last.attempt + 1, nextStreak(last))];
}

/** Old attempts: of each container only the newest and the one before it (for logs and lastState) are kept. */
function planSurplus(containers: readonly RuntimeContainer[], sandbox: RuntimeContainer): Step[] {
  const surplus = containers.filter(
    (item) => item.role === 'sandbox' && item.id !== sandbox.id && item.state !== 'running',
  );
  const byName = new Map<string, RuntimeContainer[]>();
  for (const item of containers)
    if (item.role !== 'sandbox') byName.set(item.containerName, [...(byName.get(item.containerName) ?? []), item]);
  for (const attempts of byName.values()) {
    const old = [...attempts].sort((a, b) => b.attempt - a.attempt).slice(2);
    surplus.push(...old.filter((item) => item.state !== 'running'));
  }
  return surplus.length > 0 ? [{ type: 'remove', ids: ids(surplus) }] : [];
}
