// What a container of a pod's spec may use, as the engine takes it and as it
// shows it: from requests and limits to the kernel's terms and back. Pure.
// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run
import type { Container } from '../../api/meta/kubernetes.ts';
import { cpuMillis, formatBytes, formatMillis, quantityBytes } from '../../api/meta/quantity.ts';
import type { ContainerResources, RuntimeContainer } from '../runtime/runtime.ts';

type Amounts = Record<string, string>;
export type Resources = { requests?: Amounts; limits?: Amounts };

/** The kernel's least. */
const leastShares = 2;
const leastLimitMillis = 10;
const sharesPerCore = 1024;

/** What the engine is asked for. Other numbers for the same spec would make new agents resize what old ones run. */
export function wantedResources({ resources }: Pick<Container, 'resources'>): ContainerResources {
  const { requests = {}, limits = {} } = (resources ?? {}) as Resources;
  const shares = Math.floor((cpuMillis(requests.cpu ?? limits.cpu) * sharesPerCore) / 1000);
  const memoryLimitBytes = quantityBytes(limits.memory);
  return {
    cpuShares: Math.max(leastShares, shares),
    ...(limits.cpu === undefined ? {} : { cpuLimitMillis: Math.max(leastLimitMillis, cpuMillis(limits.cpu)) }),
    ...(memoryLimitBytes > 0 ? { memoryLimitBytes } : {}),
  };
}

function memoryRequestOf({ resources }: Pick<Container, 'resources'>): number {
  return quantityBytes((resources as Resources | undefined)?.requests?.memory);
}

/**
 * What a container is made with, in words for its label: with the memory request, of which an engine knows nothing.
 * Engines may show limits otherwise than they were asked for them; a container made with what is wanted is right.
 */
export function madeWith(container: Pick<Container, 'resources'>): string {
  const { cpuShares, cpuLimitMillis = 0, memoryLimitBytes = 0 } = wantedResources(container);
  return [cpuShares, cpuLimitMillis, memoryLimitBytes, memoryRequestOf(container)].join(' ');
}

/** The memory request that a container was made with; undefined when its maker did not write it down. */
function madeWithRequest({ madeWith: words }: RuntimeContainer): number | undefined {
  return words === undefined ? undefined : Number(words.split(' ')[3] ?? 0);
}

type Change = { cpu: boolean; memory: boolean };

/** Which resources the engine holds otherwise than they are wanted. */
function changesOf(container: Pick<Container, 'resources'>, { resources: known }: RuntimeContainer): Change {
  if (known === undefined) return { cpu: false, memory: false };
  const wanted = wantedResources(container);
  return {
    cpu: wanted.cpuShares !== known.cpuShares || wanted.cpuLimitMillis !== known.cpuLimitMillis,
    memory: wanted.memoryLimitBytes !== known.memoryLimitBytes,
  };
}

/** Whether the engine holds a container to what is wanted of it. */
export function isActuated(container: Pick<Container, 'resources'>, found: RuntimeContainer): boolean {
  const { cpu, memory } = changesOf(container, found);
  return !cpu && !memory;
}

/** Whether a container has what is wanted of it, its memory request included. */
export function isAllocated(container: Pick<Container, 'resources'>, found: RuntimeContainer): boolean {
  const request = memoryRequestOf(container);
  return isActuated(container, found) && (madeWithRequest(found) ?? request) === request;
}

function requiresRestart({ resizePolicy = [] }: Container, resource: string): boolean {
  return (resizePolicy as { resourceName: string; restartPolicy: string }[]).some(
    (policy) => policy.resourceName === resource && policy.restartPolicy === 'RestartContainer',
  );
}

/**
 * What it takes to give a running container what is wanted. One that was made with just that is never restarted,
 * whatever the engine shows.
 */
export function resizeOf(container: Container, found: RuntimeContainer): 'none' | 'update' | 'restart' {
  const { cpu, memory } = changesOf(container, found);
  const request = memoryRequestOf(container);
  const memoryRequest = (madeWithRequest(found) ?? request) !== request;
  const restarts =
    (cpu && requiresRestart(container, 'cpu')) || ((memory || memoryRequest) && requiresRestart(container, 'memory'));
  if (restarts && found.madeWith !== madeWith(container)) return 'restart';
  return cpu || memory ? 'update' : 'none';
}

/** What the engine holds a container to, as requests and limits; the memory request is what it was made with. */
export function shownResources(container: Pick<Container, 'resources'>, found: RuntimeContainer): Resources {
  const asked = (container.resources ?? {}) as Resources;
  if (found.resources === undefined || isAllocated(container, found)) return asked;
  const { cpuShares, cpuLimitMillis, memoryLimitBytes } = found.resources;
  const requestMillis = cpuShares <= leastShares ? 0 : Math.ceil((cpuShares * 1000) / sharesPerCore);
  const requestBytes = madeWithRequest(found) ?? Math.min(memoryRequestOf(container), memoryLimitBytes ?? Infinity);
  const limits = {
    ...(cpuLimitMillis === undefined ? {} : { cpu: formatMillis(cpuLimitMillis) }),
    ...(memoryLimitBytes === undefined ? {} : { memory: formatBytes(memoryLimitBytes) }),
  };
  const requests = {
    ...(requestMillis > 0 ? { cpu: formatMillis(requestMillis) } : {}),
    ...(requestBytes > 0 ? { memory: formatBytes(requestBytes) } : {}),
  };
  return {
    ...asked,
    requests: { ...without(asked.requests), ...requests },
    limits: { ...without(asked.limits), ...limits },
  };
}

/** Amounts of what can't be resized. */
function without(amounts: Amounts = {}): Amounts {
  const { cpu: _cpu, memory: _memory, ...others } = amounts;
  return others;
}
