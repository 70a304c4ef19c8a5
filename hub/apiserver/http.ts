// HTTPS in front of the request chain: authentication, body parsing,
// negotiation, watches and logs as streams, and every error as a Status.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { mediaType, parseBody, parseJson, parseYaml } from '../../api/codec/body.ts';
import { findKind, findResource, kinds } from '../../api/kinds/index.ts';
import type { Operation, User } from '../../api/meta/operation.ts';
import { ApiError, badRequest } from '../../api/meta/status.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { authenticate } from './access/authentication.ts';
import { serveDocument } from './documents.ts';
import { encodeBody, encodeRefusal, negotiate, parseInclude } from './encoding.ts';
import {
  headersTimeoutMs,
  keepAliveTimeoutMs,
  maxBodyBytes,
  maxDrainedBytes,
  maxWarningBytes,
  minCompressedBytes,
} from './limits.ts';
import { kindOf } from './parts.ts';
import { isProxied, type ProxyRequest } from './proxy.ts';
import { parseResourcePath, splitTarget, verbOf } from './request-path.ts';
import type { ApiServer } from './server.ts';
import { streamLog, streamWatch } from './streams.ts';
import { UpgradeServer } from './upgrade/upgrade-server.ts';

export type HttpOptions = {
  bindAddress: string;
  port: number;
  /** PEM. */
  certificate: string;
  key: string;
  clientAuthority: string;
};
export type HttpParts = { server: ApiServer; clock: Clock; log: Log; metrics: Metrics };

/** Body types that only carry options or protobuf messages of the meta group. */
const metaTypes: Record<string, string> = {
  DeleteOptions: 'meta.v1.DeleteOptions',
  ...Object.fromEntries(
    kinds.flatMap(({ subresources }) => subresources.flatMap(({ kind }) => (kind ? [[kind.kind, kind.typeId]] : []))),
  ),
};

const gzipAsync = promisify(gzip);

function typeOfBody(apiVersion: string, kind: string): string | undefined {
  return findKind(apiVersion, kind)?.typeId ?? metaTypes[kind];
}

export class HttpServer {
  #options: HttpOptions;
  #parts: HttpParts;
  #app: FastifyInstance<Server>;
  /** Who makes a request, found out before its body is read. */
  #users = new WeakMap<IncomingMessage, User>();
  #requests: ReturnType<Metrics['counter']>;

  constructor(options: HttpOptions, parts: HttpParts) {
    this.#options = options;
    this.#parts = parts;
    this.#requests = parts.metrics.counter(
      'apiserver_request_total',
      'Requests answered, by verb, resource and code.',
      ['verb', 'resource', 'code'],
    );
    this.#app = fastify({
      https: {
        cert: options.certificate,
        key: options.key,
        ca: options.clientAuthority,
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
        headersTimeout: headersTimeoutMs,
      },
      bodyLimit: maxBodyBytes,
      keepAliveTimeout: keepAliveTimeoutMs,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: true },
      frameworkErrors: (error, request, reply) => void this.#answerError(error, request, reply),
    });
    this.#app.removeAllContentTypeParsers();
    // Strangers are sent away before their body is read.
    this.#app.addHook('onRequest', async ({ raw }) => {
      // A line without a version: what follows it would be taken for headers.
      if (raw.httpVersionMajor < 1) throw badRequest('malformed HTTP request: HTTP/1.1 is expected');
      const user = await authenticate(parts.server, raw);
      if (user !== undefined) this.#users.set(raw, user);
      else if (raw.method !== 'GET' && raw.method !== 'HEAD') throw new ApiError('Unauthorized', 'Unauthorized');
    });
    this.#app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    this.#app.setErrorHandler((error, request, reply) => this.#answerError(error, request, reply));
    this.#app.setNotFoundHandler((request, reply) =>
      this.#answerError(
        new ApiError('NotFound', 'the server could not find the requested resource', { details: {} }),
        request,
        reply,
      ),
    );
    this.#app.all('/*', (request, reply) => this.#handle(request, reply));
    this.#addProxyRoutes();
    const { server, clock, log } = parts;
    new UpgradeServer({ server, clock, log }).attach(this.#app.server);
  }

  /** Starts listening; resolves with the port. Stops with the signal. */
  async start(signal: AbortSignal): Promise<number> {
    await this.#app.listen({ host: this.#options.bindAddress, port: this.#options.port });
    signal.addEventListener('abort', () => void this.#app.close(), { once: true });
    const address = this.#app.server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  async close(): Promise<void> {
    await this.#app.close();
  }

  async #handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const target = splitTarget(request.raw.url ?? '/');
    const query = firstValues(new URLSearchParams(target.query));
    const user = this.#users.get(request.raw);
    const document = await serveDocument(this.#parts, target.path, request.headers.accept, user);
    if (document !== undefined)
      return reply
        .code(200)
        .header('content-type', document.contentType)
        .header('cache-control', 'no-cache, private')
        .send(bytesOf(document.body));
    if (user === undefined) throw new ApiError('Unauthorized', 'Unauthorized');
    const operation = toOperation(request, target.path, query, user);
    if (isProxied(operation)) {
      reply.hijack();
      await this.#proxy(operation, { request: request.raw, target }, reply.raw);
      return undefined;
    }
    if (operation.verb === 'watch' || operation.subresource === 'log') {
      reply.hijack();
      this.#count(operation, 200);
      await this.#stream(operation, request.raw, reply.raw);
      return undefined;
    }
    const encoding = negotiate(request.headers.accept, kindOf(operation));
    const result = await this.#parts.server.execute(operation);
    this.#count(operation, result.code);
    const warnings = warningHeaders(result.warnings ?? []);
    if (warnings.length > 0) reply.header('warning', warnings);
    const body =
      result.contentType !== undefined && typeof result.body === 'string'
        ? result.body
        : encodeBody(
            kindOf(operation),
            result.body,
            encoding,
            parseInclude(query.includeObject),
            this.#parts.clock.nowMs(),
          );
    const sent = await compress(request.headers['accept-encoding'], body);
    if (sent !== body) reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding');
    return reply
      .code(result.code)
      .header('content-type', result.contentType ?? encoding.contentType)
      .header('cache-control', 'no-cache, private')
      .send(bytesOf(sent));
  }

  async #stream(operation: Operation, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (operation.verb === 'watch') await streamWatch(this.#parts, operation, request, response);
      else await streamLog(this.#parts.server, operation, response);
    } catch (error) {
      const status = this.#toApiError(error).toStatus();
      // Too late for a Status: the reader is told in the text, and by a body that breaks off.
      if (response.headersSent) response.write(`\nerror: ${status.message}\n`, () => response.destroy());
      else response.writeHead(status.code, { 'content-type': 'application/json' }).end(JSON.stringify(status));
    }
  }

  /** What is proxied is passed on as it comes, of any size: nothing reads its body here. */
  #addProxyRoutes(): void {
    void this.#app.register((proxied, _options, done) => {
      proxied.removeAllContentTypeParsers();
      proxied.addContentTypeParser('*', (_request, _body, ready) => ready(null));
      for (const end of ['', '/*'])
        proxied.all(`/api/v1/namespaces/:namespace/:resource/:name/proxy${end}`, (request, reply) =>
          this.#handle(request, reply),
        );
      done();
    });
  }

  async #proxy(operation: Operation, asked: ProxyRequest, response: ServerResponse): Promise<void> {
    try {
      await this.#parts.server.proxy(operation, asked, response);
      this.#count(operation, response.statusCode);
    } catch (error) {
      const status = this.#toApiError(error).toStatus();
      // Who still sends would see a broken connection instead of the answer.
      asked.request.resume();
      if (response.headersSent) response.destroy();
      else response.writeHead(status.code, { 'content-type': 'application/json' }).end(JSON.stringify(status));
    }
  }

  async #answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const status = this.#toApiError(error).toStatus();
    const path = parseResourcePath(splitTarget(request.raw.url ?? '/').path);
    this.#requests.inc({ verb: request.method, resource: path?.resource.resource ?? '', code: String(status.code) });
    if (status.details?.retryAfterSeconds !== undefined)
      void reply.header('retry-after', String(status.details.retryAfterSeconds));
    if (!(await drain(request.raw))) void reply.header('connection', 'close');
    else reply.removeHeader('connection');
    const { contentType, body } = encodeRefusal(status, request.headers.accept);
    return reply.code(status.code).header('content-type', contentType).send(bytesOf(body));
  }

  #toApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
    if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
      return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`, {
        cause: error,
      });
    }
    if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
      return badRequest(message ?? 'bad request', error);
    // So deep, or such a long list, that the stack does not hold it.
    if (error instanceof RangeError && error.message === 'Maximum call stack size exceeded')
      return badRequest('the request is nested too deeply, or lists too much', error);
    this.#parts.log.error({ err: error }, 'a request failed unexpectedly');
    return new ApiError('InternalError', `Internal error occurred: ${message}`, { cause: error });
  }

  #count({ verb, resource }: Operation, code: number): void {
    this.#requests.inc({ verb, resource: resource.resource, code: String(code) });
  }
}

/** With a string Node would encode the headers anew, and fastify add a character set to the type. */
function bytesOf(body: string | Buffer): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : body;
}

/** A large answer, made smaller for those who take it so, as Kubernetes does. */
async function compress(accepted: string | string[] | undefined, body: string | Buffer): Promise<string | Buffer> {
  if (body.length < minCompressedBytes || ![accepted].flat().join(',').includes('gzip')) return body;
  // The lowest level: the links of clients of the API are fast, as against those of devices.
  return gzipAsync(body, { level: 1 });
}

/**
 * Reads the rest of a request that is answered early: a client that is still sending would see a broken
 * connection instead of the answer. Resolves with false when there may be too much of it.
 */
async function drain(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed) return true;
  const { 'content-length': length = 0, 'transfer-encoding': coding } = request.headers;
  if (coding !== undefined || Number(length) > maxDrainedBytes) return false;
  await new Promise<void>((resolve) => {
    request.once('end', resolve).once('close', resolve).resume();
  });
  return true;
}

/** A header a warning, as much as clients read; header values are bytes, and ours are UTF-8. */
function warningHeaders(warnings: readonly string[]): string[] {
  const headers: string[] = [];
  let bytes = 0;
  for (const warning of warnings) {
    const quoted = JSON.stringify(warning).replaceAll('\x7f', '\\u007f');
    const header = Buffer.from(`299 - ${quoted}`).toString('latin1');
    bytes += header.length;
    if (bytes > maxWarningBytes) break;
    headers.push(header);
  }
  return headers;
}

function firstValues(parameters: URLSearchParams): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of parameters) if (!Object.hasOwn(query, name) && name !== '__proto__') query[name] = value;
  return query;
}

function toOperation(request: FastifyRequest, pathname: string, query: Record<string, string>, user: User): Operation {
  const path = parseResourcePath(pathname);
  const verb = path === undefined ? undefined : verbOf(request.method, path, query);
  const kind = path === undefined ? undefined : findResource(path.resource);
  // Before the body is looked at: that of a subresource which is not served may be of a type that is not known.
  const isServed = path?.subresource === undefined || kind?.subresources.some(({ name }) => name === path.subresource);
  if (path === undefined || kind === undefined || isServed !== true)
    throw new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
  if (verb === undefined)
    throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
  const operation: Operation = {
    verb,
    resource: path.resource,
    namespace: path.namespace,
    name: path.name,
    subresource: path.subresource,
    user,
    query,
    userAgent: request.headers['user-agent'] ?? '',
  };
  if (path.subresource === 'proxy')
    return { ...operation, proxyPath: pathname.split('/proxy').slice(1).join('/proxy') };
  if (['exec', 'attach', 'portforward'].includes(path.subresource ?? '')) throw badRequest('Upgrade request required');
  const bytes = request.body as Buffer | undefined;
  const contentType = request.headers['content-type'];
  if (verb === 'patch') {
    operation.patchType = mediaType(contentType);
    operation.body = operation.patchType.endsWith('+yaml')
      ? parseYaml(bytes ?? Buffer.alloc(0))
      : parseJson(bytes ?? Buffer.alloc(0));
  } else if (bytes !== undefined && bytes.length > 0) operation.body = parseBody(bytes, contentType, typeOfBody);
  else if (verb === 'create' || verb === 'update')
    throw badRequest('the request has no body: an object with apiVersion and kind is expected');
  return operation;
}
