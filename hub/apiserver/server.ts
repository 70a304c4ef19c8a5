// The request chain below HTTP: authorise, then the verb. In-process clients
// enter here; http.ts puts TLS, authentication and encodings in front.
import type { Kind } from '../../api/kinds/kind.ts';
import type { Operation, OperationHandler, Reply, WatchSink } from '../../api/meta/operation.ts';
import { ApiError } from '../../api/meta/status.ts';
import { authorize } from './authorization.ts';
import { create } from './create.ts';
import { remove, removeCollection } from './delete.ts';
import { openLog } from './log.ts';
import { type ApiParts, kindOf, translateStoreError } from './parts.ts';
import { patch } from './patch.ts';
import { get, list } from './read.ts';
import { bind, finalizeNamespace, scale } from './subresources.ts';
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

/** Subresources with a handler of their own, by name. */
const subresources: Record<string, VerbHandler> = { binding: bind, scale, finalize: finalizeNamespace };

export class ApiServer implements OperationHandler {
  #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  async execute(operation: Operation): Promise<Reply> {
    this.#admitVerb(operation);
    const handler =
      (operation.subresource === undefined ? undefined : subresources[operation.subresource]) ?? verbs[operation.verb];
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

  #admitVerb(operation: Operation): void {
    authorize(operation);
    const kind = kindOf(operation);
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
  if (found === undefined)
    throw new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
  return (found.verbs as string[]).includes(verb);
}

function methodNotAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
