// URLs of the resource API, into operations.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
import type { ResourceId } from '../../api/kinds/kind.ts';
import type { OperationVerb } from '../../api/meta/operation.ts';

export type ResourcePath = {
  resource: ResourceId;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
};

/** What stands behind `proxy` is not looked at. */
const proxiedRest = /^(\/api\/v1\/(?:namespaces\/[^/]+\/)?(?:pods|services|nodes)\/[^/]+\/proxy)\/.*$/;

/** Parses the segments behind `/api/VERSION` or `/apis/GROUP/VERSION`; undefined when they are no resource. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const segments = decodeSegments(path.replace(proxiedRest, '$1'));
  if (segments === undefined) return undefined;
  const isCore = segments[0] === 'api';
  if (!isCore && segments[0] !== 'apis') return undefined;
  const [group = '', version = ''] = isCore ? ['', segments[1]] : [segments[1], segments[2]];
  const rest = segments.slice(isCore ? 2 : 3);
  if (rest.length === 0 || rest.some((segment) => segment === '')) return undefined;
  let namespace: string | undefined;
  // `namespaces/NAME` is the Namespace itself, and so are its own subresources.
  if (rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
    namespace = rest[1];
    rest.splice(0, 2);
  }
  const [resource = '', name, ...subresources] = rest;
  if (subresources.length > 1) return undefined;
  return { resource: { group, version, resource }, namespace, name, subresource: subresources[0] };
}

/** Segments of a path, decoded; a name cannot smuggle in a slash or leave its place. */
function decodeSegments(path: string): string[] | undefined {
  try {
    const segments = path.split('/').slice(1).map(decodeURIComponent);
    if (segments.at(-1) === '') segments.pop();
    return segments.some((segment) => segment.includes('/') || segment === '.' || segment === '..')
      ? undefined
      : segments;
  } catch {
    return undefined;
  }
}

/** The verb of a method on a path; undefined when there is none. */
export function verbOf(method: string, path: ResourcePath, query: Record<string, string>): OperationVerb | undefined {
  const isWatch = query.watch === 'true' || query.watch === '1';
  switch (method) {
    case 'GET':
    case 'HEAD':
      // A HEAD has no body to stream events in.
      if (isWatch && method === 'GET') return 'watch';
      return path.name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return path.name === undefined ? undefined : 'update';
    case 'PATCH':
      return path.name === undefined ? undefined : 'patch';
    case 'DELETE':
      return path.name === undefined ? 'deletecollection' : 'delete';
    case 'OPTIONS':
      return path.subresource === 'proxy' ? 'get' : undefined;
    default:
      return undefined;
  }
}

/** A request target in its parts; the query without its question mark. */
export type RequestTarget = { path: string; query: string };

/**
 * Path and query of a request target, as they stand; it has no fragment (RFC 9112 section 3.2), and what is written
 * as one is a name that nothing has. URL would resolve `..` and `%2e%2e` before anybody sees
 * them, so that a name could lead to another object, and throws for what begins with two slashes.
 */
export function splitTarget(target: string): RequestTarget {
  const whole = target.replace(/^https?:\/\/[^/?#]*/i, '');
  const at = whole.indexOf('?');
  return at < 0 ? { path: whole, query: '' } : { path: whole.slice(0, at), query: whole.slice(at + 1) };
}
