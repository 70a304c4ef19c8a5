// The request chain below HTTP: authorise, then the verb. In-process clients
// enter here; http.ts puts TLS, authentication and encodings in front.

import type { ServerResponse } from 'node:http';
import type { Kind } from '../../api/kinds/kind.ts';
import type { Operation, OperationHandler, Reply, User, WatchSink } from '../../api/meta/operation.ts';
import { ApiError } from '../../api/meta/status.ts';
import type { StreamTarget } from '../../api/wire/frames.ts';
import { authorize, authorizeRequest } from './access/authorization.ts';
import { reviewAccess, reviewOwnAccess, reviewOwnRules, reviewSelf, reviewToken } from './access/reviews.ts';
import { RoleIndex } from './access/role-index.ts';
import type { AccessRequest } from './access/rules.ts';
import { requestToken, userOfToken } from './access/service-account-tokens.ts';
import { readComponentStatus } from './component-status.ts';
import { create } from './create.ts';
import { remove, removeCollection } from './delete.ts';
import { ephemeralContainers } from './ephemeral-containers.ts';
import { evict } from './eviction.ts';
import { openLog } from './log.ts';
import { readMetrics } from './metrics.ts';
import type { NodeStream } from './node-connector.ts';
import { proxyNode } from './node-proxy.ts';
import { type ApiParts, kindOf, translateStoreError } from './parts.ts';
import { patch } from './patch.ts';
import { commandTarget, nodeOf, portTarget, readPod, type Target } from './pod-targets.ts';
import { type ProxyRequest, type ProxyUpgrade, proxy, proxyUpgrade } from './proxy.ts';
import { get, list } from './read.ts';
import { scale } from './scale.ts';
import { bind, bindNamed, finalizeNamespace } from './subresources.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';

type VerbHandler = (parts: ApiParts, operation: Operation) => Promise<Reply>;

const verbs: Partial<Record<Operation['verb'], VerbHandler>> = {
  get,
  list,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: removeCollection,
};

/** Subresources with a handler of their own, by name. (Streams have methods of their own below.) */
const subresources: Record<string, VerbHandler> = {
  binding: bind,
  ephemeralcontainers: ephemeralContainers,
  eviction: evict,
  proxy: proxyNode,
  scale,
  finalize: finalizeNamespace,
  token: requestToken,
};

/** Resources that are answered instead of stored, by `group/resource`. */
const answered: Record<string, VerbHandler> = {
  '/bindings': bindNamed,
  '/componentstatuses': readComponentStatus,
  'metrics.k8s.io/nodes': readMetrics,
  'metrics.k8s.io/pods': readMetrics,
  'authentication.k8s.io/selfsubjectreviews': reviewSelf,
  'authentication.k8s.io/tokenreviews': reviewToken,
  'authorization.k8s.io/localsubjectaccessreviews': reviewAccess,
  'authorization.k8s.io/selfsubjectaccessreviews': reviewOwnAccess,
  'authorization.k8s.io/selfsubjectrulesreviews': reviewOwnRules,
  'authorization.k8s.io/subjectaccessreviews': reviewAccess,
};

function handlerOf({ verb, resource, subresource }: Operation): VerbHandler | undefined {
  const special =
    subresource === undefined ? answered[`${resource.group}/${resource.resource}`] : subresources[subresource];
  return special ?? verbs[verb];
}

export class ApiServer implements OperationHandler {
  #parts: ApiParts;

  constructor(parts: Omit<ApiParts, 'roles'>) {
    this.#parts = { ...parts, roles: new RoleIndex(parts.store) };
  }

  /** Reads what decisions need, and follows it until the signal aborts. */
  start(signal: AbortSignal): Promise<void> {
    return this.#parts.roles.start(signal);
  }

  /** The user that a bearer token stands for, if it is good. */
  async authenticate(token: string): Promise<User | undefined> {
    return (await userOfToken(this.#parts, token))?.user;
  }

  /** Public keys by which tokens are verified. */
  tokenKeys(): object {
    return this.#parts.tokens.keySet();
  }

  /** @throws ApiError Forbidden */
  authorize(user: User, request: AccessRequest): void {
    authorizeRequest(this.#parts.roles, user, request);
  }

  async execute(operation: Operation): Promise<Reply> {
    this.#admitVerb(operation);
    const handler = handlerOf(operation);
    if (handler === undefined) throw methodNotAllowed();
    return this.#translated(() => handler(this.#parts, operation));
  }

  async watch(operation: Operation, signal: AbortSignal, sink: WatchSink): Promise<void> {
    this.#admitVerb(operation);
    await this.#translated(() => watch(this.#parts, operation, signal, sink));
  }

  /** Streams a container's log. @throws ApiError */
  async log(operation: Operation, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    this.#admitVerb(operation);
    return this.#translated(() => openLog(this.#parts, operation, signal));
  }

  /** What an exec or attach is about. @throws ApiError */
  async commandTarget(operation: Operation, query: URLSearchParams): Promise<Target> {
    this.#admitVerb(operation);
    return this.#translated(() => commandTarget(this.#parts, operation, query));
  }

  /** Opens connections to ports of a pod. @throws ApiError */
  async portOpener(operation: Operation): Promise<(port: number, signal: AbortSignal) => Promise<NodeStream>> {
    this.#admitVerb(operation);
    const pod = await this.#translated(() => readPod(this.#parts, operation));
    nodeOf(pod);
    return (port, signal) => {
      const { nodeName, target } = portTarget(pod, port);
      return this.openStream(nodeName, target, signal);
    };
  }

  /** @throws ApiError */
  openStream(nodeName: string, target: StreamTarget, signal: AbortSignal): Promise<NodeStream> {
    return this.#parts.nodes.open(nodeName, target, signal);
  }

  /** Answers a request by what a pod or service answers. @throws ApiError */
  async proxy(operation: Operation, request: ProxyRequest, response: ServerResponse): Promise<void> {
    this.#admitVerb(operation);
    await this.#translated(() => proxy(this.#parts, operation, request, response));
  }

  /** Joins an upgraded connection with a pod or service. @throws ApiError */
  async proxyUpgrade(operation: Operation, upgrade: ProxyUpgrade): Promise<void> {
    this.#admitVerb(operation);
    await this.#translated(() => proxyUpgrade(this.#parts, operation, upgrade));
  }

  #admitVerb(operation: Operation): void {
    authorize(this.#parts.roles, operation);
    const kind = kindOf(operation);
    // Rights in a namespace would reach what belongs to the whole cluster by a path below that namespace.
    if (!kind.namespaced && operation.namespace) throw notServed();
    if (!allows(kind, operation)) throw methodNotAllowed();
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw translateStoreError(error);
    }
  }
}

function allows(kind: Kind, { verb, subresource }: Operation): boolean {
  if (subresource === undefined) return kind.verbs.includes(verb);
  const found = kind.subresources.find((candidate) => candidate.name === subresource);
  if (found === undefined) throw notServed();
  return (found.verbs as string[]).includes(verb);
}

function notServed(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
}

function methodNotAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
