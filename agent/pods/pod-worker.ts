// One pod on this node: plans, executes, reports, until nothing is left to do.
// It keeps nothing that it could not find again in the engine after a crash.
import type { Condition, Pod, Secret } from '../../api/meta/kubernetes.ts';
import { jsonEqual, type KubeObject } from '../../api/meta/object.ts';
import { type PodRequests, podRequests } from '../../api/meta/pod-requests.ts';
import type { PodStatus } from '../../api/wire/pod-status.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import {
  type ContainerResources,
  type RegistryCredentials,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
} from '../runtime/runtime.ts';
import { containerSpec, sandboxSpec } from './container-spec.ts';
import { buildEnvironment, EnvironmentError } from './environment.ts';
import { firstRetryMs, longestRetryMs, maxRounds } from './limits.ts';
import { currentSandbox, isFinished, isResizeStep, planPod, type Step } from './plan.ts';
import { readRegistryCredentials } from './registry-credentials.ts';
import { type Pending, planResize, type Room } from './resize.ts';
import { podStatus, type Waiting } from './status.ts';

/** What the worker needs of volumes; agent/volumes implements it. */
export type PodVolumes = {
  /** @throws Error with a message for people when a volume can't be had */
  prepare(pod: Pod): Promise<void>;
  prepareSubPaths(pod: Pod, container: PodContainer): Promise<void>;
  mountsOf(pod: Pod, container: PodContainer): { hostPath: string; containerPath: string; readOnly: boolean }[];
  remove(podUid: string): Promise<void>;
};
type PodContainer = NonNullable<Pod['spec']>['containers'][number];

export type PodEvent = { type: 'Normal' | 'Warning'; reason: string; message: string };
export type PodWorkerParts = {
  runtime: Runtime;
  volumes: PodVolumes;
  clock: Clock;
  log: Log;
  hostAddress: string;
  find: (key: string) => KubeObject | undefined;
  dataOf: (object: KubeObject) => ReadonlyMap<string, Buffer>;
  isReady: (pod: Pod, container: PodContainer, containerId: string, podAddress: string) => boolean;
  /** Containers of a pod that run now: the others need no probes. */
  onRunning: (podUid: string, containerIds: readonly string[]) => void;
  reportStatus: (pod: Pod, status: PodStatus) => void;
  reportGone: (pod: Pod) => void;
  reportEvent: (pod: Pod, event: PodEvent) => void;
  /** What there is for this pod to grow into. */
  roomFor: (podUid: string) => Room;
  /** What the pod has of the node is another amount now. */
  onRequests: () => void;
};

type Executors = {
  [T in Exclude<Step['type'], 'wait'>]: (pod: Pod | undefined, step: Extract<Step, { type: T }>) => Promise<void>;
};

const noRequests: PodRequests = { cpuMillis: 0, memoryBytes: 0 };

export class PodWorker {
  readonly uid: string;
  #parts: PodWorkerParts;
  #desired: Pod | undefined;
  #last: Pod | undefined;
  #waiting = new Map<string, Waiting>();
  #failures = 0;
  /** When each exit was first seen, monotonic. */
  #exitsSeenMs = new Map<string, number>();
  #status: PodStatus | undefined;
  #running = false;
  #again = false;
  #cancelTimer: (() => void) | undefined;
  #requests: PodRequests = noRequests;
  #pending: Pending | undefined;
  #resizeError: string | undefined;
  /** What the engine took for a container, by id: it may show it otherwise, and is not asked again and again. */
  #updated = new Map<string, ContainerResources>();
  #stopping: { ids: string[]; graceSeconds: number } | undefined;
  #stopped = false;
  /** The engine holds nothing of the pod, and the hub knows. */
  gone = false;

  constructor(uid: string, parts: PodWorkerParts) {
    this.uid = uid;
    this.#parts = parts;
  }

  /** Sets what is desired: the pod, or undefined when the hub knows of none. */
  desire(pod: Pod | undefined): void {
    const changed = !jsonEqual(pod, this.#desired);
    this.#desired = pod;
    if (pod !== undefined) {
      this.#last = pod;
      if (this.#status === undefined) this.#requests = podRequests(pod.spec);
    }
    if (!changed) return;
    this.#failures = 0;
    this.#resizeError = undefined;
    this.#hurryStop(pod);
    this.wake();
  }

  /** What the pod has of the node. */
  get requests(): PodRequests {
    return this.#requests;
  }

  /** Whether it waits for room to grow. */
  get deferred(): boolean {
    return this.#pending?.reason === 'Deferred';
  }

  /** Something may have changed. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
      if (this.#again) this.wake();
    });
  }

  /** Reports the present status again, whether or not it changed. */
  reportAgain(): void {
    if (this.#desired !== undefined && this.#status !== undefined)
      this.#parts.reportStatus(this.#desired, this.#status);
    if (this.gone && this.#last !== undefined) this.#parts.reportGone(this.#last);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    this.#cancelTimer?.();
    for (let round = 0; this.#again && !this.#stopped; round += 1) {
      this.#again = false;
      try {
        if (round >= maxRounds) throw new Error(`the pod does not come to rest in ${maxRounds} rounds`);
        if (await this.#round()) this.#again = true;
        else this.#failures = 0;
      } catch (error) {
        this.#failures += 1;
        const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures - 1, 12));
        log.warn(
          { err: error, pod: this.#last?.metadata.name, uid: this.uid, delayMs },
          'a pod could not be brought forward and will be tried again',
        );
        await this.#report().catch(() => undefined);
        this.#cancelTimer = clock.setTimer(delayMs, () => this.wake());
        this.#again = false;
        return;
      }
    }
  }

  /** The pod's containers, exits with how long they have been known. */
  async #observe(): Promise<RuntimeContainer[]> {
    const nowMs = this.#parts.clock.monotonicMs();
    const containers = await this.#parts.runtime.list(this.uid);
    const seen = new Map<string, number>();
    for (const { id, state } of containers) if (state === 'exited') seen.set(id, this.#exitsSeenMs.get(id) ?? nowMs);
    this.#exitsSeenMs = seen;
    const there = new Set(containers.map(({ id }) => id));
    for (const id of this.#updated.keys()) if (!there.has(id)) this.#updated.delete(id);
    return containers.map((item) => {
      const seenMs = seen.get(item.id);
      return seenMs === undefined ? item : { ...item, exitKnownMs: nowMs - seenMs };
    });
  }

  /** Looks, plans, executes; resolves with whether it is worth looking again at once. */
  async #round(): Promise<boolean> {
    const { clock } = this.#parts;
    const containers = await this.#observe();
    const pod = this.#allocate(containers);
    this.#parts.onRunning(
      this.uid,
      containers.filter((item) => item.state === 'running').map((item) => item.id),
    );
    const steps = planPod(pod, containers, clock.nowMs()).filter(
      (step) => step.type !== 'update' || !jsonEqual(this.#updated.get(step.id), step.resources),
    );
    this.#parts.log.debug(
      { pod: this.#last?.metadata.name, uid: this.uid, steps: steps.map((step) => step.type) },
      'planned',
    );
    // Whoever asked for other resources sees that they are on their way.
    if (steps.some(isResizeStep)) await this.#report(containers);
    let acted = false;
    let failure: unknown;
    const waits = steps.flatMap((step) => (step.type === 'wait' ? [step.delayMs] : []));
    this.#cancelTimer?.();
    if (waits.length > 0) this.#cancelTimer = clock.setTimer(Math.min(...waits), () => this.wake());
    for (const step of steps) {
      if (step.type === 'wait' || (step.type === 'gone' && this.gone)) continue;
      try {
        await (this.#executors[step.type] as (pod: Pod | undefined, step: Step) => Promise<void>)(pod, step);
      } catch (error) {
        // A container that can't start or grow holds up none of the others; anything else is what the rest builds on.
        if (step.type !== 'start' && step.type !== 'update') throw error;
        failure ??= error;
      }
      acted = acted || step.type !== 'gone';
    }
    if (failure !== undefined) throw failure;
    if (!this.gone) await this.#report(acted ? undefined : containers);
    if (!acted && pod !== undefined && pod.metadata.deletionTimestamp === undefined)
      await this.#refreshVolumes(pod, containers);
    return acted;
  }

  /** The pod with what it may have by now; the rest waits, and those who ask are told why. */
  #allocate(containers: readonly RuntimeContainer[]): Pod | undefined {
    const desired = this.#desired;
    const { pod, pending }: { pod: Pod | undefined; pending?: Pending } =
      desired === undefined ? { pod: undefined } : planResize(desired, containers, this.#parts.roomFor(this.uid));
    if (pending !== undefined && pending.message !== this.#pending?.message)
      this.#event('Warning', `Resize${pending.reason}`, pending.message);
    this.#pending = pending;
    this.#hold(pod === undefined || this.gone || isFinished(pod, containers) ? noRequests : podRequests(pod.spec));
    return pod;
  }

  #hold(requests: PodRequests): void {
    if (jsonEqual(requests, this.#requests)) return;
    this.#requests = requests;
    this.#parts.onRequests();
  }

  /** Files of ConfigMaps and Secrets follow their source while the pod runs. */
  async #refreshVolumes(pod: Pod, containers: readonly RuntimeContainer[]): Promise<void> {
    if (currentSandbox(containers)?.state !== 'running') return;
    await this.#parts.volumes
      .prepare(pod)
      .catch((error: unknown) =>
        this.#parts.log.warn({ err: error, pod: pod.metadata.name }, 'a volume was not refreshed'),
      );
  }

  async #report(known?: readonly RuntimeContainer[]): Promise<void> {
    const containers = known ?? (await this.#observe());
    const pod = this.#allocate(containers);
    if (pod === undefined) return;
    const { clock, hostAddress, isReady } = this.#parts;
    const address = currentSandbox(containers)?.address ?? '';
    const status = podStatus({
      pod,
      pending: this.#pending,
      resizeError: this.#resizeError,
      containers,
      waiting: this.#waiting,
      hostAddress,
      startTime: this.#status?.startTime as string | undefined,
      known: this.#status?.conditions as Condition[] | undefined,
      isReady: (container, id) => isReady(pod, container, id, address),
      nowMs: clock.nowMs(),
    });
    if (jsonEqual(status, this.#status)) return;
    this.#status = status;
    this.#parts.reportStatus(pod, status);
  }

  #event(type: PodEvent['type'], reason: string, message: string): void {
    if (this.#last !== undefined) this.#parts.reportEvent(this.#last, { type, reason, message });
  }

  /** A delete that leaves less time than the one under way. */
  #hurryStop(pod: Pod | undefined): void {
    const graceSeconds = pod === undefined ? 0 : pod.metadata.deletionGracePeriodSeconds;
    if (this.#stopping === undefined || graceSeconds === undefined || graceSeconds >= this.#stopping.graceSeconds)
      return;
    for (const id of this.#stopping.ids) void this.#parts.runtime.stop(id, graceSeconds).catch(() => undefined);
  }

  #executors: Executors = {
    'create-sandbox': async (pod, { attempt }) => {
      if (pod === undefined) return;
      try {
        await this.#parts.volumes.prepare(pod);
      } catch (error) {
        this.#event('Warning', 'FailedMount', (error as Error).message);
        throw error;
      }
      try {
        const id = await this.#parts.runtime.createSandbox(sandboxSpec(pod, attempt));
        await this.#parts.runtime.start(id);
      } catch (error) {
        this.#event('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${(error as Error).message}`);
        throw error;
      }
    },
    start: async (pod, step) => {
      if (pod === undefined) return;
      await this.#start(pod, step);
    },
    stop: async (_pod, { ids, graceSeconds, why }) => {
      if (why !== 'finished') {
        this.#event('Normal', 'Killing', why === 'deleted' ? 'Stopping container' : `Stopping container: ${why}`);
      }
      this.#stopping = { ids, graceSeconds };
      try {
        await Promise.all(ids.map((id) => this.#parts.runtime.stop(id, graceSeconds)));
      } finally {
        this.#stopping = undefined;
      }
    },
    update: async (_pod, { id, containerName, resources }) => {
      try {
        await this.#parts.runtime.update(id, resources);
        this.#updated.set(id, resources);
        this.#resizeError = undefined;
        this.#event('Normal', 'ResizeCompleted', `Resized container ${containerName}`);
      } catch (error) {
        const message = `container ${containerName}: ${(error as Error).message}`;
        if (message !== this.#resizeError) this.#event('Warning', 'ResizeError', message);
        this.#resizeError = message;
        throw error;
      }
    },
    remove: async (_pod, { ids }) => {
      await Promise.all(ids.map((id) => this.#parts.runtime.remove(id)));
    },
    gone: async () => {
      await this.#parts.volumes.remove(this.uid);
      this.gone = true;
      this.#hold(noRequests);
      if (this.#last !== undefined) this.#parts.reportGone(this.#last);
    },
  };

  async #start(pod: Pod, step: Extract<Step, { type: 'start' }>): Promise<void> {
    const { container } = step;
    const name = container.name;
    const fail = async (reason: string, error: unknown, eventReason = 'Failed'): Promise<never> => {
      this.#waiting.set(name, { reason, message: (error as Error).message });
      this.#event('Warning', eventReason, `Error: ${(error as Error).message}`);
      throw error;
    };
    if (container.lifecycle !== undefined) {
      this.#event(
        'Warning',
        'LifecycleHooksNotBuilt',
        `Container ${name} has lifecycle hooks, which are not built yet: they are not run`,
      );
    }
    await this.#provideImage(pod, container, fail);
    const containers = await this.#parts.runtime.list(this.uid);
    let spec: ReturnType<typeof containerSpec>;
    try {
      const environment = buildEnvironment(pod, container, {
        data: (key) => {
          const object = this.#parts.find(key);
          return object === undefined ? undefined : this.#parts.dataOf(object);
        },
        podAddress: currentSandbox(containers)?.address ?? this.#parts.hostAddress,
        hostAddress: this.#parts.hostAddress,
      });
      await this.#parts.volumes.prepareSubPaths(pod, container);
      spec = containerSpec(pod, step, environment, this.#parts.volumes.mountsOf(pod, container));
    } catch (error) {
      if (error instanceof EnvironmentError || error instanceof Error) return fail('CreateContainerConfigError', error);
      throw error;
    }
    let id: string;
    try {
      id = await this.#parts.runtime.createContainer(spec);
    } catch (error) {
      return fail('CreateContainerError', error);
    }
    this.#event('Normal', 'Created', `Created container: ${name}`);
    try {
      await this.#parts.runtime.start(id);
    } catch (error) {
      // The engine keeps the container with its error: it counts as an exit, and backoff follows.
      this.#event('Warning', 'Failed', `Error: ${(error as Error).message}`);
      if (error instanceof RuntimeError && error.code === 'unavailable') throw error;
      this.#waiting.delete(name);
      return;
    }
    this.#waiting.delete(name);
    this.#failures = 0;
    this.#event('Normal', 'Started', `Started container ${name}`);
  }

  async #provideImage(
    pod: Pod,
    container: PodContainer,
    fail: (reason: string, error: unknown) => Promise<never>,
  ): Promise<void> {
    const { runtime } = this.#parts;
    const image = container.image ?? '';
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    const present = await runtime.hasImage(image);
    if (policy === 'Never' && !present) {
      return fail(
        'ErrImageNeverPull',
        new Error(`Container image ${JSON.stringify(image)} is not present with pull policy of Never`),
      );
    }
    if (policy === 'Never' || (policy === 'IfNotPresent' && present)) {
      this.#event('Normal', 'Pulled', `Container image ${JSON.stringify(image)} already present on machine`);
      return;
    }
    this.#event('Normal', 'Pulling', `Pulling image ${JSON.stringify(image)}`);
    try {
      await runtime.pull(image, this.#credentialsFor(pod, image));
      this.#event('Normal', 'Pulled', `Successfully pulled image ${JSON.stringify(image)}`);
    } catch (error) {
      return fail(
        this.#waiting.get(container.name)?.reason === 'ErrImagePull' ? 'ImagePullBackOff' : 'ErrImagePull',
        error,
      );
    }
  }

  #credentialsFor(pod: Pod, image: string): RegistryCredentials | undefined {
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      const secret = this.#parts.find(`secrets/${pod.metadata.namespace}/${name}`) as Secret | undefined;
      const found = secret === undefined ? undefined : readRegistryCredentials(secret, image);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
