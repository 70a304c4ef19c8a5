// How soon things must happen on a device that nothing has disturbed for a
// while: crashed containers start again, deleted pods end. And how seldom an
// agent knocks at the hub.
import { latestAttempt } from '../../agent/pods/plan.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Device } from './device.ts';
import type { SimulatedNetwork } from './network.ts';
import { images } from './programs.ts';

/** What of a pod matters here. */
export type TimedPod = {
  uid: string;
  name: string;
  nodeName: string | undefined;
  /** Monotonic time at which it got its node. */
  boundMs: number;
  /** Monotonic time of the delete; undefined while the pod is desired. */
  deletedMs: number | undefined;
  graceMs: number;
  /** It restarts whatever ends, and waits for nothing but itself. */
  isPlain: boolean;
  images: ReadonlyMap<string, string>;
  /** Names of what runs for ever, and of those with a liveness probe. */
  mainNames: readonly string[];
  probedNames: readonly string[];
  /** Time that its containers have to end, ms. */
  endMs: number;
};
export type TimelinessParts = {
  clock: Clock;
  network: SimulatedNetwork;
  hubIsUp: () => boolean;
  /** Monotonic times at which a container started and ended. */
  startedMs: (device: Device, containerId: string) => number;
  exitedMs: (device: Device, containerId: string) => number;
};

/** A device counts as undisturbed after this time: agents look at a lost engine again every few seconds. */
const calmMs = 40_000;
const slackMs = 8000;
/** After this time without a fault of the link, hub and agent have found each other again. */
const reconnectMs = 120_000;
/** Time from a pod's arrival on a device to its containers. */
const prepareMs = 30_000;
/** Time in which liveness probes notice that something hangs: three failures. */
const probeMs = 40_000;
const minuteMs = 60_000;
/** An agent tries 8 times in the first minute of an outage; faults may add some. */
const maxConnectsAMinute = 20;

export class Timeliness {
  #parts: TimelinessParts;

  constructor(parts: TimelinessParts) {
    this.#parts = parts;
  }

  /** What is late on a device. */
  check(device: Device, pods: readonly TimedPod[]): string[] {
    const { clock, network, hubIsUp } = this.#parts;
    const now = clock.monotonicMs();
    const connects = network.connects.filter(({ nodeName, atMs }) => nodeName === device.name && atMs > now - minuteMs);
    const problems =
      connects.length > maxConnectsAMinute ? [`${device.name} connected ${connects.length} times in a minute`] : [];
    const worksAlone = device.process !== undefined && device.engine.available && !device.disk.full;
    if (!worksAlone || now - device.disturbedMs < calmMs) return problems;
    const isInTouch = hubIsUp() && !network.isCut(device.name);
    for (const pod of pods.filter(({ nodeName }) => nodeName === device.name)) {
      if (pod.deletedMs === undefined) problems.push(...this.#lateContainers(device, pod, isInTouch));
      else if (isInTouch && this.#isLate(Math.max(pod.deletedMs, device.linkDisturbedMs + reconnectMs) + pod.graceMs))
        problems.push(`${device.name}: pod ${pod.name} was deleted and is still there`);
    }
    return problems;
  }

  #lateContainers(device: Device, pod: TimedPod, isInTouch: boolean): string[] {
    if (!pod.isPlain) return [];
    const containers = device.engine.containers().filter(({ podUid }) => podUid === pod.uid);
    const sandbox = containers.find(({ role, state }) => role === 'sandbox' && state === 'running');
    const knownMs = Math.max(pod.boundMs, device.linkDisturbedMs + reconnectMs, device.disturbedMs);
    if (sandbox === undefined)
      return isInTouch && this.#isLate(knownMs + prepareMs) ? [`${device.name}: ${pod.name} has no sandbox`] : [];
    return pod.mainNames.flatMap((name) => {
      const last = latestAttempt(containers, name);
      const image = pod.images.get(name) ?? '';
      if (last === undefined || last.sandboxId !== sandbox.id) {
        // A pull that failed is tried again much later.
        const isHere = images.includes(image);
        const dueMs = Math.max(this.#parts.startedMs(device, sandbox.id), device.disturbedMs) + prepareMs;
        return isHere && this.#isLate(dueMs) ? [`${device.name}: ${pod.name}/${name} was never started`] : [];
      }
      const { sickSinceMs } = device.engine.find(last.id) ?? {};
      if (last.state === 'running' && sickSinceMs !== undefined && pod.probedNames.includes(name)) {
        const dueMs = Math.max(sickSinceMs, device.disturbedMs) + probeMs + pod.endMs;
        return this.#isLate(dueMs) ? [`${device.name}: ${pod.name}/${name} hangs and was not stopped`] : [];
      }
      if (last.state !== 'exited' || last.image !== image || last.error !== undefined) return [];
      const dueMs = Math.max(this.#parts.exitedMs(device, last.id), device.disturbedMs) + backoffMs(last.crashStreak);
      return this.#isLate(dueMs) ? [`${device.name}: ${pod.name}/${name} ended and was not started again`] : [];
    });
  }

  #isLate(dueMs: number): boolean {
    return this.#parts.clock.monotonicMs() > dueMs + slackMs;
  }
}

/** Kubernetes' delay before a restart, for a container that had this many crashes behind it when it started. */
function backoffMs(crashStreak: number): number {
  return crashStreak === 0 ? 0 : Math.min(300_000, 10_000 * 2 ** (crashStreak - 1));
}
