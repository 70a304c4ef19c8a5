// Docker's create requests for sandboxes and containers. Pure.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
import type Docker from 'dockerode';
import type { ContainerIdentity, ContainerResources, ContainerSpec, SandboxSpec } from '../runtime.ts';
import { imageLabel, labelsOf } from './labels.ts';

/** Logs of a container: this many files of this size; Podman keeps one of them. */
export const logConfig = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } };

function nameOf({ role, containerName, podName, podNamespace, podUid, attempt }: ContainerIdentity): string {
  const part = role === 'sandbox' ? 'POD' : containerName;
  return `k8s_${part}_${podName.slice(0, 60)}_${podNamespace}_${podUid}_${attempt}`;
}

export type SandboxContext = { image: string; network: string; instance: string };

export function sandboxOptions(
  { identity, hostname, hostNetwork, hostIpc = false, ports }: SandboxSpec,
  { image, network, instance }: SandboxContext,
): Docker.ContainerCreateOptions {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { containerPort, hostPort, hostAddress, protocol } of ports) {
    const key = `${containerPort}/${protocol}`;
    exposed[key] = {};
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostAddress ?? '', HostPort: String(hostPort) }];
  }
  return {
    name: nameOf(identity),
    Image: image,
    Labels: labelsOf(identity, instance),
    ...(hostNetwork ? {} : { Hostname: hostname, ExposedPorts: exposed }),
    HostConfig: {
      NetworkMode: hostNetwork ? 'host' : network,
      IpcMode: hostIpc ? 'host' : 'shareable',
      ...(hostNetwork ? {} : { PortBindings: bindings }),
      LogConfig: logConfig,
    },
  };
}

type HostResources = Pick<Docker.HostConfig, 'CpuShares' | 'CpuPeriod' | 'CpuQuota' | 'Memory' | 'MemorySwap'>;

const cpuPeriodMicros = 100_000;

/** Resources as Docker takes them, in new containers and in updates. */
export function hostResources({ cpuShares, cpuLimitMillis, memoryLimitBytes }: ContainerResources): HostResources {
  return {
    CpuShares: cpuShares,
    ...(cpuLimitMillis === undefined
      ? {}
      : { CpuPeriod: cpuPeriodMicros, CpuQuota: (cpuLimitMillis * cpuPeriodMicros) / 1000 }),
    // Swap beyond the limit would only wear the card out.
    ...(memoryLimitBytes === undefined ? {} : { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes }),
  };
}

/** The same from what Docker shows. */
export function resourcesOf({ CpuShares, CpuPeriod, CpuQuota, Memory }: HostResources): ContainerResources {
  return {
    cpuShares: CpuShares ?? 0,
    ...((CpuQuota ?? 0) > 0
      ? { cpuLimitMillis: Math.round(((CpuQuota ?? 0) * 1000) / (CpuPeriod || cpuPeriodMicros)) }
      : {}),
    ...((Memory ?? 0) > 0 ? { memoryLimitBytes: Memory } : {}),
  } as ContainerResources;
}

function processesOf({ sharesProcessesOf: shared }: ContainerSpec, sandbox: string): string {
  if (shared === 'node') return 'host';
  return typeof shared === 'object' ? `container:${shared.containerId}` : sandbox;
}

export function containerOptions(
  spec: ContainerSpec,
  { instance, isPodman }: { instance: string; isPodman: boolean },
): Docker.ContainerCreateOptions {
  const sandbox = `container:${spec.identity.sandboxId}`;
  return {
    name: nameOf(spec.identity),
    Image: spec.image,
    Labels: { ...labelsOf(spec.identity, instance), ...imageLabel(spec.image) },
    Env: spec.environment,
    ...(spec.command === undefined ? {} : { Entrypoint: spec.command }),
    ...(spec.args === undefined ? {} : { Cmd: spec.args }),
    ...(spec.workingDirectory === undefined ? {} : { WorkingDir: spec.workingDirectory }),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    Tty: spec.terminal,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    HostConfig: {
      NetworkMode: sandbox,
      IpcMode: sandbox,
      // With the network Docker gives the sandbox's host name, too, and refuses this; Podman gives one of its own.
      ...(isPodman ? { UTSMode: sandbox } : {}),
      ...(spec.sharesProcessesOf === undefined ? {} : { PidMode: processesOf(spec, sandbox) }),
      Mounts: spec.mounts.map(({ hostPath, containerPath, readOnly }) => ({
        Type: 'bind' as const,
        Source: hostPath,
        Target: containerPath,
        ReadOnly: readOnly,
      })),
      LogConfig: logConfig,
      Privileged: spec.privileged,
      ReadonlyRootfs: spec.readOnlyRoot,
      CapAdd: spec.addCapabilities,
      CapDrop: spec.dropCapabilities,
      GroupAdd: spec.supplementalGroups,
      RestartPolicy: { Name: 'no' },
      ...hostResources(spec.resources),
    },
  };
}
