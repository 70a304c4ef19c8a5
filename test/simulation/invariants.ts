// What must always be true in the simulation, and what must be true once the
// faults rest. Looks at the store and the engines themselves, past hub and agents.

import { isActuated } from '../../agent/pods/container-resources.ts';
import { latestAttempt } from '../../agent/pods/plan.ts';
import type { EngineContainer, EngineEvent } from '../../agent/runtime/simulated/simulated-engine.ts';
import { SliceState } from '../../agent/state/slice-state.ts';
import { kinds } from '../../api/kinds/index.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { Condition, ConfigMap, Deployment, Node, Pod } from '../../api/meta/kubernetes.ts';
import { formatTime } from '../../api/meta/time.ts';
import { digestOf, hashObject } from '../../api/wire/slice.ts';
import { objectStoreKey } from '../../hub/apiserver/stored-object.ts';
import type { Client } from '../../hub/client/client.ts';
import { resources } from '../../hub/client/resources.ts';
import type { MemoryStore } from '../../hub/store/memory/memory-store.ts';
import type { SliceIndex } from '../../hub/sync/slice-index.ts';
import type { Clock } from '../../platform/clock.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { type Device, dataDirectory } from './device.ts';
import type { SimulatedNetwork } from './network.ts';
import { type TimedPod, Timeliness } from './timeliness.ts';
import type { Workload } from './workload.ts';

/** What the store says of a pod, as of now. */
type PodTruth = TimedPod & {
  startTime: string | undefined;
  /** Monotonic time of the last change of a container's image. */
  imageChangedMs: Map<string, number>;
};

export type InvariantParts = {
  store: MemoryStore;
  clock: Clock;
  devices: readonly Device[];
  workload: Workload;
  /** Reads the store as it is, whether or not a hub runs. */
  reader: Client;
  slices: SliceIndex;
  network: SimulatedNetwork;
  hubIsUp: () => boolean;
  signal: AbortSignal;
};

export class Invariants {
  readonly violations: string[] = [];
  #parts: InvariantParts;
  #pods = new Map<string, PodTruth>();
  /** Monotonic times at which containers were last started and ended, by device and id. */
  #startedMs = new Map<string, number>();
  #exitedMs = new Map<string, number>();
  #timeliness: Timeliness;

  constructor(parts: InvariantParts) {
    this.#parts = parts;
    this.#timeliness = new Timeliness({
      ...parts,
      startedMs: ({ name }, id) => this.#startedMs.get(`${name} ${id}`) ?? 0,
      exitedMs: ({ name }, id) => this.#exitedMs.get(`${name} ${id}`) ?? 0,
    });
  }

  start(): void {
    const { store, devices, signal } = this.#parts;
    const kind = kinds.find((candidate) => candidate.kind === 'Pod');
    if (kind === undefined) throw new Error('there is no kind Pod');
    store.watch({ prefix: objectStoreKey(kind, undefined, ''), after: 0, signal }, (events) => {
      for (const event of events) {
        const before = event.previous === undefined ? undefined : (JSON.parse(event.previous.value) as Pod);
        const now = event.type === 'put' ? (JSON.parse(event.entry.value) as Pod) : undefined;
        if (before !== undefined && before.metadata.uid !== now?.metadata.uid)
          this.#pods.delete(before.metadata.uid ?? '');
        if (now !== undefined) this.#learn(now);
      }
    });
    for (const device of devices)
      device.engine.listen((event) => {
        if (event !== 'availability') this.#onEngineEvent(device, event);
      });
  }

  #violate(text: string): void {
    this.violations.push(`${(this.#parts.clock.monotonicMs() / 1000).toFixed(3)} ${text}`);
  }

  #learn(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const known = this.#pods.get(uid);
    const images = new Map<string, string>();
    const imageChangedMs = new Map(known?.imageChangedMs);
    for (const { name, image = '' } of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
      images.set(name, image);
      if (known !== undefined && known.images.get(name) !== image)
        imageChangedMs.set(name, this.#parts.clock.monotonicMs());
    }
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
    const containers = pod.spec?.containers ?? [];
    const startTime = pod.status?.startTime as string | undefined;
    if (known?.startTime !== undefined && known.startTime !== startTime)
      this.#violate(`the start of pod ${pod.metadata.name} moved from ${known.startTime} to ${startTime}`);
    this.#pods.set(uid, {
      uid,
      name: pod.metadata.name,
      nodeName: pod.spec?.nodeName,
      startTime,
      boundMs: known?.nodeName === undefined ? this.#parts.clock.monotonicMs() : known.boundMs,
      deletedMs: deletionTimestamp === undefined ? undefined : (known?.deletedMs ?? this.#parts.clock.monotonicMs()),
      graceMs: deletionGracePeriodSeconds * 1000,
      isPlain: pod.spec?.restartPolicy === 'Always' && !JSON.stringify(pod.spec).includes('"configMap'),
      images,
      mainNames: containers.map(({ name }) => name),
      probedNames: containers.flatMap(({ name, livenessProbe }) => (livenessProbe === undefined ? [] : [name])),
      endMs: (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000,
      imageChangedMs,
    });
  }

  #onEngineEvent(device: Device, event: EngineEvent): void {
    const { container } = event;
    const what = `${device.name}: ${container.role} ${container.podName}/${container.containerName} (${container.id})`;
    if (event.type === 'start') {
      const running = this.#parts.devices
        .flatMap((other) => other.engine.containers())
        .filter((other) => other !== container && other.state === 'running' && isSame(other, container));
      for (const other of running) this.#violate(`${what} started while ${other.id} of the same pod runs`);
      const truth = this.#pods.get(container.podUid);
      if (truth !== undefined && truth.nodeName !== device.name)
        this.#violate(`${what} started, but the pod is bound to ${truth.nodeName}`);
      this.#startedMs.set(`${device.name} ${container.id}`, event.atMs);
    }
    if (event.type === 'exit') this.#exitedMs.set(`${device.name} ${container.id}`, event.atMs);
    if (event.type === 'stop-asked' && !this.#mayStop(device, container))
      this.#violate(`${what} is healthy and desired, but was stopped`);
  }

  #mayStop(device: Device, container: EngineContainer): boolean {
    const truth = this.#pods.get(container.podUid);
    if (truth === undefined || truth.deletedMs !== undefined) return true;
    if (container.role === 'sandbox') {
      const main = device.engine.containers().filter((other) => other.sandboxId === container.id);
      return main.length > 0 && main.every((other) => other.state === 'exited');
    }
    if (container.sickSinceMs !== undefined && truth.probedNames.includes(container.containerName)) return true;
    if (truth.images.get(container.containerName) !== container.image) return true;
    // Changed and changed back: what the agent had heard of was not this.
    const changedMs = truth.imageChangedMs.get(container.containerName) ?? Number.NEGATIVE_INFINITY;
    if (changedMs >= (this.#startedMs.get(`${device.name} ${container.id}`) ?? 0)) return true;
    return device.engine.find(container.sandboxId)?.state !== 'running';
  }

  /** Checked after every step. */
  async checkStep(): Promise<void> {
    const { workload, reader, devices } = this.#parts;
    const late = devices.flatMap((device) => this.#timeliness.check(device, [...this.#pods.values()]));
    for (const problem of [...(await workload.check(reader)), ...late]) this.#violate(problem);
  }

  /** What is not yet as it has to be at rest. */
  async unsettled(): Promise<string[]> {
    const { workload, reader, devices } = this.#parts;
    const problems = workload.isSettled() ? [] : ['writes have no answer'];
    for (const node of (await reader.list(resources.nodes)).items as Node[]) problems.push(...nodeProblems(node));
    for (const name of workload.deployments()) {
      const deployment = (await reader.get(resources.deployments, { namespace: 'default', name })) as Deployment;
      problems.push(...deploymentProblems(deployment));
    }
    const pods = (await reader.list(resources.pods)).items as Pod[];
    const configs = new Map(
      ((await reader.list(resources.configMaps)).items as ConfigMap[]).map((item) => [item.metadata.name, item]),
    );
    for (const device of devices) {
      const own = pods.filter((pod) => pod.spec?.nodeName === device.name);
      for (const pod of own) problems.push(...(await podProblems(device, pod, configs)));
      problems.push(...(await leftovers(device, own)), ...(await this.#sliceProblems(device)));
    }
    for (const pod of pods.filter((item) => !item.spec?.nodeName)) problems.push(`${pod.metadata.name} has no node`);
    return problems;
  }

  async #sliceProblems(device: Device): Promise<string[]> {
    const held = new SliceState({ directory: dataDirectory }, { disk: device.disk, log: createMemoryLog([]) });
    await held.load();
    const slice = this.#parts.slices.sliceOf(device.name);
    const digest = digestOf(Object.fromEntries([...slice].map(([key, object]) => [key, hashObject(object)])));
    return held.digest() === digest ? [] : [`${device.name} holds another slice than the hub`];
  }
}

function isSame(a: EngineContainer, b: EngineContainer): boolean {
  return (
    a.podUid === b.podUid && a.containerName === b.containerName && (a.role === 'sandbox') === (b.role === 'sandbox')
  );
}

function nodeProblems(node: Node): string[] {
  const { name } = node.metadata;
  const ready = findCondition(node.status?.conditions, 'Ready')?.status;
  const problems = ready === 'True' ? [] : [`node ${name} is not ready: ${ready}`];
  return (node.spec?.taints ?? []).length === 0 ? problems : [...problems, `node ${name} has taints`];
}

function deploymentProblems({ metadata, spec, status }: Deployment): string[] {
  const wanted = spec?.replicas ?? 0;
  const { replicas = 0, readyReplicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {};
  const counts = [replicas, readyReplicas, updatedReplicas, availableReplicas];
  const isObserved = status?.observedGeneration === metadata.generation;
  if (isObserved && counts.every((count) => count === wanted)) return [];
  return [`deployment ${metadata.name} wants ${wanted}, has ${counts.join('/')}`];
}

async function podProblems(device: Device, pod: Pod, configs: ReadonlyMap<string, ConfigMap>): Promise<string[]> {
  const { name, uid = '', deletionTimestamp } = pod.metadata;
  const containers = device.engine.containers().filter((container) => container.podUid === uid);
  const problems: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown): void => {
    if (actual !== expected) problems.push(`${name} on ${device.name}: ${what} is ${actual}, expected ${expected}`);
  };
  expect('deletionTimestamp', deletionTimestamp, undefined);
  const isJob = pod.spec?.restartPolicy === 'OnFailure';
  expect('phase', pod.status?.phase, isJob ? 'Succeeded' : 'Running');
  expect(
    'Ready',
    findCondition(pod.status?.conditions as Condition[] | undefined, 'Ready')?.status,
    isJob ? 'False' : 'True',
  );
  const sandboxes = containers.filter((container) => container.role === 'sandbox' && container.state === 'running');
  expect('number of running sandboxes', sandboxes.length, isJob ? 0 : 1);
  if (!isJob) expect('podIP', pod.status?.podIP, sandboxes[0]?.address);
  for (const container of pod.spec?.containers ?? []) {
    const { name: containerName, image } = container;
    const latest = latestAttempt(containers, containerName);
    const status = pod.status?.containerStatuses?.find((item) => item.name === containerName);
    expect(`state of ${containerName}`, latest?.state, isJob ? 'exited' : 'running');
    expect(`image of ${containerName}`, latest?.image, image);
    if (!isJob && latest !== undefined && !isActuated(container, latest))
      problems.push(`${name} on ${device.name}: ${containerName} has ${JSON.stringify(latest.resources)}`);
    expect(`containerID of ${containerName}`, status?.containerID, `${latest?.engine}://${latest?.id}`);
    expect(`restartCount of ${containerName}`, status?.restartCount, latest?.attempt);
    if (!isJob)
      expect(`startedAt of ${containerName}`, status?.state?.running?.startedAt, formatTime(latest?.startedAtMs ?? 0));
    const attempts = containers.filter((container) => container.containerName === containerName);
    if (attempts.length > 2)
      problems.push(`${name}: ${attempts.length} containers ${containerName}, at most 2 are kept`);
  }
  for (const { name: volume, configMap } of pod.spec?.volumes ?? []) {
    if (configMap?.name === undefined || isJob) continue;
    const path = `${dataDirectory}/pods/${uid}/volumes/${volume}`;
    const version = await device.disk.readLink(`${path}/..data`);
    const content = await device.disk.read(`${path}/${version}/value`);
    expect(`file of ${volume}`, Buffer.from(content ?? []).toString(), configs.get(configMap.name)?.data?.value);
  }
  return problems;
}

async function leftovers(device: Device, pods: readonly Pod[]): Promise<string[]> {
  const uids = new Set(pods.map((pod) => pod.metadata.uid));
  const orphans = device.engine.containers().filter((container) => !uids.has(container.podUid));
  const stored = (await device.disk.list(`${dataDirectory}/pods`)).filter((uid) => !uids.has(uid));
  return [
    ...orphans.map((container) => `${device.name} holds ${container.id} of ${container.podName}, which is gone`),
    ...stored.map((uid) => `${device.name} keeps files of pod ${uid}, which is gone`),
  ];
}
