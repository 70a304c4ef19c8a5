// What queued writes will make of the keys they touch: a write is checked
// against the newest queued state, while reads see only what is durable.
import type { RevisionIndex } from './revision-index.ts';
import { StoreError, type WriteOptions } from './store.ts';

export class PendingWrites {
  #index: RevisionIndex;
  #revisions = new Map<string, { revision: number; exists: boolean }>();
  #next = 0;
  #waiting = new Map<string, ((failure?: StoreError) => void)[]>();

  constructor(index: RevisionIndex) {
    this.#index = index;
  }

  /**
   * Gives the write its revision, or undefined when it changes nothing.
   * @throws StoreError compare-failed
   */
  admit({ key, value, expect }: WriteOptions): number | undefined {
    const queued = this.#revisions.get(key);
    const durable = this.#index.current(key)?.modRevision ?? 0;
    const current = queued === undefined ? durable : queued.exists ? queued.revision : 0;
    if (expect !== undefined && expect !== current) {
      throw new StoreError('compare-failed', `${key} is at revision ${current}, not at ${expect}`, { current });
    }
    if (value === undefined && current === 0) return undefined;
    this.#next = Math.max(this.#next, this.#index.revision) + 1;
    this.#revisions.set(key, { revision: this.#next, exists: value !== undefined });
    return this.#next;
  }

  /** The write of this revision is in the index now. */
  settle(key: string, revision: number): void {
    if (this.#revisions.get(key)?.revision !== revision) return;
    this.#revisions.delete(key);
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const done of waiting) done();
  }

  /**
   * Calls back when what is queued for this key is durable, or has failed; at once when nothing is.
   * An answer that rests on a queued write may not be given before.
   */
  whenSettled(key: string, done: (failure?: StoreError) => void): void {
    if (!this.#revisions.has(key)) {
      done();
      return;
    }
    const waiting = this.#waiting.get(key) ?? [];
    waiting.push(done);
    this.#waiting.set(key, waiting);
  }

  /** Forgets every queued write: none of them will happen, and their revisions are free again. */
  discard(failure: StoreError): void {
    this.#revisions.clear();
    this.#next = 0;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const done of waiting) done(failure);
  }
}
