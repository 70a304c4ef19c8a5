// A store without a disk, for simulation: the same index and the same rules,
// gone when the process ends.
import { PendingWrites } from '../pending-writes.ts';
import { RevisionIndex } from '../revision-index.ts';
import {
  type Entry,
  type ListOptions,
  type ListResult,
  type Store,
  StoreError,
  type WatchListener,
  type WatchOptions,
  type WriteOptions,
} from '../store.ts';

export class MemoryStore implements Store {
  #index = new RevisionIndex();
  #pending = new PendingWrites(this.#index);
  #closed = false;

  revision(): number {
    return this.#index.revision;
  }

  compactRevision(): number {
    return this.#index.compactRevision;
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.#index.current(key);
  }

  async list(options: ListOptions): Promise<ListResult> {
    return this.#index.list(options);
  }

  async write(options: WriteOptions): Promise<number> {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    const revision = this.#pending.admit(options);
    if (revision === undefined) return this.#index.revision;
    this.#index.apply([{ key: options.key, value: options.value, revision }]);
    this.#pending.settle(options.key, revision);
    return revision;
  }

  watch(options: WatchOptions, listener: WatchListener): void {
    this.#index.watch(options, listener);
  }

  async compact(revision: number): Promise<void> {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    this.#index.compact(revision);
  }

  async snapshot(): Promise<ListResult> {
    return this.#index.list({ prefix: '' });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
