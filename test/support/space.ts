// A namespace of a hub, read and changed past kubectl: objects by their resource
// and name (`pods/web`), their fields by path, and waiting for what is to come.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Answer, RequestInput, TestHub, Watch } from './hub.ts';
import { conditionOf, type Fields, fieldOf, pathOf, pluralOf, type Thing } from './things.ts';

const waitTimeoutMs = 45_000;

export class Space {
  readonly hub: TestHub;
  readonly namespace: string;

  constructor(hub: TestHub, namespace: string) {
    this.hub = hub;
    this.namespace = namespace;
  }

  /** A request for an object (`pods/web`) or a collection (`pods`). */
  request(method: string, ref: string, input: RequestInput = {}): Promise<Answer> {
    return this.hub.request(method, pathOf(ref, this.namespace), input);
  }

  /** Creates objects, none of which is there. */
  async create(...manifests: Thing[]): Promise<void> {
    for (const manifest of manifests) {
      const plural = pluralOf(String(manifest.kind));
      const { code, text } = await this.request('POST', plural, { body: JSON.stringify(manifest) });
      assert.equal(code, 201, `${plural}: ${text}`);
    }
  }

  /** Deletes objects, which need not be there, and waits for nothing. */
  async drop(...refs: string[]): Promise<void> {
    const body = JSON.stringify({ gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    for (const ref of refs) await this.request('DELETE', ref, { body });
  }

  /** An object or a list as the API has it. @throws AssertionError when there is none */
  async object(ref: string): Promise<Thing> {
    const { code, text } = await this.request('GET', ref);
    assert.equal(code, 200, `GET ${ref}: ${text}`);
    return JSON.parse(text) as Thing;
  }

  /** Names of a collection's objects, in order. */
  async names(collection: string, labelSelector = ''): Promise<string[]> {
    const found = await this.object(`${collection}?labelSelector=${encodeURIComponent(labelSelector)}`);
    return (found.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name).sort();
  }

  /** Asserts that the object has these fields; undefined stands for a field that is not there. */
  async holds(ref: string, fields: Fields): Promise<Thing> {
    const object = await this.object(ref);
    for (const [path, value] of Object.entries(fields))
      assert.deepEqual(fieldOf(object, path), value, `${ref} ${path}`);
    return object;
  }

  /** Asserts that the object is not there. */
  async absent(ref: string): Promise<void> {
    const { code, text } = await this.request('GET', ref);
    assert.equal(code, 404, `${ref} should not be there: ${text}`);
  }

  /** Waits until the object is there and has these fields; resolves with it. */
  becomes(ref: string, fields: Fields): Promise<Thing> {
    return this.seen(ref, JSON.stringify(fields), (object) =>
      Object.entries(fields).every(([path, value]) => isDeepStrictEqual(fieldOf(object, path), value)),
    );
  }

  /** Waits until a pod is ready; resolves with it. */
  ready(pod: string): Promise<Thing> {
    return this.seen(`pods/${pod}`, 'condition Ready', (object) => conditionOf(object, 'Ready') === 'True');
  }

  /** Waits until the object is there and fits; resolves with it. */
  async seen(ref: string, what: string, fits: (object: Thing) => boolean): Promise<Thing> {
    const watch = await this.#watch(ref);
    try {
      const found = await watch.events.first(
        ({ type, object }) => type !== 'DELETED' && fits(object as Thing),
        `${ref} with ${what}`,
        waitTimeoutMs,
      );
      return found.object as Thing;
    } finally {
      watch.close();
    }
  }

  /** Waits until the object is not there. */
  async gone(ref: string): Promise<void> {
    const watch = await this.#watch(ref);
    try {
      const { code } = await this.request('GET', ref);
      if (code !== 404)
        await watch.events.first(({ type }) => type === 'DELETED', `the deletion of ${ref}`, waitTimeoutMs);
    } finally {
      watch.close();
    }
  }

  #watch(ref: string): Promise<Watch> {
    const [collection = '', name = ''] = ref.split('/');
    const query = `watch=1&fieldSelector=metadata.name%3D${name}`;
    return this.hub.watch(pathOf(`${collection}?${query}`, this.namespace));
  }
}
