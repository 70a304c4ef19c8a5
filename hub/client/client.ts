// The API as the hub's own parts use it: typed calls on the request chain of
// the same process. It is the only way they read or write anything.
import type { ResourceId } from '../../api/kinds/kind.ts';
import { cloneJson, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, OperationHandler, Reply, User, WatchSink } from '../../api/meta/operation.ts';
import { patchTypes } from '../../api/patch/patch-types.ts';

export type ObjectName = { name: string; namespace?: string | undefined };
export type PatchType = Exclude<keyof typeof patchTypes, 'apply'>;
export type ListQuery = { namespace?: string; labelSelector?: string; fieldSelector?: string };
export type ObjectList = { items: KubeObject[]; resourceVersion: string };
export type DeleteQuery = {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  /** Delete only the object with this uid. */
  uid?: string;
};

/** Every method rejects with an ApiError, as the API server would answer it. */
export class Client {
  #handler: OperationHandler;
  #user: User;

  constructor(handler: OperationHandler, user: User) {
    this.#handler = handler;
    this.#user = user;
  }

  /** The same API under another identity. */
  as(user: User): Client {
    return new Client(this.#handler, user);
  }

  /** The object, or one of its subresources, such as a workload's scale. */
  get(resource: ResourceId, target: ObjectName, subresource?: string): Promise<KubeObject> {
    return this.#execute({ verb: 'get', resource, ...target, subresource, query: {} });
  }

  async list(resource: ResourceId, { namespace, ...selectors }: ListQuery = {}): Promise<ObjectList> {
    const list = await this.#execute({ verb: 'list', resource, namespace, query: { ...selectors } });
    const items = (list as unknown as { items: KubeObject[] }).items;
    return { items, resourceVersion: list.metadata.resourceVersion ?? '0' };
  }

  create(resource: ResourceId, object: KubeObject): Promise<KubeObject> {
    return this.#execute({ verb: 'create', resource, namespace: object.metadata.namespace, query: {}, body: object });
  }

  /** Replaces the object (or its subresource); fails with Conflict when its resourceVersion is not the newest. */
  update(resource: ResourceId, object: KubeObject, subresource?: string): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    return this.#execute({ verb: 'update', resource, name, namespace, subresource, query: {}, body: object });
  }

  patch(
    resource: ResourceId,
    target: ObjectName,
    type: PatchType,
    patch: unknown,
    subresource?: string,
  ): Promise<KubeObject> {
    return this.#execute({
      verb: 'patch',
      resource,
      ...target,
      subresource,
      query: {},
      body: patch,
      patchType: patchTypes[type],
    });
  }

  async delete(resource: ResourceId, target: ObjectName, { uid, ...options }: DeleteQuery = {}): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ...options,
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    await this.#execute({ verb: 'delete', resource, ...target, query: {}, body });
  }

  /** Creates a subresource, such as a pod's binding. */
  async createSubresource(resource: ResourceId, target: ObjectName, subresource: string, body: object): Promise<void> {
    await this.#execute({ verb: 'create', resource, ...target, subresource, query: {}, body });
  }

  /** Watches all namespaces from a resourceVersion on, until the signal aborts. */
  watch(resource: ResourceId, resourceVersion: string, signal: AbortSignal, sink: WatchSink): Promise<void> {
    const operation: Operation = {
      verb: 'watch',
      resource,
      user: this.#user,
      query: { resourceVersion, allowWatchBookmarks: 'false' },
    };
    return this.#handler.watch(operation, signal, sink);
  }

  async #execute(operation: Omit<Operation, 'user'>): Promise<KubeObject> {
    const reply: Reply = await this.#handler.execute({ ...operation, user: this.#user });
    return typeof reply.body === 'string'
      ? (JSON.parse(reply.body) as KubeObject)
      : (cloneJson(reply.body) as KubeObject);
  }
}
