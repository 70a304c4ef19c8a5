// The API server in this thread, without sockets, disk and controllers, for
// tests of what it admits, stores and answers.
import assert from 'node:assert/strict';
import { findResource } from '../../api/kinds/index.ts';
import type { ResourceId } from '../../api/kinds/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { hubUser, type Operation, type User } from '../../api/meta/operation.ts';
import { ApiError, type StatusReason } from '../../api/meta/status.ts';
import { patchTypes } from '../../api/patch/patch-types.ts';
import type { NodeConnector } from '../../hub/apiserver/node-connector.ts';
import { ApiServer } from '../../hub/apiserver/server.ts';
import { Client } from '../../hub/client/client.ts';
import { resources } from '../../hub/client/resources.ts';
import { TokenSigner } from '../../hub/pki/token-signer.ts';
import { MemoryStore } from '../../hub/store/memory/memory-store.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { VirtualClock } from '../../platform/virtual-clock.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';

const noNodes: NodeConnector = {
  open: () => Promise.reject(new Error('there are no nodes')),
  logs: () => Promise.reject(new Error('there are no nodes')),
};

type Asked = Pick<Operation, 'verb' | 'name' | 'body' | 'query' | 'patchType' | 'subresource'> & { user: User };

export class InProcessApi {
  readonly store: MemoryStore;
  readonly server: ApiServer;
  readonly client: Client;
  readonly clock: VirtualClock;

  private constructor(store: MemoryStore, server: ApiServer, clock: VirtualClock) {
    this.clock = clock;
    this.store = store;
    this.server = server;
    this.client = new Client(server, hubUser);
  }

  /** An API with the namespace `default`, until the signal aborts; `nodes` are those that it can reach into. */
  static async start(signal: AbortSignal, nodes: NodeConnector = noNodes): Promise<InProcessApi> {
    const store = new MemoryStore();
    const [clock, random] = [new VirtualClock(), createSeededRandom(1)];
    const tokens = await TokenSigner.open(new VirtualDisk(), '/pki');
    const server = new ApiServer({ store, clock, random, log: createMemoryLog([]), nodes, tokens });
    await server.start(signal);
    const api = new InProcessApi(store, server, clock);
    await api.client.create(resources.namespaces, { metadata: { name: 'default' } });
    return api;
  }

  /** One request in the namespace `default`, if the resource has one; resolves with what it is answered. */
  async request<T = KubeObject>(resource: ResourceId, asked: Partial<Asked> & Pick<Asked, 'verb'>): Promise<T> {
    const where = findResource(resource)?.namespaced === true ? { namespace: 'default' } : {};
    const { body } = await this.server.execute({ resource, ...where, user: hubUser, query: {}, ...asked });
    return (typeof body === 'string' ? JSON.parse(body) : body) as T;
  }

  create<T = KubeObject>(resource: ResourceId, body: object, query: Record<string, string> = {}): Promise<T> {
    return this.request<T>(resource, { verb: 'create', body, query });
  }

  patch<T = KubeObject>(
    resource: ResourceId,
    name: string,
    type: keyof typeof patchTypes,
    body: unknown,
    query: Record<string, string> = {},
  ): Promise<T> {
    return this.request<T>(resource, { verb: 'patch', name, patchType: patchTypes[type], body, query });
  }
}

/** Work that must end with this Status. */
export async function isRefused(work: Promise<unknown>, reason: StatusReason, message: string | RegExp): Promise<void> {
  const error = await work.then(
    () => assert.fail('it was not refused'),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.reason, reason, error.message);
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
}
