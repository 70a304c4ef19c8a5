// All kinds that are served. A new kind is a file beside this one and a line here.
import { certificateSigningRequestKind, leaseKind } from './cluster.ts';
import { configMapKind, eventKind, namespaceKind, secretKind, serviceAccountKind } from './core.ts';
import type { Kind, ResourceId } from './kind.ts';
import { nodeKind } from './node.ts';
import { podKind } from './pod.ts';
import { serviceKind } from './service.ts';
import { controllerRevisionKind, daemonSetKind, deploymentKind, replicaSetKind } from './workload.ts';

export const kinds: readonly Kind[] = [
  configMapKind,
  eventKind,
  namespaceKind,
  nodeKind,
  podKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  controllerRevisionKind,
  daemonSetKind,
  deploymentKind,
  replicaSetKind,
  leaseKind,
  certificateSigningRequestKind,
];

const byResource = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
const byKind = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.kind}`, kind]));

/** The kind that a URL's resource names. */
export function findResource({ group, version, resource }: ResourceId): Kind | undefined {
  return byResource.get(`${group}/${version}/${resource}`);
}

/** The kind of an `apiVersion` and `kind`. */
export function findKind(apiVersion: string, kind: string): Kind | undefined {
  const [first = '', second] = apiVersion.split('/');
  return byKind.get(second === undefined ? `/${first}/${kind}` : `${first}/${second}/${kind}`);
}
