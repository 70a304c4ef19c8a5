// Caches of the API's objects that follow it by list and watch. One informer a
// resource serves all parts of a process; what it holds is shared and read only.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import type { ResourceId } from '../../api/kinds/kind.ts';
import { type KubeObject, objectKey } from '../../api/meta/object.ts';
import type { WatchEvent } from '../../api/meta/operation.ts';
import { withoutManaged } from '../../api/patch/apply/managed-fields.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from './client.ts';

/** A change of the cache: `object` absent when it went, `previous` absent when it came. */
export type CacheChange = { key: string; object: KubeObject | undefined; previous: KubeObject | undefined };
export type CacheListener = (change: CacheChange) => void;

/** Pause before listing again after an error. */
const relistDelayMs = 1000;

export class Informer {
  readonly resource: ResourceId;
  #parts: InformerParts;
  #objects = new Map<string, KubeObject>();
  #listeners = new Set<CacheListener>();
  #synced: Promise<void>;
  #markSynced: () => void = () => undefined;

  constructor(resource: ResourceId, parts: InformerParts) {
    this.resource = resource;
    this.#parts = parts;
    this.#synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  /** Follows the API until the signal aborts. Resolves when the first list is in. */
  start(signal: AbortSignal): Promise<void> {
    void this.#follow(signal);
    return this.#synced;
  }

  /** The object by `namespace/name` or `name`. */
  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  /** Every object, in no particular order. */
  all(): KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Tells of every change from now on; what is there already is told at once. */
  subscribe(listener: CacheListener): void {
    this.#listeners.add(listener);
    for (const [key, object] of this.#objects) listener({ key, object, previous: undefined });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { items, resourceVersion } = await this.#parts.client.list(this.resource);
        if (signal.aborted) return;
        this.#replaceAll(items);
        this.#markSynced();
        await this.#parts.client.watch(this.resource, resourceVersion, signal, (events) => this.#apply(events));
        return; // an in-process watch ends only with the signal
      } catch (error) {
        this.#parts.log.warn({ err: error, resource: this.resource.resource }, 'listing again');
        await sleep(this.#parts.clock, relistDelayMs, signal);
      }
    }
  }

  #replaceAll(items: KubeObject[]): void {
    const gone = new Set(this.#objects.keys());
    for (const item of items) {
      gone.delete(objectKey(item));
      this.#set(objectKey(item), item);
    }
    for (const key of gone) this.#set(key, undefined);
  }

  #apply(events: WatchEvent[]): void {
    for (const event of events) {
      const object = event.object();
      if (event.type === 'BOOKMARK') continue;
      this.#set(objectKey(object), event.type === 'DELETED' ? undefined : object);
    }
  }

  #set(key: string, given: KubeObject | undefined): void {
    // Who owns which field is nothing that a part of the hub or a node needs to know.
    const object = given?.metadata.managedFields === undefined ? given : withoutManaged(given);
    const previous = this.#objects.get(key);
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    if (previous === undefined && object === undefined) return;
    if (previous !== undefined && previous.metadata.resourceVersion === object?.metadata.resourceVersion) return;
    for (const listener of this.#listeners) listener({ key, object, previous });
  }
}

export type InformerParts = { client: Client; clock: Clock; log: Log };

/** One informer a resource, made when first asked for and started together. */
export class Informers {
  #parts: InformerParts;
  #informers = new Map<ResourceId, Informer>();

  constructor(parts: InformerParts) {
    this.#parts = parts;
  }

  for(resource: ResourceId): Informer {
    let informer = this.#informers.get(resource);
    if (informer === undefined) {
      informer = new Informer(resource, this.#parts);
      this.#informers.set(resource, informer);
    }
    return informer;
  }

  /** Starts all informers asked for so far; resolves when each holds its first list. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.start(signal)));
  }
}
