// The state of a store in memory: for each key its versions since the last
// compaction, the log of changes that watches resume from, and the watchers.
// Both the memory and the NeDB store are this index; the latter adds a disk.
import { SortedKeys } from './sorted-keys.ts';
import {
  type Entry,
  type ListOptions,
  type ListResult,
  StoreError,
  type StoreEvent,
  type WatchListener,
  type WatchOptions,
} from './store.ts';

/** One version of a key; a deletion has no entry. */
type Version = { revision: number; entry: Entry | undefined };
type Watcher = {
  prefix: string;
  listener: WatchListener;
  /** The newest revision that needs no delivery any more. */
  seen: number;
};

/** A change before it has happened: what a write turns into. */
export type Change = { key: string; value: string | undefined; revision: number };

export class RevisionIndex {
  revision = 0;
  compactRevision = 0;
  /** Characters of all live values: what a compaction could not drop. */
  liveCharacters = 0;
  #keys = new SortedKeys();
  #versions = new Map<string, Version[]>();
  /** Changes after `compactRevision`; the change of revision r is at r - compactRevision - 1. */
  #log: StoreEvent[] = [];
  #watchers = new Set<Watcher>();
  /** Batches that watchers have not been told of: a listener may write while it is being told of an earlier one. */
  #undelivered: StoreEvent[][] = [];
  #delivering = false;

  current(key: string): Entry | undefined {
    return this.#versions.get(key)?.at(-1)?.entry;
  }

  /** Applies durable changes in order of revision and tells the watchers. */
  apply(changes: readonly Change[]): void {
    const events = changes.map((change) => this.#applyOne(change)).filter((event) => event !== undefined);
    if (events.length === 0) return;
    this.#undelivered.push(events);
    if (this.#delivering) return;
    this.#delivering = true;
    for (let batch = this.#undelivered.shift(); batch !== undefined; batch = this.#undelivered.shift()) {
      for (const watcher of [...this.#watchers]) this.#deliver(watcher, batch);
    }
    this.#delivering = false;
  }

  #deliver(watcher: Watcher, events: StoreEvent[]): void {
    // Another listener may have ended this watch a moment ago.
    if (!this.#watchers.has(watcher)) return;
    const wanted = events.filter(
      (event) => event.revision > watcher.seen && eventKey(event).startsWith(watcher.prefix),
    );
    if (wanted.length > 0) watcher.listener(wanted);
  }

  #applyOne({ key, value, revision }: Change): StoreEvent | undefined {
    const versions = this.#versions.get(key) ?? [];
    const previous = versions.at(-1)?.entry;
    this.revision = revision;
    if (value === undefined && previous === undefined) return undefined;
    const entry =
      value === undefined
        ? undefined
        : { key, value, createRevision: previous?.createRevision ?? revision, modRevision: revision };
    versions.push({ revision, entry });
    this.#versions.set(key, versions);
    this.liveCharacters += (value?.length ?? 0) - (previous?.value.length ?? 0);
    if (previous === undefined) this.#keys.add(key);
    const event: StoreEvent =
      entry === undefined
        ? { type: 'delete', revision, key, previous: previous as Entry }
        : { type: 'put', revision, entry, previous };
    this.#log.push(event);
    return event;
  }

  /** Puts an entry that is older than the compaction in place: no event, no history. */
  restore(entry: Entry): void {
    this.#keys.add(entry.key);
    this.liveCharacters += entry.value.length - (this.current(entry.key)?.value.length ?? 0);
    this.#versions.set(entry.key, [{ revision: entry.modRevision, entry }]);
  }

  list({ prefix, limit = Number.POSITIVE_INFINITY, after = '', revision = this.revision }: ListOptions): ListResult {
    this.#assertReadable(revision);
    const entries: Entry[] = [];
    let remaining = 0;
    for (const key of this.#keys.range(prefix, after)) {
      const entry = this.#at(key, revision);
      if (entry === undefined) continue;
      if (entries.length < limit) entries.push(entry);
      else remaining += 1;
    }
    return { entries, revision, remaining };
  }

  watch({ prefix, after, signal }: WatchOptions, listener: WatchListener): void {
    if (after < this.compactRevision) {
      throw new StoreError('compacted', `revision ${after} has been compacted, the oldest is ${this.compactRevision}`);
    }
    if (signal.aborted) return;
    const missed = this.#log.slice(after - this.compactRevision).filter((event) => eventKey(event).startsWith(prefix));
    const watcher = { prefix, listener, seen: Math.max(after, this.revision) };
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => this.#watchers.delete(watcher), { once: true });
    if (missed.length > 0) listener(missed);
  }

  /** Drops what a read at `revision` or later can't see. */
  compact(revision: number): void {
    if (revision > this.revision) {
      throw new StoreError('future-revision', `can't compact to revision ${revision}: the newest is ${this.revision}`);
    }
    if (revision <= this.compactRevision) return;
    const superseded = this.#log.splice(0, revision - this.compactRevision);
    this.compactRevision = revision;
    for (const key of new Set(superseded.map(eventKey))) this.#trim(key, revision);
  }

  #trim(key: string, revision: number): void {
    const versions = this.#versions.get(key) ?? [];
    let visible = versions.length - 1;
    while (visible > 0 && (versions[visible]?.revision ?? 0) > revision) visible -= 1;
    if (versions[visible]?.entry === undefined && (versions[visible]?.revision ?? 0) <= revision) visible += 1;
    const kept = versions.slice(visible);
    if (kept.length > 0) {
      this.#versions.set(key, kept);
      return;
    }
    this.#versions.delete(key);
    this.#keys.remove(key);
  }

  /** Whether the version of `key` written at `revision` can still be read. */
  holds(key: string, revision: number): boolean {
    return (
      this.#versions.get(key)?.some((version) => version.revision === revision && version.entry !== undefined) ?? false
    );
  }

  /** The versions of `key` that are newer than `revision`, oldest first; a deletion has no value. */
  newerVersions(
    key: string,
    revision: number,
  ): { revision: number; value: string | undefined; createRevision: number }[] {
    const newer = (this.#versions.get(key) ?? []).filter((version) => version.revision > revision);
    return newer.map((version) => ({
      revision: version.revision,
      value: version.entry?.value,
      createRevision: version.entry?.createRevision ?? version.revision,
    }));
  }

  #at(key: string, revision: number): Entry | undefined {
    const versions = this.#versions.get(key) ?? [];
    for (let index = versions.length - 1; index >= 0; index -= 1) {
      const version = versions[index];
      if (version !== undefined && version.revision <= revision) return version.entry;
    }
    return undefined;
  }

  #assertReadable(revision: number): void {
    if (revision < this.compactRevision) {
      throw new StoreError(
        'compacted',
        `revision ${revision} has been compacted, the oldest is ${this.compactRevision}`,
      );
    }
    if (revision > this.revision) {
      throw new StoreError(
        'future-revision',
        `revision ${revision} does not exist yet, the newest is ${this.revision}`,
      );
    }
  }
}

function eventKey(event: StoreEvent): string {
  return event.type === 'put' ? event.entry.key : event.key;
}
