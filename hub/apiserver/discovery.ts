// Discovery documents, aggregated and legacy, from the table of kinds.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api

import { kinds } from '../../api/kinds/index.ts';
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';

type GroupVersion = { group: string; version: string; kinds: Kind[] };
type Group = { group: string; versions: GroupVersion[] };

/** All groups but the core group, with their versions, the preferred one first. */
function groups(): Group[] {
  const found = new Map<string, GroupVersion[]>();
  for (const version of groupVersions()) found.set(version.group, [...(found.get(version.group) ?? []), version]);
  return [...found].map(([group, versions]) => ({ group, versions }));
}

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

/** Versions of the aggregated form: `v2`, and `v2beta1` for clients from before 1.30. */
export const aggregatedVersions = ['v2', 'v2beta1'] as const;
type AggregatedVersion = (typeof aggregatedVersions)[number];

/** Media type of aggregated discovery, exactly as clients compare it. */
export function aggregatedType(version: AggregatedVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

/** `/api` (core group) or `/apis` (all others) as APIGroupDiscoveryList. */
export function aggregatedDiscovery(core: boolean, version: AggregatedVersion): object {
  const items = groups()
    .filter(({ group }) => (group === '') === core)
    .map(({ group, versions }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((member) => ({
        version: member.version,
        freshness: 'Current',
        resources: member.kinds.map(aggregatedResource),
      })),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
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

function groupDocument({ group, versions }: Group): object {
  const list = versions.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

/** `/apis`. */
export function apiGroupList(): object {
  const named = groups().filter(({ group }) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupDocument) };
}

/** `/apis/GROUP`, or undefined when there is no such group. */
export function apiGroup(name: string): object | undefined {
  const found = groups().find(({ group }) => group === name && name !== '');
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
