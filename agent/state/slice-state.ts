// The node's slice on disk: what the agent needs to start all its pods without
// the hub. One file an object, each replaced in one step and only when it
// changed; the digest is computed from what is there, so it can't be wrong.
import { join } from 'node:path';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Manifest, SliceKey } from '../../api/wire/frames.ts';
import { digestOf, hashObject } from '../../api/wire/slice.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';

export type SliceChange = { upserts: readonly (readonly [SliceKey, KubeObject])[]; deletes: readonly SliceKey[] };

/** Keys are `kind/namespace/name`; names are DNS names, and `_` is in none of them. */
function fileOf(key: SliceKey): string {
  return `${key.replaceAll('/', '__')}.json`;
}

function isKey(key: string): boolean {
  return /^[a-z]+(\/[a-zA-Z0-9][-a-zA-Z0-9._]*){1,2}$/.test(key) && !key.includes('__') && !key.includes('..');
}

export class SliceState {
  #directory: string;
  #disk: Disk;
  #log: Log;
  #objects = new Map<SliceKey, KubeObject>();
  #manifest: Manifest = {};

  constructor(options: { directory: string }, parts: { disk: Disk; log: Log }) {
    this.#directory = join(options.directory, 'slice');
    this.#disk = parts.disk;
    this.#log = parts.log;
  }

  /** Reads what is on disk. A file that can't be read is left out: the hub sends it again. */
  async load(): Promise<void> {
    await this.#disk.makeDirectory(this.#directory);
    for (const name of await this.#disk.list(this.#directory)) {
      if (!name.endsWith('.json')) continue;
      const key = name.slice(0, -'.json'.length).replaceAll('__', '/');
      try {
        const object = JSON.parse(
          Buffer.from((await this.#disk.read(join(this.#directory, name))) ?? []).toString(),
        ) as KubeObject;
        this.#set(key, object);
      } catch (error) {
        this.#log.error({ err: error, file: name }, 'a stored object is damaged and will be asked for again');
        await this.#disk.remove(join(this.#directory, name)).catch(() => undefined);
      }
    }
  }

  get(key: SliceKey): KubeObject | undefined {
    return this.#objects.get(key);
  }

  /** Objects whose key begins with `kind/`. */
  all(kind: string): KubeObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${kind}/`)).map(([, object]) => object);
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  digest(): string {
    return digestOf(this.#manifest);
  }

  /** Makes a change durable, then visible. @throws what the disk says; then what was written so far counts */
  async apply({ upserts, deletes }: SliceChange): Promise<void> {
    // On a full disk this is what makes room.
    for (const key of deletes) {
      if (!this.#objects.has(key)) continue;
      await this.#disk.remove(join(this.#directory, fileOf(key)));
      this.#objects.delete(key);
      const { [key]: _, ...rest } = this.#manifest;
      this.#manifest = rest;
    }
    for (const [key, object] of upserts) {
      if (!isKey(key)) throw new Error(`not a key of a slice: ${JSON.stringify(key)}`);
      if (this.#manifest[key] !== hashObject(object))
        await this.#disk.write(join(this.#directory, fileOf(key)), JSON.stringify(object));
      this.#set(key, object);
    }
  }

  #set(key: SliceKey, object: KubeObject): void {
    this.#objects.set(key, object);
    this.#manifest[key] = hashObject(object);
  }
}
