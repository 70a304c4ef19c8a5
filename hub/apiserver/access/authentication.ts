// Who asks: the subject of a client certificate, or the service account of a
// bearer token, or whom one of these may act as.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { User } from '../../../api/meta/operation.ts';
import { badRequest } from '../../../api/meta/status.ts';
import type { ApiServer } from '../server.ts';
import type { AccessRequest } from './rules.ts';

const allAuthenticated = 'system:authenticated';
/** Subprotocol by which browsers send a token with a WebSocket, base64url encoded. */
const bearerProtocol = 'base64url.bearer.authorization.k8s.io.';

/** Reading a certificate costs as much as answering a small request, and a connection has but one. */
const users = new WeakMap<TLSSocket, User | undefined>();

/** The user of a verified client certificate; undefined for connections without one. */
function userOfSocket(socket: TLSSocket): User | undefined {
  if (!users.has(socket)) users.set(socket, readUser(socket));
  return users.get(socket);
}

function readUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (subject?.CN === undefined) return undefined;
  const organizations: string[] = subject.O === undefined ? [] : [subject.O].flat();
  return { name: [subject.CN].flat()[0] ?? '', groups: [...organizations, allAuthenticated] };
}

function bearerToken({
  authorization,
  'sec-websocket-protocol': protocols = '',
}: IncomingHttpHeaders): string | undefined {
  const [scheme = '', token] = (authorization ?? '').trim().split(/\s+/);
  if (scheme.toLowerCase() === 'bearer' && token !== undefined) return token;
  const carried = protocols
    .split(',')
    .map((item) => item.trim())
    .find((item) => item.startsWith(bearerProtocol));
  return carried === undefined ? undefined : Buffer.from(carried.slice(bearerProtocol.length), 'base64url').toString();
}

/**
 * The user that a request is made as; undefined when it proves none.
 * @throws ApiError Forbidden when it acts as somebody whom its user may not act as
 */
export async function authenticate(server: ApiServer, request: IncomingMessage): Promise<User | undefined> {
  let user = userOfSocket(request.socket as TLSSocket);
  if (user === undefined) {
    const token = bearerToken(request.headers);
    user = token === undefined ? undefined : await server.authenticate(token);
  }
  return user === undefined ? undefined : impersonate(server, user, request);
}

/** All values of a header; Node joins those that come twice. */
function valuesOf(request: IncomingMessage, name: string): string[] {
  const { rawHeaders } = request;
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '');
  return values;
}

/** https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/ */
function impersonate(server: ApiServer, user: User, request: IncomingMessage): User {
  const [name] = valuesOf(request, 'impersonate-user');
  const groups = valuesOf(request, 'impersonate-group');
  const [uid] = valuesOf(request, 'impersonate-uid');
  const extra = extraOf(request);
  if (name === undefined || name === '') {
    if (groups.length > 0 || uid !== undefined || Object.keys(extra).length > 0)
      throw badRequest('requested impersonation of groups, uid or extra without impersonating a user');
    return user;
  }
  for (const asked of impersonationRequests(name, groups, uid, extra)) server.authorize(user, asked);
  return {
    name,
    groups: impersonatedGroups(name, groups),
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

function extraOf(request: IncomingMessage): Record<string, string[]> {
  const prefix = 'impersonate-extra-';
  const extra: Record<string, string[]> = {};
  for (const header of Object.keys(request.headers)) {
    if (!header.startsWith(prefix)) continue;
    try {
      extra[decodeURIComponent(header.slice(prefix.length))] = valuesOf(request, header);
    } catch {
      throw badRequest(`the header ${header} is not percent-encoded as it should be`);
    }
  }
  return extra;
}

function* impersonationRequests(
  name: string,
  groups: string[],
  uid: string | undefined,
  extra: Record<string, string[]>,
): Generator<AccessRequest> {
  const verb = 'impersonate';
  const [, , namespace, account] = name.startsWith('system:serviceaccount:') ? name.split(':') : [];
  if (account === undefined) yield { verb, group: '', resource: 'users', name };
  else yield { verb, group: '', resource: 'serviceaccounts', namespace, name: account };
  for (const group of groups) yield { verb, group: '', resource: 'groups', name: group };
  if (uid !== undefined) yield { verb, group: 'authentication.k8s.io', resource: 'uids', name: uid };
  for (const [key, values] of Object.entries(extra))
    for (const value of values)
      yield { verb, group: 'authentication.k8s.io', resource: 'userextras', subresource: key, name: value };
}

function impersonatedGroups(name: string, asked: string[]): string[] {
  const groups = [...asked];
  const [, , namespace, account] = name.startsWith('system:serviceaccount:') ? name.split(':') : [];
  if (asked.length === 0 && account !== undefined)
    groups.push('system:serviceaccounts', `system:serviceaccounts:${namespace}`);
  if (name === 'system:anonymous')
    return groups.includes('system:unauthenticated') ? groups : [...groups, 'system:unauthenticated'];
  return groups.includes(allAuthenticated) ? groups : [...groups, allAuthenticated];
}
