// The proxy subresource: HTTP to a port of a pod or service, through the node's
// own connection, and what the hub knows of a node under the kubelet's paths.
// https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { podKind } from '../../api/kinds/pod.ts';
import { serviceKind } from '../../api/kinds/service.ts';
import { isConditionTrue } from '../../api/meta/conditions.ts';
import type { Pod, Service } from '../../api/meta/kubernetes.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { ApiError, badRequest, hasReason } from '../../api/meta/status.ts';
import type { NodeStream } from './node-connector.ts';
import { isPage, readPage } from './page-links.ts';
import { type ApiParts, getEntry, kindOf } from './parts.ts';
import { portTarget } from './pod-targets.ts';
import type { RequestTarget } from './request-path.ts';
import { decodeStored, listPrefix } from './stored-object.ts';
import { tunnelSocket } from './tunnel-socket.ts';

/** `[SCHEME:]NAME[:PORT]`, as the path names what is proxied. */
type Addressed = { scheme: string; name: string; port: string };

function parseName(text: string): Addressed {
  const parts = text.split(':');
  const [scheme, name, port] =
    parts.length === 3 ? parts : parts.length === 2 ? ['', ...parts] : ['', parts[0] ?? '', ''];
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https')
    throw badRequest(`invalid proxy request: the scheme ${scheme} is neither http nor https`);
  if (scheme === 'https') throw badRequest('servers that speak TLS are not reached through this proxy yet');
  return { scheme: scheme ?? '', name: name ?? '', port: port ?? '' };
}

type Place = { pod: Pod; port: number };

/** The number of a port that is given by number, by name, or not at all. @throws ApiError BadRequest */
function podPort(pod: Pod, asked: string | number): number {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  if (asked === '') return ports[0]?.containerPort ?? 80;
  const number = Number(asked);
  if (Number.isInteger(number)) return number;
  const named = ports.find(({ name }) => name === asked);
  if (named === undefined) throw badRequest(`pod ${pod.metadata.name} has no port ${JSON.stringify(asked)}`);
  return named.containerPort;
}

async function placeOf(parts: ApiParts, operation: Operation): Promise<Place> {
  const { name, port } = parseName(operation.name ?? '');
  const kind = kindOf(operation);
  const object = decodeStored(kind, await getEntry(parts, kind, operation.namespace, name));
  if (kind === podKind) return { pod: object as Pod, port: podPort(object as Pod, port) };
  return servicePlace(parts, object as Service, port);
}

/** A ready pod behind a service. @throws ApiError ServiceUnavailable when there is none */
async function servicePlace(parts: ApiParts, service: Service, asked: string): Promise<Place> {
  const ports = service.spec?.ports ?? [];
  const port =
    asked === '' ? ports[0] : ports.find(({ name, port: number }) => name === asked || String(number) === asked);
  const { name, namespace } = service.metadata;
  if (port === undefined)
    throw new ApiError('ServiceUnavailable', `no service port ${JSON.stringify(asked)} found for service "${name}"`);
  const selector = Object.entries(service.spec?.selector ?? {});
  const { entries } = await parts.store.list({ prefix: listPrefix(podKind, namespace) });
  const ready = entries
    .map((entry) => decodeStored(podKind, entry) as Pod)
    .filter(({ metadata, status }) => {
      const isSelected = selector.every(([key, value]) => metadata.labels?.[key] === value);
      return selector.length > 0 && isSelected && isConditionTrue(status?.conditions, 'Ready');
    });
  const pod = ready[Math.floor(parts.random.fraction() * ready.length)];
  if (pod === undefined) throw new ApiError('ServiceUnavailable', `no endpoints available for service "${name}"`);
  return { pod, port: podPort(pod, port.targetPort ?? port.port) };
}

/** Headers that are about one connection alone. */
const connectionHeaders = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** Headers that say who asks: they are for the API alone. */
const privateHeaders = ['authorization', 'content-length'];

function forwardedHeaders(headers: IncomingHttpHeaders, place: Place): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(
    ([name, value]) =>
      value !== undefined &&
      !connectionHeaders.includes(name) &&
      !privateHeaders.includes(name) &&
      !name.startsWith('impersonate-'),
  ) as [string, string | string[]][];
  return { ...Object.fromEntries(kept), host: `${place.pod.status?.podIP ?? place.pod.metadata.name}:${place.port}` };
}

/** A request whose body has not been read. */
export type ProxyRequest = { request: IncomingMessage; target: RequestTarget };

/** Everything of a path up to `/proxy`. */
const proxyPath = /^(\/api\/v1\/(?:namespaces\/[^/]+\/)?(?:pods|services|nodes)\/[^/]+\/proxy)(\/.*)?$/;

/** The path up to `/proxy`, and what the server behind it is asked for: dot segments lead nowhere above its root. */
function splitProxied({ path, query }: RequestTarget): { base: string; inner: string; isBare: boolean } {
  const [, base = '', rest] = proxyPath.exec(path) ?? [];
  const { pathname } = new URL(`http://server${rest ?? '/'}`);
  return { base, inner: query === '' ? pathname : `${pathname}?${query}`, isBare: rest === undefined };
}

/** Sends a request to what the path names and its answer to the client. @throws ApiError */
export async function proxy(
  parts: ApiParts,
  operation: Operation,
  { request: asked, target }: ProxyRequest,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', headers } = asked;
  const { base, inner, isBare } = splitProxied(target);
  // Relative links of a page need the slash.
  if (isBare && (method === 'GET' || method === 'HEAD')) {
    response.writeHead(301, { location: `${base}${inner}` }).end();
    return;
  }
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const place = await placeOf(parts, operation);
  const node = await openPlace(parts, place, stop.signal);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({
      method,
      path: inner,
      headers: { ...forwardedHeaders(headers, place), ...framing(headers) },
      createConnection: () => tunnelSocket(node),
      signal: stop.signal,
    });
    request.once('response', resolve);
    request.once('error', reject);
    asked.once('error', () => request.destroy()).pipe(request);
  }).catch((error: unknown) => {
    node.cancel();
    throw unreachable(error);
  });
  answer.on('error', () => response.destroy());
  const page = isPage(answer.headers) && method !== 'HEAD' ? await readPage(answer, base) : undefined;
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !connectionHeaders.includes(name))
      response.setHeader(name, name === 'location' ? rewritten(String(value), base) : value);
  if (page !== undefined) response.setHeader('content-length', page.length);
  response.writeHead(answer.statusCode ?? 502);
  if (page === undefined) answer.pipe(response);
  else response.end(page);
}

/** How the end of a body is known. */
function framing(headers: IncomingHttpHeaders): Record<string, string> {
  if (headers['content-length'] !== undefined) return { 'content-length': headers['content-length'] };
  return headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' };
}

/** A redirect to a path of the server is one below the proxy's. */
function rewritten(location: string, base: string): string {
  return location.startsWith('/') && !location.startsWith('//') ? base + location : location;
}

async function openPlace(parts: ApiParts, { pod, port }: Place, signal: AbortSignal): Promise<NodeStream> {
  const { nodeName, target } = portTarget(pod, port);
  try {
    return await parts.nodes.open(nodeName, target, signal);
  } catch (error) {
    throw hasReason(error, 'InternalError') ? unreachable(error) : error;
  }
}

function unreachable(error: unknown): ApiError {
  const message = `error trying to reach service: ${(error as Error).message}`;
  return new ApiError('ServiceUnavailable', message, { cause: error });
}

export type ProxyUpgrade = ProxyRequest & { socket: Duplex; head: Buffer };

/** Joins a connection that leaves HTTP with the server behind it, which answers for itself. @throws ApiError */
export async function proxyUpgrade(
  parts: ApiParts,
  operation: Operation,
  { request, socket, head, target: asked }: ProxyUpgrade,
): Promise<void> {
  const { inner } = splitProxied(asked);
  const stop = new AbortController();
  socket.once('close', () => stop.abort());
  const place = await placeOf(parts, operation);
  const target = tunnelSocket(await openPlace(parts, place, stop.signal));
  const headers = {
    ...forwardedHeaders(request.headers, place),
    connection: 'Upgrade',
    upgrade: request.headers.upgrade ?? '',
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((item) => `${name}: ${item}`));
  target.write(`${request.method} ${inner} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) target.write(head);
  socket.pipe(target).pipe(socket);
  target.on('error', () => socket.destroy());
}

/** Whether an operation is a proxy of something that has ports. */
export function isProxied({ subresource, resource }: Operation): boolean {
  return subresource === 'proxy' && (resource.resource === podKind.plural || resource.resource === serviceKind.plural);
}
