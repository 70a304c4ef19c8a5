// What there is to attack: the resources that discovery lists, their types from
// the tables, and the paths and names that inputs are made of.
import fc, { type Arbitrary } from 'fast-check';
import { findKind, kinds } from '../../../api/kinds/index.ts';
import type { JsonObject } from '../../../api/meta/object.ts';
import type { Input } from './input.ts';
import { baseName, manifest } from './manifests.ts';
import { escapeText, hostileText } from './values.ts';

export type Body = { apiVersion: string; kind: string; typeId: string };
export type Subresource = { name: string; verbs: readonly string[]; body: Body | undefined };
export type Resource = {
  group: string;
  version: string;
  plural: string;
  namespaced: boolean;
  verbs: readonly string[];
  body: Body | undefined;
  subresources: readonly Subresource[];
};

type ResourceList = {
  groupVersion: string;
  resources: {
    name: string;
    namespaced: boolean;
    kind: string;
    group?: string;
    version?: string;
    verbs: string[];
  }[];
};

/** Types of bodies that are no kind of their own in the tables. */
const otherTypes: Record<string, string> = {
  Binding: 'core.v1.Binding',
  DeleteOptions: 'meta.v1.DeleteOptions',
  Eviction: 'policy.v1.Eviction',
  Scale: 'autoscaling.v1.Scale',
  TokenRequest: 'authentication.v1.TokenRequest',
};

function bodyOf(apiVersion: string, kind: string): Body | undefined {
  const own = findKind(apiVersion, kind)?.typeId;
  const ofSubresource = kinds
    .flatMap(({ subresources }) => subresources)
    .find(({ kind: of }) => of?.kind === kind)?.kind;
  const typeId = own ?? ofSubresource?.typeId ?? otherTypes[kind];
  return typeId === undefined ? undefined : { apiVersion, kind, typeId };
}

/** The resources of one of discovery's legacy documents, `/api/v1` or `/apis/GROUP/VERSION`. */
export function readResourceList(document: unknown): Resource[] {
  const { groupVersion, resources } = document as ResourceList;
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  const found = new Map<string, Resource & { subresources: Subresource[] }>();
  for (const { name, namespaced, kind, verbs, ...own } of resources) {
    const [plural = '', subresource] = name.split('/');
    const apiVersion = own.version === undefined ? groupVersion : [own.group, own.version].filter(Boolean).join('/');
    const body = bodyOf(apiVersion, kind);
    if (subresource === undefined)
      found.set(plural, { group, version, plural, namespaced, verbs, body, subresources: [] });
    else found.get(plural)?.subresources.push({ name: subresource, verbs, body });
  }
  return [...found.values()];
}

export const testNamespace = 'default';
/** Namespaces that there are at the start; the second is one that inputs may delete. */
export const namespaces: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease', 'other'];

export function groupPath({ group, version }: Resource): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** A path; its parts go in as they are. */
export function pathOf(resource: Resource, namespace: string, name?: string, subresource?: string): string {
  const place = resource.namespaced ? `/namespaces/${namespace}` : '';
  const rest = [resource.plural, name, subresource].filter((part) => part !== undefined).join('/');
  return `${groupPath(resource)}${place}/${rest}`;
}

export function nameOfBase({ body }: Resource): string {
  return baseName(body?.kind ?? '');
}

/** A valid object of the resource. */
export function baseObject(resource: Resource, name = nameOfBase(resource)): JsonObject {
  const { apiVersion = '', kind = '' } = resource.body ?? {};
  return manifest(apiVersion, kind, resource.namespaced ? { name, namespace: testNamespace } : { name });
}

/** The valid objects that there are at the start, by the requests that make them. */
export function baseInputs(resources: readonly Resource[]): Input[] {
  const create = (path: string, object: JsonObject): Input => ({
    surface: 'base',
    identity: 'admin',
    method: 'POST',
    target: path,
    headers: [['content-type', 'application/json']],
    body: [JSON.stringify(object)],
  });
  const isKept = ({ verbs, body }: Resource): boolean =>
    verbs.includes('create') && verbs.includes('get') && body !== undefined;
  return [
    ...namespaces.map((name) => create('/api/v1/namespaces', manifest('v1', 'Namespace', { name }))),
    ...resources.filter(isKept).map((resource) => create(pathOf(resource, testNamespace), baseObject(resource))),
  ];
}

export class World {
  readonly resources: readonly Resource[];
  readonly resource: Arbitrary<Resource>;
  /** Resources whose type is known. */
  readonly typed: Arbitrary<Resource & { body: Body }>;
  /** A subresource of a resource. */
  readonly subresource: Arbitrary<readonly [Resource, Subresource]>;
  /** Of a path: escaped as far as a URL needs it, or not at all. */
  readonly namespace: Arbitrary<string>;

  constructor(resources: readonly Resource[]) {
    this.resources = resources;
    // Pods, Deployments and ConfigMaps have most of the code; the others follow the same path.
    const favourites = resources.filter(({ plural }) =>
      ['pods', 'deployments', 'configmaps', 'services'].includes(plural),
    );
    const weighted = [...resources, ...Array.from({ length: 6 }, () => favourites).flat()];
    this.resource = fc.constantFrom(...weighted);
    this.typed = fc.constantFrom(
      ...weighted.filter((resource): resource is Resource & { body: Body } => resource.body !== undefined),
    );
    this.subresource = fc.constantFrom(
      ...resources.flatMap((resource) =>
        resource.subresources.map((subresource): readonly [Resource, Subresource] => [resource, subresource]),
      ),
    );
    this.namespace = fc.oneof(
      { weight: 20, arbitrary: fc.constant(testNamespace) },
      { weight: 3, arbitrary: fc.constantFrom('other', 'kube-system', 'missing') },
      { weight: 1, arbitrary: segment },
    );
  }

  /** The name of an object of the resource: most often of one that there is. */
  name(resource: Resource): Arbitrary<string> {
    return fc.oneof(
      { weight: 12, arbitrary: fc.constant(nameOfBase(resource)) },
      { weight: 3, arbitrary: fc.nat({ max: 20 }).map((index) => `new-${index}`) },
      { weight: 2, arbitrary: segment },
    );
  }

  /** A path to an object. */
  readonly objectPath = (resource: Resource, subresource?: string): Arbitrary<string> =>
    fc
      .tuple(this.namespace, this.name(resource))
      .map(([namespace, name]) => pathOf(resource, namespace, name, subresource));

  readonly listPath = (resource: Resource): Arbitrary<string> =>
    this.namespace.map((namespace) => pathOf(resource, namespace));
}

/** A segment of a path that is not what it should be: as it is, or escaped. */
const segment: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: escapeText },
  { weight: 2, arbitrary: hostileText.map(escapeAll) },
  { weight: 2, arbitrary: escapeText.map(escapeAll) },
);

/** As encodeURIComponent, also of half surrogates and with dots escaped. */
export function escapeAll(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

export { segment as hostileSegment };
