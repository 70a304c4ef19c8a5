// Where objects may be stored: what a key has to look like, whatever a client
// sent. Written from Kubernetes' rules for names, not from our validation.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
import type { Entry } from '../../../hub/store/store.ts';

/** A key's parts, the core group being `core`; `namespace` is empty for what has none. */
export type StoredKey = { group: string; plural: string; namespace: string; name: string };

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** Names of these may hold anything that is one segment of a path. */
const looseGroups = ['rbac.authorization.k8s.io'];
const looseNames = ['ipaddresses'];
const longestName = 253;

/** Parts of `/registry/GROUP/PLURAL/[NAMESPACE/]NAME`; undefined when the key is none of that form. */
export function parseKey(key: string): StoredKey | undefined {
  const [root, registry, group = '', plural = '', ...rest] = key.split('/');
  if (root !== '' || registry !== 'registry' || rest.length === 0 || rest.length > 2) return undefined;
  const [name = '', namespace = ''] = rest.reverse();
  return { group, plural, namespace, name };
}

function nameProblem({ group, plural, namespace, name }: StoredKey): string | undefined {
  if (name === '' || name.length > longestName) return 'its name is empty or too long';
  if (namespace !== '' && !label.test(namespace)) return 'its namespace is no RFC 1123 label';
  const isLoose = looseGroups.includes(group) || looseNames.includes(plural);
  if (isLoose)
    return name === '.' || name === '..' || /[/%]/.test(name) ? 'its name is no segment of a path' : undefined;
  return subdomain.test(name) ? undefined : 'its name is no RFC 1123 subdomain';
}

/**
 * What is wrong with a stored entry, if anything: its key must be made of names, and its value must be the object of
 * that name. `isNamespaced` tells of a resource that is served; undefined for others.
 */
export function entryProblem(
  { key, value }: Entry,
  isNamespaced: (group: string, plural: string) => boolean | undefined,
): string | undefined {
  const where = JSON.stringify(key.length > 300 ? `${key.slice(0, 300)}...` : key);
  const parsed = parseKey(key);
  if (parsed === undefined) return `the key ${where} is not of the form /registry/GROUP/RESOURCE/[NAMESPACE/]NAME`;
  const namespaced = isNamespaced(parsed.group, parsed.plural);
  if (namespaced === undefined) return `the key ${where} is of no resource that is served`;
  if (namespaced !== (parsed.namespace !== '')) return `the key ${where} has ${namespaced ? 'no' : 'a'} namespace`;
  const problem = nameProblem(parsed);
  if (problem !== undefined) return `the key ${where} stands for nothing that could be created: ${problem}`;
  const { metadata } = JSON.parse(value) as { metadata?: { name?: unknown; namespace?: unknown } };
  if (metadata?.name !== parsed.name || (metadata.namespace ?? '') !== parsed.namespace)
    return `the key ${where} holds the object ${JSON.stringify([metadata?.namespace, metadata?.name]).slice(0, 300)}`;
  return undefined;
}
