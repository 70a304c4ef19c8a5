// The agent without sockets and engines: state, sync, pods and logs, joined.
// main.ts puts the real world around it, the simulation a virtual one.
import type { Condition, Pod } from '../api/meta/kubernetes.ts';
import type { ReportItem } from '../api/wire/frames.ts';
import type { Link } from '../api/wire/link.ts';
import { StreamError } from '../api/wire/node-stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { Disk } from '../platform/disk.ts';
import type { Log } from '../platform/log.ts';
import type { httpStatus, tcpReachable } from '../platform/net.ts';
import type { HostFacts, readHostUsage } from '../platform/process.ts';
import type { Random } from '../platform/random.ts';
import { DeviceWatch, type DeviceWatchParts } from './doctor/device-watch.ts';
import { PodManager } from './pods/pod-manager.ts';
import { PodStreams } from './pods/pod-streams.ts';
import type { PodEvent } from './pods/pod-worker.ts';
import { Prober } from './probes/prober.ts';
import { type ContainerStreams, type Runtime, RuntimeError } from './runtime/runtime.ts';
import { SliceState } from './state/slice-state.ts';
import { allocatableOf, nodeLabels, nodeStatus } from './stats/node-status.ts';
import { keepConnected } from './sync/connector.ts';
import { Outbox } from './sync/outbox.ts';
import { Session } from './sync/session.ts';
import { Streams } from './tunnel/streams.ts';
import { dataOf, Volumes } from './volumes/volumes.ts';

export type AgentOptions = {
  nodeName: string;
  version: string;
  dataDirectory: string;
  /** Labels that the node gives itself, beside those of its hardware. */
  labels?: Record<string, string>;
  /** Time between looks at the device itself, ms. */
  statusIntervalMs: number;
};
export type AgentParts = {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  runtime: Runtime;
  streams: ContainerStreams;
  readHostUsage: typeof readHostUsage;
  readDevice: DeviceWatchParts['readDevice'];
  facts: () => HostFacts;
  httpStatus: typeof httpStatus;
  tcpReachable: typeof tcpReachable;
  /** Sets the device's clock, ms since 1970, where the firmware lets the hub do so. Never rejects. */
  setClock?: (timeMs: number) => Promise<void>;
  /** Opens a link to the hub. @throws RefusedError, or what the network says */
  connect: (signal: AbortSignal) => Promise<Link>;
};

export class Agent {
  #options: AgentOptions;
  #parts: AgentParts;
  #state: SliceState;
  #outbox = new Outbox();
  #pods: PodManager;
  #prober: Prober;
  #streams: Streams;
  #device: DeviceWatch;
  #problem: string | undefined = 'the agent is starting';
  #engine: { name: string; version: string } | undefined;
  #conditions: Condition[] | undefined;
  #firstLink: () => void = () => undefined;

  constructor(options: AgentOptions, parts: AgentParts) {
    this.#options = options;
    this.#parts = parts;
    const { clock, disk, log, runtime } = parts;
    this.#state = new SliceState({ directory: options.dataDirectory }, { disk, log });
    const find = (key: string): ReturnType<SliceState['get']> => this.#state.get(key);
    const volumes = new Volumes({ directory: options.dataDirectory }, { disk, find });
    this.#device = new DeviceWatch(
      { intervalMs: options.statusIntervalMs },
      { clock, readDevice: parts.readDevice, setClock: parts.setClock, onChange: () => this.#reportNode() },
    );
    const podStreams = new PodStreams({
      ...parts,
      pods: () => this.#state.all('pods') as Pod[],
      deviceMetrics: () => this.#device.metrics(),
    });
    this.#streams = new Streams({
      openLog: (...request) => podStreams.openLog(...request).catch(refuse),
      open: (...request) => podStreams.open(...request).catch(refuse),
    });
    this.#prober = new Prober({
      clock,
      random: parts.random,
      httpStatus: parts.httpStatus,
      tcpReachable: parts.tcpReachable,
      exec: (id, command, timeoutMs) =>
        runtime.exec(id, command, timeoutMs).catch((error: unknown) => {
          if (error instanceof RuntimeError && error.code === 'unavailable') return undefined;
          throw error;
        }),
      onReadiness: (podUid) => this.#pods.wake(podUid),
      onFailure: (pod, message) => this.#reportEvent(pod, { type: 'Warning', reason: 'Unhealthy', message }),
      onUnhealthy: async (pod, container, id, kind) => {
        this.#reportEvent(pod, {
          type: 'Normal',
          reason: 'Killing',
          message: `Container ${container.name} failed ${kind} probe, will be restarted`,
        });
        // The restart follows from the exit, with the pod's policy and backoff.
        try {
          await runtime.stop(id, pod.spec?.terminationGracePeriodSeconds ?? 30);
        } catch (error) {
          log.warn({ err: error }, 'an unhealthy container could not be stopped and will be probed again');
          throw error;
        }
      },
    });
    this.#pods = new PodManager({
      runtime,
      volumes,
      clock,
      log,
      find,
      dataOf,
      hostAddress: parts.facts().addresses[0] ?? '127.0.0.1',
      desired: () => this.#state.all('pods') as Pod[],
      allocatable: () => allocatableOf(parts.facts()),
      podCidr: () => (this.#state.get(`nodes/${options.nodeName}`)?.spec as { podCIDR?: string } | undefined)?.podCIDR,
      storedPodUids: () => volumes.podUids(),
      onEngine: (problem) => void this.#engineChanged(problem),
      isReady: (pod, container, id, address) => this.#prober.isReady(pod, container, id, address),
      onRunning: (podUid, ids) => this.#prober.keepOnly(podUid, ids),
      reportStatus: (pod, status) => this.#report({ kind: 'pod', ...targetOf(pod), status }),
      reportGone: (pod) => this.#report({ kind: 'gone', ...targetOf(pod) }),
      reportEvent: (pod, event) => this.#reportEvent(pod, event),
    });
  }

  /** Starts what the disk knows of, and keeps in touch with the hub. Resolves when the first link is up. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#state.load();
    const firstLink = new Promise<void>((resolve) => {
      this.#firstLink = resolve;
    });
    // Before the node is reported: a condition that it leaves out would be forgotten, and since when it holds.
    await this.#device.start(signal);
    this.#reportNode();
    this.#pods.start(signal);
    signal.addEventListener('abort', () => this.#prober.stop());
    const { connect, clock, random, log } = this.#parts;
    void keepConnected({ connect, clock, random, log, onLink: (link) => this.#serve(link) }, signal);
    await firstLink;
  }

  /** Whether the pods are looked after; false when something never came back. */
  isTurning(): boolean {
    return this.#pods.isTurning();
  }

  #serve(link: Link): void {
    const { clock, log, facts } = this.#parts;
    const session = new Session({
      link,
      clock,
      log,
      state: this.#state,
      outbox: this.#outbox,
      hello: { agentVersion: this.#options.version, bootId: facts().bootId },
      onSlice: (keys) => this.#pods.sliceChanged(keys),
      onWelcome: (hubTimeMs) => {
        void this.#device.hubTime(hubTimeMs);
        // The hub may have called this node and its pods unreachable: it hears of all of them again.
        this.#reportNode();
        this.#pods.reportAll();
        this.#firstLink();
      },
      onStream: (frame, send) => this.#streams.receive(frame, send),
    });
    link.closed.addEventListener('abort', () => this.#streams.closeAll(), { once: true });
    session.start();
  }

  #report(item: ReportItem): void {
    this.#outbox.put(item);
  }

  #reportEvent(pod: Pod, { type, reason, message }: PodEvent): void {
    this.#report({ kind: 'event', ...targetOf(pod), objectKind: 'Pod', type, reason, message });
  }

  async #engineChanged(problem: string | undefined): Promise<void> {
    if (problem === undefined) this.#engine = await this.#parts.runtime.describe().catch(() => this.#engine);
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#reportNode();
  }

  #reportNode(): void {
    const { nodeName, version, labels } = this.#options;
    const facts = this.#parts.facts();
    const status = nodeStatus({
      nodeName,
      facts,
      agentVersion: version,
      engine: this.#engine,
      problem: this.#problem,
      device: this.#device.conditions(),
      known: this.#conditions,
      nowMs: this.#parts.clock.nowMs(),
    });
    this.#conditions = status.conditions as Condition[];
    this.#report({ kind: 'node', labels: { ...labels, ...nodeLabels({ nodeName, facts }) }, status });
  }
}

/** What the engine says, as the hub is told it. @throws StreamError */
function refuse(error: unknown): never {
  if (error instanceof RuntimeError) {
    const reason =
      error.code === 'unavailable' ? 'ServiceUnavailable' : error.code === 'not-found' ? 'NotFound' : 'InternalError';
    throw new StreamError(reason, error.message, { cause: error });
  }
  throw error;
}

function targetOf(pod: Pod): { namespace: string; name: string; uid: string } {
  const { namespace = '', name, uid = '' } = pod.metadata;
  return { namespace, name, uid };
}
