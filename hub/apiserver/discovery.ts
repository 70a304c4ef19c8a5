// Discovery documents, aggregated and legacy, from the table of kinds.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api

import { kinds } from '../../api/kinds/index.ts';
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';

type GroupVersion = { group: string; version: string; kinds: Kind[] };

function groupVersions(): GroupVersion[] {
  const found = new Map<string, GroupVersion>();
  for (const kind of kinds) {
    const id = apiVersionOf(kind);
    const entry = found.get(id) ?? { group: kind.group, version: kind.version, kinds: [] };
    entry.kinds.push(kind);
    found.set(id, entry);
  }
  return [...found.values()];
}

/** Media types of aggregated discovery, exactly as clients compare them. */
export const aggregatedV2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `/api` (core group) or `/apis` (all others) as APIGroupDiscoveryList. */
export function aggregatedDiscovery(core: boolean): object {
  const items = groupVersions()
    .filter(({ group }) => (group === '') === core)
    .map(({ group, version, kinds: members }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: [{ version, freshness: 'Current', resources: members.map(aggregatedResource) }],
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function aggregatedResource(kind: Kind): object {
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(kind.subresources.length > 0
      ? {
          subresources: kind.subresources.map((subresource) => ({
            subresource: subresource.name,
            responseKind: responseKind(kind, subresource.kind),
            verbs: subresource.verbs,
          })),
        }
      : {}),
  };
}

function responseKind(kind: Kind, own: { group: string; version: string; kind: string } | undefined): object {
  const { group, version, kind: name } = own ?? kind;
  return { group, version, kind: name };
}

/** `/api`. */
export function apiVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

function groupDocument({ group, version }: GroupVersion): object {
  const preferred = { groupVersion: `${group}/${version}`, version };
  return { name: group, versions: [preferred], preferredVersion: preferred };
}

/** `/apis`. */
export function apiGroupList(): object {
  const groups = groupVersions()
    .filter(({ group }) => group !== '')
    .map(groupDocument);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/GROUP`, or undefined when there is no such group. */
export function apiGroup(name: string): object | undefined {
  const found = groupVersions().find(({ group }) => group === name && name !== '');
  return found === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(found) };
}

/** `/api/v1` or `/apis/GROUP/VERSION`, or undefined when it is not served. */
export function apiResourceList(group: string, version: string): object | undefined {
  const found = groupVersions().find((candidate) => candidate.group === group && candidate.version === version);
  if (found === undefined) return undefined;
  const resources = found.kinds.flatMap((kind) => [
    {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: kind.verbs,
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    },
    ...kind.subresources.map((subresource) => ({
      name: `${kind.plural}/${subresource.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      kind: subresource.kind?.kind ?? kind.kind,
      ...(subresource.kind === undefined ? {} : { group: subresource.kind.group, version: subresource.kind.version }),
      verbs: subresource.verbs,
    })),
  ]);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources,
  };
}
