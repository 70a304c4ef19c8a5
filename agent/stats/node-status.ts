// What the node says of itself: labels, capacity, addresses, conditions. Pure.
// https://kubernetes.io/docs/reference/node/node-status/
import { setCondition } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/kubernetes.ts';
import type { JsonObject } from '../../api/meta/object.ts';
import type { PodRequests } from '../../api/meta/pod-requests.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { HostFacts } from '../../platform/process.ts';

export type NodeStatusInput = {
  nodeName: string;
  facts: HostFacts;
  agentVersion: string;
  engine: { name: string; version: string } | undefined;
  /** Why pods can't run now; undefined when they can. */
  problem: string | undefined;
  /** What the device says of itself, without times. */
  device: readonly Condition[];
  known: Condition[] | undefined;
  nowMs: number;
};

/** Pods that a node takes at most, Kubernetes' default. */
const maxPods = 110;

export function nodeLabels({ nodeName, facts }: Pick<NodeStatusInput, 'nodeName' | 'facts'>): Record<string, string> {
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.architecture,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': facts.architecture,
  };
}

/** What the node has for pods: all of it. */
export function allocatableOf({ cpuCount, memoryBytes }: HostFacts): PodRequests {
  return { cpuMillis: cpuCount * 1000, memoryBytes: Math.floor(memoryBytes / 1024) * 1024 };
}

export function nodeStatus({
  nodeName,
  facts,
  agentVersion,
  engine,
  problem,
  device,
  known,
  nowMs,
}: NodeStatusInput): JsonObject {
  const now = formatTime(nowMs);
  const allocatable = allocatableOf(facts);
  const resources = {
    cpu: String(allocatable.cpuMillis / 1000),
    memory: `${allocatable.memoryBytes / 1024}Ki`,
    pods: String(maxPods),
  };
  const ready: Condition =
    problem === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'the agent is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: problem };
  const fine = (type: string, reason: string, message: string): Condition => ({
    type,
    status: 'False',
    reason,
    message,
  });
  const wanted = [
    fine('MemoryPressure', 'KubeletHasSufficientMemory', 'the agent has sufficient memory available'),
    fine('DiskPressure', 'KubeletHasNoDiskPressure', 'the agent has no disk pressure'),
    fine('PIDPressure', 'KubeletHasSufficientPID', 'the agent has sufficient PID available'),
    ...device,
    ready,
  ];
  // What the device does not tell any more is no condition of it.
  const kept = (known ?? []).filter(({ type }) => wanted.some((condition) => condition.type === type));
  return {
    capacity: resources,
    allocatable: resources,
    conditions: wanted.reduce((list, condition) => setCondition(list, condition, now), kept),
    addresses: [
      ...facts.addresses.slice(0, 1).map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: nodeName },
    ],
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.machineId,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      operatingSystem: 'linux',
      architecture: facts.architecture,
      containerRuntimeVersion: engine === undefined ? '' : `${engine.name}://${engine.version}`,
      kubeletVersion: `v1.36.0+skerry-${agentVersion}`,
      kubeProxyVersion: '',
    },
  };
}
