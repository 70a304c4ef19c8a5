// Identities as container labels.
import type { ContainerIdentity, ContainerRole } from '../runtime.ts';

/** All containers and networks of one agent carry this, with its data directory's instance. */
export const instanceLabel = 'dev.skerry.instance';
const prefix = 'dev.skerry.';

export function labelsOf(identity: ContainerIdentity, instance: string): Record<string, string> {
  return {
    [instanceLabel]: instance,
    [`${prefix}pod-uid`]: identity.podUid,
    [`${prefix}pod-namespace`]: identity.podNamespace,
    [`${prefix}pod-name`]: identity.podName,
    [`${prefix}role`]: identity.role,
    [`${prefix}container`]: identity.containerName,
    [`${prefix}attempt`]: String(identity.attempt),
    [`${prefix}crash-streak`]: String(identity.crashStreak),
    [`${prefix}spec-hash`]: identity.specHash,
    [`${prefix}sandbox`]: identity.sandboxId,
    ...(identity.madeWith === undefined ? {} : { [`${prefix}made-with`]: identity.madeWith }),
  };
}

export function identityOf(labels: Record<string, string>): ContainerIdentity {
  const read = (name: string): string => labels[`${prefix}${name}`] ?? '';
  const madeWith = labels[`${prefix}made-with`];
  return {
    podUid: read('pod-uid'),
    podNamespace: read('pod-namespace'),
    podName: read('pod-name'),
    role: read('role') as ContainerRole,
    containerName: read('container'),
    attempt: Number(read('attempt')),
    crashStreak: Number(read('crash-streak')),
    specHash: read('spec-hash'),
    sandboxId: read('sandbox'),
    ...(madeWith === undefined ? {} : { madeWith }),
  };
}

/** The image as the pod names it: Podman shows it with its registry. */
export function imageLabel(image: string): Record<string, string> {
  return { [`${prefix}image`]: image };
}

export function imageOf(labels: Record<string, string>): string | undefined {
  return labels[`${prefix}image`];
}

export function isSandbox(labels: Record<string, string>): boolean {
  return identityOf(labels).role === 'sandbox';
}

export function podUidOf(labels: Record<string, string> | undefined): string | undefined {
  return labels?.[`${prefix}pod-uid`];
}

export function podUidFilter(podUid: string): string {
  return `${prefix}pod-uid=${podUid}`;
}
