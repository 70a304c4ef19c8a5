// Which paths there are, and what can be done at each: the same for both
// versions of OpenAPI.
import { kinds } from '../../../api/kinds/index.ts';
import { apiVersionOf, type Kind, type Subresource } from '../../../api/kinds/kind.ts';
import { patchTypes } from '../../../api/patch/patch-types.ts';
import type { Content, GroupVersionKind } from './schemas.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'options' | 'head';
export type PathOperation = {
  method: Method;
  /** As `x-kubernetes-action` says it. */
  action: string;
  gvk: GroupVersionKind;
  id: string;
  body?: { content: Content; required: boolean };
  response: Content;
  /** Status codes of success, with the response's content. */
  codes: readonly number[];
  /** Media types of the body. */
  consumes: readonly string[];
  /** The type whose fields stand in the query, of operations that take options and no body. */
  optionsType?: string;
};
export type Path = { path: string; namespaced: boolean; named: boolean; operations: PathOperation[] };
type Verb = 'list' | 'get' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

const methodOf: Record<Verb, Method> = {
  list: 'get',
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};
/** How ids of operations call the verbs. */
const idWords: Record<Verb, string> = {
  list: 'list',
  get: 'read',
  create: 'create',
  update: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};
const codesOf: Record<Verb, readonly number[]> = {
  list: [200],
  get: [200],
  create: [200, 201, 202],
  update: [200, 201],
  patch: [200, 201],
  delete: [200, 202],
  deletecollection: [200],
};
const anyMedia = ['*/*'];

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function rootOf(kind: { group: string; version: string }): string {
  return kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
}

function capital(word: string): string {
  return `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`;
}

/** `CoreV1`, `RbacAuthorizationV1`. */
function groupWord({ group, version }: Kind): string {
  const words = group === '' ? ['core'] : group.replace(/\.k8s\.io$/, '').split('.');
  return `${words.map(capital).join('')}${capital(version)}`;
}

type Named = { gvk: GroupVersionKind; typeId: string };

function nameOfKind({ group, version, kind, typeId }: Named['gvk'] & { typeId: string }): Named {
  return { gvk: { group, version, kind }, typeId };
}

function bodyOf(verb: Verb, typeId: string): Pick<PathOperation, 'body'> {
  if (verb === 'create' || verb === 'update') return { body: { content: { typeId }, required: true } };
  if (verb === 'patch') return { body: { content: { typeId: 'meta.v1.Patch' }, required: true } };
  if (verb === 'delete' || verb === 'deletecollection')
    return { body: { content: { typeId: 'meta.v1.DeleteOptions' }, required: false } };
  return {};
}

/** What is answered: what is deleted at once is told of by a Status, what ends gracefully is answered itself. */
function responseOf(verb: Verb, kind: Kind, typeId: string): Content {
  if (verb === 'list') return { listOf: typeId };
  if (verb === 'deletecollection') return { typeId: 'meta.v1.Status' };
  if (verb === 'delete' && kind.defaultGracePeriodSeconds === undefined) return { typeId: 'meta.v1.Status' };
  return { typeId };
}

function operationOf(kind: Kind, verb: Verb, { gvk, typeId }: Named, suffix = ''): PathOperation {
  const isWrite = verb === 'create' || verb === 'update';
  const collection = verb === 'deletecollection' ? 'Collection' : '';
  const scope = kind.namespaced && suffix !== 'ForAllNamespaces' ? 'Namespaced' : '';
  return {
    method: methodOf[verb],
    action: isWrite ? methodOf[verb] : verb,
    gvk,
    id: `${idWords[verb]}${groupWord(kind)}${collection}${scope}${kind.kind}${suffix}`,
    ...bodyOf(verb, typeId),
    response: responseOf(verb, kind, typeId),
    codes: codesOf[verb],
    consumes: verb === 'patch' ? Object.values(patchTypes) : anyMedia,
  };
}

/** All paths of a kind. */
function pathsOf(kind: Kind): Path[] {
  const { namespaced, plural } = kind;
  const base = `${rootOf(kind)}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}`;
  const own = nameOfKind(kind);
  const operations = (wanted: readonly Verb[], suffix = ''): PathOperation[] =>
    wanted
      .filter((verb) => (kind.verbs as readonly string[]).includes(verb))
      .map((verb) => operationOf(kind, verb, own, suffix));
  const paths: Path[] = [
    { path: base, namespaced, named: false, operations: operations(['list', 'create', 'deletecollection']) },
    {
      path: `${base}/{name}`,
      namespaced,
      named: true,
      operations: operations(['get', 'update', 'patch', 'delete']),
    },
  ];
  if (namespaced) {
    const everywhere = operations(['list'], 'ForAllNamespaces');
    paths.push({ path: `${rootOf(kind)}/${plural}`, namespaced: false, named: false, operations: everywhere });
  }
  for (const subresource of kind.subresources) paths.push(...subresourcePaths(kind, `${base}/{name}`, subresource));
  return paths.filter((path) => path.operations.length > 0);
}

function subresourcePaths(kind: Kind, base: string, subresource: Subresource): Path[] {
  const { name, verbs, kind: own = kind } = subresource;
  const path = { path: `${base}/${name}`, namespaced: kind.namespaced, named: true };
  const suffix = capital(name);
  if (own.kind.endsWith('Options')) return connectPaths(kind, path, nameOfKind(own), subresource);
  const operations = verbs.map((verb) => operationOf(kind, verb, nameOfKind(own), suffix));
  if (name !== 'log') return [{ ...path, operations }];
  const text = { response: 'text', optionsType: 'core.v1.PodLogOptions' } as const;
  return [{ ...path, operations: operations.map((operation) => ({ ...operation, ...text })) }];
}

/** Streams and proxies take options in the query; a proxy takes every method, with and without a path behind it. */
function connectPaths(
  kind: Kind,
  path: Omit<Path, 'operations'>,
  { gvk, typeId }: Named,
  { name, verbs }: Subresource,
): Path[] {
  const isProxy = name === 'proxy';
  const methods = [...verbs.map((verb) => methodOf[verb]), ...(isProxy ? (['options', 'head'] as const) : [])];
  const operations = (suffix: string): PathOperation[] =>
    methods.map((method) => ({
      method,
      action: 'connect',
      gvk,
      id: `connect${groupWord(kind)}${capital(method)}${kind.namespaced ? 'Namespaced' : ''}${kind.kind}${suffix}`,
      response: 'text',
      codes: [200],
      consumes: anyMedia,
      optionsType: typeId,
    }));
  const suffix = capital(name);
  const paths = [{ ...path, operations: operations(suffix) }];
  if (!isProxy) return paths;
  return [...paths, { ...path, path: `${path.path}/{path}`, operations: operations(`${suffix}WithPath`) }];
}

/** All paths, or those of one group version. */
export function allPaths(root?: string): Path[] {
  return kinds.filter((kind) => root === undefined || rootOf(kind) === root).flatMap(pathsOf);
}
