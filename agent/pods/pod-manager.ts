// All pods of this node: a worker each, woken by changes of the slice and of
// the engine. An engine that does not answer leaves every pod as it is.
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { PodRequests } from '../../api/meta/pod-requests.ts';
import { type Clock, every, sleep } from '../../platform/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { engineRetryMs, relistMs, stuckAfterMs } from './limits.ts';
import { PodWorker, type PodWorkerParts } from './pod-worker.ts';
import type { Room } from './resize.ts';

export type PodManagerParts = Omit<PodWorkerParts, 'roomFor' | 'onRequests'> & {
  runtime: Runtime;
  clock: Clock;
  /** Pods of the slice. */
  desired: () => Pod[];
  /** The node's range of pod addresses, once the hub has given one. */
  podCidr: () => string | undefined;
  /** What the node has for pods. */
  allocatable: () => PodRequests;
  /** What is kept on disk for pods. */
  storedPodUids: () => Promise<string[]>;
  /** Whether the engine answers; the message says why not. */
  onEngine: (problem: string | undefined) => void;
};

export class PodManager {
  #parts: PodManagerParts;
  #workers = new Map<string, PodWorker>();
  #ready = false;
  #signal: AbortSignal | undefined;
  #checking: Promise<void> | undefined;
  #lookAgain = false;
  #turnedMs: number;

  constructor(parts: PodManagerParts) {
    this.#parts = parts;
    this.#turnedMs = parts.clock.monotonicMs();
  }

  /** Whether the engine is looked at: that it refuses is an answer, too, but one that never comes is none. */
  isTurning(): boolean {
    return this.#parts.clock.monotonicMs() - this.#turnedMs < stuckAfterMs;
  }

  /** Brings the node's pods to what the slice says, and keeps them there until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const worker of this.#workers.values()) worker.stop();
    });
    this.#parts.runtime.watch(signal, (podUid) => {
      if (podUid === undefined) this.check();
      else this.#workers.get(podUid)?.wake();
    });
    every(this.#parts.clock, relistMs, signal, () => this.check());
    this.check();
  }

  /** These objects of the slice have changed. */
  sliceChanged(keys: readonly string[]): void {
    if (!this.#ready) {
      void this.check();
      return;
    }
    this.#assign([]);
    // A ConfigMap or Secret is files of running pods, or what others wait for.
    const namespaces = new Set(keys.filter((key) => !key.startsWith('pods/')).map((key) => key.split('/')[1]));
    for (const pod of this.#parts.desired()) {
      if (namespaces.has(pod.metadata.namespace)) this.#workers.get(pod.metadata.uid ?? '')?.wake();
    }
  }

  /** Reports everything anew: the hub may have lost or overruled what it was told. */
  reportAll(): void {
    for (const worker of this.#workers.values()) worker.reportAgain();
  }

  /** A container's readiness may have changed. */
  wake(podUid: string): void {
    this.#workers.get(podUid)?.wake();
  }

  /** Looks at the engine until it answers, then at all pods. */
  check(): Promise<void> {
    // What has changed since the look under way began is seen by another one.
    this.#lookAgain = this.#checking !== undefined;
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined;
      if (this.#lookAgain && this.#signal?.aborted === false) void this.check();
    });
    return this.#checking;
  }

  async #look(): Promise<void> {
    const { runtime, clock, onEngine, podCidr, log } = this.#parts;
    while (this.#signal?.aborted === false) {
      try {
        const cidr = podCidr();
        await runtime.describe();
        if (cidr !== undefined) await runtime.ensureNetwork(cidr);
        const found = new Set((await runtime.list()).map((container) => container.podUid));
        for (const uid of await this.#parts.storedPodUids()) found.add(uid);
        onEngine(undefined);
        this.#turnedMs = clock.monotonicMs();
        // Without an address range no pod can have a network, and what runs has one already.
        if (cidr === undefined) return;
        this.#ready = true;
        this.#assign([...found]);
        for (const worker of this.#workers.values()) worker.wake();
        return;
      } catch (error) {
        this.#ready = false;
        log.warn({ err: error }, 'the container engine does not serve: pods stay as they are');
        onEngine((error as Error).message);
        this.#turnedMs = clock.monotonicMs();
        await sleep(clock, engineRetryMs, this.#signal);
      }
    }
  }

  /** Gives each worker what the slice says of its pod; `found` are pods of which something is here. */
  #assign(found: string[]): void {
    const desired = new Map(this.#parts.desired().map((pod) => [pod.metadata.uid ?? '', pod]));
    for (const uid of new Set([...desired.keys(), ...found, ...this.#workers.keys()])) {
      const pod = desired.get(uid);
      let worker = this.#workers.get(uid);
      if (worker === undefined) {
        worker = new PodWorker(uid, {
          ...this.#parts,
          roomFor: (own) => this.#roomFor(own),
          onRequests: () => this.#wakeDeferred(),
        });
        this.#workers.set(uid, worker);
        if (pod === undefined) worker.wake();
      } else if (pod === undefined && worker.gone) {
        worker.stop();
        this.#workers.delete(uid);
        continue;
      }
      worker.desire(pod);
    }
  }

  /** What there is on the node, and what all pods but this one have of it. */
  #roomFor(podUid: string): Room {
    const others = { cpuMillis: 0, memoryBytes: 0 };
    for (const { uid, requests } of this.#workers.values()) {
      if (uid === podUid) continue;
      others.cpuMillis += requests.cpuMillis;
      others.memoryBytes += requests.memoryBytes;
    }
    return { allocatable: this.#parts.allocatable(), others };
  }

  /** Another pod has more or less than before: who waits for room looks again. */
  #wakeDeferred(): void {
    for (const worker of this.#workers.values()) if (worker.deferred) worker.wake();
  }
}
