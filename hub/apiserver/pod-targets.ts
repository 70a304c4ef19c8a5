// What exec, attach, port-forward and proxy of a pod are about: its node and a
// container or port there.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#connect-exec-pod
import { podKind } from '../../api/kinds/pod.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { badRequest } from '../../api/meta/status.ts';
import type { StreamTarget } from '../../api/wire/frames.ts';
import { type ApiParts, getEntry, nameOf } from './parts.ts';
import { decodeStored } from './stored-object.ts';

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

export type Target = { nodeName: string; target: StreamTarget };

/** @throws ApiError NotFound */
export async function readPod(parts: ApiParts, operation: Operation): Promise<Pod> {
  return decodeStored(podKind, await getEntry(parts, podKind, operation.namespace, nameOf(operation))) as Pod;
}

/** The node that a pod is on. @throws ApiError BadRequest when it has none */
export function nodeOf(pod: Pod): string {
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return nodeName;
}

function containerOf(pod: Pod, asked: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const names = [...containers, ...initContainers, ...ephemeralContainers].map(({ name }) => name);
  const chosen = asked || pod.metadata.annotations?.[defaultContainerAnnotation] || names[0] || '';
  if (!names.includes(chosen)) throw badRequest(`container ${chosen} is not valid for pod ${pod.metadata.name}`);
  return chosen;
}

const isTrue = (text: string | null): boolean => text === 'true' || text === '1';

/** The stream that `exec` or `attach` asks for. @throws ApiError NotFound, BadRequest */
export async function commandTarget(parts: ApiParts, operation: Operation, query: URLSearchParams): Promise<Target> {
  const pod = await readPod(parts, operation);
  const streams = {
    stdin: isTrue(query.get('stdin')),
    stdout: isTrue(query.get('stdout')),
    stderr: isTrue(query.get('stderr')),
    tty: isTrue(query.get('tty')),
  };
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  const container = containerOf(pod, query.get('container') ?? '');
  const base = { podUid: pod.metadata.uid ?? '', container, ...streams };
  if (operation.subresource === 'attach') return { nodeName: nodeOf(pod), target: { kind: 'attach', ...base } };
  const command = query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify at least 1 command for the container');
  return { nodeName: nodeOf(pod), target: { kind: 'exec', command, ...base } };
}

/** The stream to a port of a pod. @throws ApiError BadRequest */
export function portTarget(pod: Pod, port: number): Target {
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw badRequest(`${port} is not a valid port`);
  return { nodeName: nodeOf(pod), target: { kind: 'port', podUid: pod.metadata.uid ?? '', port } };
}
