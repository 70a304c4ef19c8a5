// One call of the API, however it arrives: over HTTPS or from a part of the
// hub in the same process. The request chain and the clients share this shape.
import type { ResourceId } from '../kinds/kind.ts';
import type { KubeObject } from './object.ts';

/** Who asks; https://kubernetes.io/docs/reference/access-authn-authz/authentication/ */
export type User = {
  name: string;
  groups: readonly string[];
  uid?: string;
  extra?: Readonly<Record<string, readonly string[]>>;
};

export type OperationVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export type Operation = {
  verb: OperationVerb;
  resource: ResourceId;
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
  user: User;
  /** Query parameters; a repeated one keeps its first value. */
  query: Record<string, string>;
  /** The decoded body. */
  body?: unknown;
  /** The client's User-Agent header; undefined for callers in the same process. */
  userAgent?: string | undefined;
  /** What stands behind `proxy` in the path. */
  proxyPath?: string | undefined;
  /** Media type of a patch. */
  patchType?: string | undefined;
};

/** What an operation answers: JSON text where the store has it ready, else an object. */
export type Reply = {
  code: number;
  body: string | object;
  warnings?: string[];
  /** Of a body that is text of its own, sent as it is. */
  contentType?: string;
};

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** A watch event; both forms are made at most once and shared by all watchers. */
export type WatchEvent = {
  type: WatchEventType;
  /** Shared: read only. */
  object: () => KubeObject;
  /** The object as JSON text. */
  text: () => string;
};

export type WatchSink = (events: WatchEvent[]) => void;

/** The part of the API server that in-process clients call. */
export type OperationHandler = {
  /** @throws ApiError */
  execute(operation: Operation): Promise<Reply>;
  /**
   * Starts a watch, which ends with the signal.
   * @throws ApiError Expired when the resourceVersion is too old
   */
  watch(operation: Operation, signal: AbortSignal, sink: WatchSink): Promise<void>;
};

/** The identity of the hub's own parts: may do everything. */
export const hubUser: User = { name: 'system:hub', groups: ['system:masters', 'system:authenticated'] };

/** The identity of a node's agent; https://kubernetes.io/docs/reference/access-authn-authz/node/ */
export function nodeUser(nodeName: string): User {
  return { name: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] };
}
