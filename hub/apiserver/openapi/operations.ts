// Which paths there are, and what can be done at each: the same for both
// versions of OpenAPI.
import { kinds } from '../../../api/kinds/index.ts';
import { apiVersionOf, type Kind } from '../../../api/kinds/kind.ts';
import type { GroupVersionKind } from './schemas.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
export type PathOperation = {
  method: Method;
  /** As `x-kubernetes-action` says it. */
  action: string;
  gvk: GroupVersionKind;
  /** Type id of what goes in and comes out; `list` for lists. */
  typeId: string;
  isList: boolean;
  id: string;
};
export type Path = { path: string; namespaced: boolean; named: boolean; operations: PathOperation[] };

const methodOf: Record<string, Method> = {
  list: 'get',
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function rootOf(kind: { group: string; version: string }): string {
  return kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
}

function operationsOf(kind: Kind, verbs: readonly string[], suffix = ''): PathOperation[] {
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
  const scope = kind.namespaced ? 'Namespaced' : '';
  return verbs.flatMap((verb): PathOperation[] => {
    const method = methodOf[verb];
    if (method === undefined) return [];
    const action = method === 'post' || method === 'put' ? method : verb;
    const id = `${verb}${groupWord(kind)}${scope}${kind.kind}${suffix}`;
    return [{ method, action, gvk, typeId: kind.typeId, isList: verb === 'list', id }];
  });
}

function groupWord({ group, version }: Kind): string {
  const word = group === '' ? 'core' : (group.split('.')[0] ?? '');
  return `${word[0]?.toUpperCase()}${word.slice(1)}${version.toUpperCase()}`;
}

/** All paths of a kind. */
function pathsOf(kind: Kind): Path[] {
  const { namespaced, plural, verbs } = kind;
  const base = `${rootOf(kind)}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}`;
  const of = (wanted: readonly string[]): string[] => wanted.filter((verb) => (verbs as string[]).includes(verb));
  const paths: Path[] = [
    {
      path: base,
      namespaced,
      named: false,
      operations: operationsOf(kind, of(['list', 'create', 'deletecollection'])),
    },
    {
      path: `${base}/{name}`,
      namespaced,
      named: true,
      operations: operationsOf(kind, of(['get', 'update', 'patch', 'delete'])),
    },
  ];
  if (namespaced && (verbs as string[]).includes('list'))
    paths.push({
      path: `${rootOf(kind)}/${plural}`,
      namespaced: false,
      named: false,
      operations: operationsOf(kind, ['list'], 'ForAllNamespaces'),
    });
  for (const { name, verbs: allowed, kind: own } of kind.subresources) {
    const word = `${name[0]?.toUpperCase()}${name.slice(1)}`;
    const isStream = own?.kind.endsWith('Options') === true;
    const operations = operationsOf(kind, allowed, word).map((operation) => ({
      ...operation,
      ...(isStream ? { action: 'connect' } : {}),
      ...(own === undefined
        ? {}
        : { gvk: { group: own.group, version: own.version, kind: own.kind }, typeId: own.typeId }),
    }));
    paths.push({ path: `${base}/{name}/${name}`, namespaced, named: true, operations });
  }
  return paths.filter(({ operations }) => operations.length > 0);
}

/** All paths, or those of one group version. */
export function allPaths(root?: string): Path[] {
  return kinds.filter((kind) => root === undefined || rootOf(kind) === root).flatMap(pathsOf);
}

/** Parameters in the query that writes take. */
export const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'];
/** Parameters in the query that lists take. */
export const listParameters = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const booleans = ['allowWatchBookmarks', 'force', 'sendInitialEvents', 'watch'];
const integers = ['limit', 'timeoutSeconds'];

export function parameterType(name: string): string {
  return booleans.includes(name) ? 'boolean' : integers.includes(name) ? 'integer' : 'string';
}

/** Names of the query parameters of an operation. */
export function queryOf({ action, isList }: PathOperation): readonly string[] {
  if (isList || action === 'deletecollection') return listParameters;
  return ['post', 'put', 'patch', 'delete'].includes(action) ? writeParameters : [];
}
