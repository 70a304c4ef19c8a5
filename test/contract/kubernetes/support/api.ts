// The API for conformance tests, as JSON over HTTPS: verbs that must succeed,
// requests that must be refused, and waiting for what controllers do, by
// watches. Under the administrator's identity or another one.
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import type { KubeObject } from '../../../../api/meta/object.ts';
import type { Headers, TestHub } from '../../../support/hub.ts';
import { Observation } from './observation.ts';

/** The administrator, who may impersonate a user; a bearer of a token; or nobody. */
export type Identity =
  | { user: string; groups?: string[]; uid?: string; extra?: Record<string, string> }
  | { token: string }
  | { anonymous: true };

export type Reply<T = KubeObject> = { code: number; headers: IncomingHttpHeaders; text: string; body: T };

export type ListOf<T = KubeObject> = {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: T[];
};

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export type Status = {
  kind: string;
  status: string;
  message: string;
  reason: string;
  code: number;
  details?: { name?: string; kind?: string; causes?: { reason: string; message: string; field: string }[] };
};

export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** Text is sent as it is, all else as JSON. */
export type Input = { body?: unknown; headers?: Headers };

const maxConflicts = 20;

export class Api {
  readonly hub: TestHub;
  #identity: Identity | undefined;
  #observations: Observation<KubeObject>[];

  constructor(hub: TestHub, identity?: Identity, observations: Observation<KubeObject>[] = []) {
    this.hub = hub;
    this.#identity = identity;
    this.#observations = observations;
  }

  /** The same API under another identity. */
  as(identity: Identity): Api {
    return new Api(this.hub, identity, this.#observations);
  }

  /** Path of a resource, or an object of it, in a namespace; `apiVersion` as objects have it, such as `apps/v1`. */
  pathIn(namespace: string, resource: string, apiVersion = 'v1'): string {
    const root = apiVersion.includes('/') ? '/apis' : '/api';
    return `${root}/${apiVersion}/namespaces/${namespace}/${resource}`;
  }

  /** One request, whatever its answer. `body` is undefined when the answer is no JSON. */
  async request<T = KubeObject>(method: string, path: string, { body, headers = {} }: Input = {}): Promise<Reply<T>> {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await this.hub.request(method, path, {
      ...(sent === undefined ? {} : { body: sent }),
      headers: { ...identityHeaders(this.#identity), ...headers },
      anonymous: this.#hasNoCertificate(),
    });
    const isJson = /^application\/json\b/.test(answer.headers['content-type'] ?? '') && answer.text !== '';
    return { ...answer, body: (isJson ? JSON.parse(answer.text) : undefined) as T };
  }

  /** A request that must succeed; resolves with what it was answered. */
  async ok<T = KubeObject>(method: string, path: string, input: Input = {}): Promise<T> {
    const { code, text, body } = await this.request<T>(method, path, input);
    assert.ok(code >= 200 && code < 300, `${method} ${path}: ${code} ${text}`);
    return body;
  }

  /** A request that must be refused with this code, and reason; resolves with the Status. */
  async refused(code: number, reason: string, method: string, path: string, input: Input = {}): Promise<Status> {
    const { code: found, text, body } = await this.request<Status>(method, path, input);
    assert.deepEqual(
      [found, body?.kind, body?.status, body?.reason, body?.code],
      [code, 'Status', 'Failure', reason, code],
      `${method} ${path}: ${found} ${text}`,
    );
    return body;
  }

  get<T = KubeObject>(path: string): Promise<T> {
    return this.ok<T>('GET', path);
  }

  list<T = KubeObject>(path: string): Promise<ListOf<T>> {
    return this.ok<ListOf<T>>('GET', path);
  }

  /** @param path of the collection */
  async create<T = KubeObject>(path: string, body: object, headers: Headers = {}): Promise<T> {
    const reply = await this.request<T>('POST', path, { body, headers });
    assert.equal(reply.code, 201, `POST ${path}: ${reply.text}`);
    return reply.body;
  }

  update<T = KubeObject>(path: string, body: object): Promise<T> {
    return this.ok<T>('PUT', path, { body });
  }

  patch<T = KubeObject>(path: string, body: unknown, type: keyof typeof patchTypes = 'merge'): Promise<T> {
    return this.ok<T>('PATCH', path, { body, headers: { 'content-type': patchTypes[type] } });
  }

  /** Deletes an object, or all that a path of a collection selects; resolves with the answer. */
  delete<T = Status>(path: string, options?: object): Promise<T> {
    return this.ok<T>('DELETE', path, options === undefined ? {} : { body: options });
  }

  /** Reads, changes and writes an object; again when somebody else wrote it meanwhile. */
  async change<T = KubeObject>(path: string, change: (object: T) => void): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const object = await this.get<T>(path);
      change(object);
      const { code, text, body } = await this.request<T>('PUT', path, { body: object });
      if (code === 200) return body;
      assert.ok(code === 409 && attempt < maxConflicts, `PUT ${path}: ${code} ${text}`);
    }
  }

  /** Watches what a path of a collection selects; until `close`, or the end of the test. */
  async watch<T extends KubeObject = KubeObject>(path: string, headers: Headers = {}): Promise<Observation<T>> {
    const url = `${path}${path.includes('?') ? '&' : '?'}watch=true`;
    const watch = await this.hub.watch(
      url,
      { ...identityHeaders(this.#identity), ...headers },
      this.#hasNoCertificate(),
    );
    const observation = new Observation<T>(watch);
    this.#observations.push(observation as unknown as Observation<KubeObject>);
    return observation;
  }

  /** Waits until the object at a path is so; resolves with it. It need not be there yet. */
  async until<T extends KubeObject = KubeObject>(
    path: string,
    what: string,
    fits: (object: T) => boolean,
    timeoutMs?: number,
  ): Promise<T> {
    const observation = await this.watch<T>(collectionQuery(path));
    const isSo = ({ type, object }: { type: string; object: T }): boolean =>
      (type === 'ADDED' || type === 'MODIFIED') && fits(object);
    const { object } = await observation.first(isSo, `${path} ${what}`, timeoutMs);
    observation.close();
    return object;
  }

  /** Waits until there is nothing at a path. */
  async gone(path: string, timeoutMs?: number): Promise<void> {
    const observation = await this.watch(collectionQuery(path));
    const { code } = await this.request('GET', path);
    if (code !== 404) await observation.first(({ type }) => type === 'DELETED', `${path} is gone`, timeoutMs);
    observation.close();
  }

  /** Ends the watches, of all identities. */
  close(): void {
    for (const observation of this.#observations.splice(0)) observation.close();
  }

  #hasNoCertificate(): boolean {
    return this.#identity !== undefined && !('user' in this.#identity);
  }
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function identityHeaders(identity: Identity | undefined): Headers {
  if (identity === undefined || 'anonymous' in identity) return {};
  if ('token' in identity) return { authorization: `Bearer ${identity.token}` };
  const { user, groups = [], uid, extra = {} } = identity;
  return {
    'impersonate-user': user,
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups }),
    ...(uid === undefined ? {} : { 'impersonate-uid': uid }),
    ...Object.fromEntries(Object.entries(extra).map(([key, value]) => [`impersonate-extra-${key}`, value])),
  };
}

/** The collection that an object is in, with the selector that finds it alone. */
function collectionQuery(path: string): string {
  const at = path.lastIndexOf('/');
  return `${path.slice(0, at)}?fieldSelector=metadata.name%3D${path.slice(at + 1)}`;
}
