// The port to the revisioned key-value store, after etcd's model: keys hold
// values at revisions, and one cluster-wide revision grows by one a write.
// Every implementation passes test/contract/store.ts.

/** A key's value at the revision that wrote it. */
export type Entry = {
  key: string;
  value: string;
  /** Revision of the write that made the key exist. */
  createRevision: number;
  /** Revision of the write that gave it this value. */
  modRevision: number;
};

/** A change; `previous` is what the key held before, absent when it did not exist. */
export type StoreEvent =
  | { type: 'put'; revision: number; entry: Entry; previous: Entry | undefined }
  | { type: 'delete'; revision: number; key: string; previous: Entry };

export type ListOptions = {
  prefix: string;
  /** Most entries to return; all when absent. */
  limit?: number;
  /** Return only keys greater than this one (the last key of the previous page). */
  after?: string;
  /** Read the state as of this revision; the newest when absent. */
  revision?: number;
};

export type ListResult = {
  /** In ascending order of key (by UTF-16 code unit). */
  entries: Entry[];
  /** The revision that the result is of. */
  revision: number;
  /** How many more entries there are behind the last one returned. */
  remaining: number;
};

export type WriteOptions = {
  key: string;
  /** The new value; undefined deletes the key. */
  value: string | undefined;
  /** The key's modRevision that must hold now; 0: the key must not exist; absent: whatever there is. */
  expect?: number;
};

export type WatchOptions = {
  prefix: string;
  /** Deliver every change after this revision. */
  after: number;
  /** Ends the watch. */
  signal: AbortSignal;
};

/** Called with the changes in order, several at a time; must not throw. */
export type WatchListener = (events: StoreEvent[]) => void;

/**
 * - `compare-failed`: the key is not at the expected revision (`current` tells, 0 when it does not exist)
 * - `compacted`: that revision's history is gone (`compactRevision` is the oldest that can be read)
 * - `future-revision`: that revision has not been written yet
 * - `unavailable`: the write could not be made durable and did not happen; reads go on, try again later
 * - `no-space`: as `unavailable`, the disk being full
 * - `closed`: the store was closed
 * - `corrupt`: the data on disk is damaged; the message says where, and the way back
 */
export type StoreErrorCode =
  | 'compare-failed'
  | 'compacted'
  | 'future-revision'
  | 'unavailable'
  | 'no-space'
  | 'closed'
  | 'corrupt';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** For `compare-failed`: the key's modRevision now, 0 when it does not exist. */
  readonly current: number | undefined;

  constructor(code: StoreErrorCode, message: string, options: { cause?: unknown; current?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
    this.current = options.current;
  }
}

export type Store = {
  /** The newest durable revision; 0 when nothing was ever written. */
  revision(): number;
  /** The oldest revision that lists can read at, and after which watches can start. */
  compactRevision(): number;
  get(key: string): Promise<Entry | undefined>;
  /** @throws StoreError compacted, future-revision */
  list(options: ListOptions): Promise<ListResult>;
  /**
   * Resolves when the write is durable, with the revision it got. Deleting a key
   * that does not exist writes nothing and resolves with the present revision.
   * @throws StoreError compare-failed, unavailable, no-space, closed
   */
  write(options: WriteOptions): Promise<number>;
  /**
   * Delivers every change under the prefix after the given revision, once and in order.
   * @throws StoreError compacted
   */
  watch(options: WatchOptions, listener: WatchListener): void;
  /** Forgets superseded values up to `revision`: the state as of it can still be read. */
  compact(revision: number): Promise<void>;
  /** Every live entry at one revision, in order of key: what a backup holds. */
  snapshot(): Promise<ListResult>;
  close(): Promise<void>;
};
