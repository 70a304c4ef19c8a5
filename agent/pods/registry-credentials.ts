// Credentials for a registry from an image pull secret.
// https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
import type { Secret } from '../../api/meta/kubernetes.ts';
import type { RegistryCredentials } from '../runtime/runtime.ts';

const dockerHub = 'docker.io';

/** The registry that an image comes from: its first part when that looks like a host. */
export function registryOf(image: string): string {
  const first = image.split('/')[0] ?? '';
  return image.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost')
    ? first
    : dockerHub;
}

type Entry = { username?: string; password?: string; auth?: string };

/** Credentials for the image's registry, or undefined when the secret has none or can't be read. */
export function readRegistryCredentials(secret: Secret, image: string): RegistryCredentials | undefined {
  const text = secret.data?.['.dockerconfigjson'];
  if (text === undefined) return undefined;
  let entries: Record<string, Entry>;
  try {
    entries = (JSON.parse(Buffer.from(text, 'base64').toString()) as { auths?: Record<string, Entry> }).auths ?? {};
  } catch {
    return undefined;
  }
  const registry = registryOf(image);
  for (const [server, entry] of Object.entries(entries)) {
    const host = server.replace(/^https?:\/\//, '').split('/')[0];
    if (host !== registry && !(registry === dockerHub && host === 'index.docker.io')) continue;
    const [username = '', ...rest] = Buffer.from(entry.auth ?? '', 'base64')
      .toString()
      .split(':');
    return { server, username: entry.username ?? username, password: entry.password ?? rest.join(':') };
  }
  return undefined;
}
