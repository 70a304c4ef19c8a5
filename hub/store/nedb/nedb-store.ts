// The embedded store: a revision log in NeDB segments with group commit.
// All writes waiting at one moment go to disk as one append and one fdatasync,
// and are acknowledged after it. docs/adr/0001-nedb-as-a-revision-log.md says why.
import type { Disk } from '../../../platform/disk.ts';
import type { Log } from '../../../platform/log.ts';
import {
  compactionBatchRecords,
  defaultSegmentBytes,
  maxBatchCharacters,
  maxBatchWrites,
  maxQueuedWrites,
} from '../limits.ts';
import { PendingWrites } from '../pending-writes.ts';
import { type Change, RevisionIndex } from '../revision-index.ts';
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
import { loadLog } from './load.ts';
import {
  compactRecord,
  headerRecord,
  isRevision,
  type LogRecord,
  type RevisionRecord,
  removedRecord,
  revisionRecord,
} from './record.ts';
import { HeadSegment, readSegment, segmentPath } from './segment.ts';

type QueuedWrite = Change & { resolve: (revision: number) => void; reject: (error: unknown) => void };
/** A record that is not a write: a mark of the compaction or a copy of an old record. */
type QueuedRecord = { records: () => LogRecord[]; done: (error?: unknown) => void };

export type NedbStoreOptions = { directory: string; segmentBytes?: number };
export type NedbStoreParts = { disk: Disk; log: Log };

export class NedbStore implements Store {
  #options: Required<NedbStoreOptions>;
  #parts: NedbStoreParts;
  #index = new RevisionIndex();
  #pending = new PendingWrites(this.#index);
  #writes: QueuedWrite[] = [];
  #records: QueuedRecord[] = [];
  #flushing: Promise<void> | undefined;
  #head: HeadSegment | undefined;
  /** The last append failed: NeDB holds in memory what the file may lack, so this segment takes no more. */
  #headFailed = false;
  /** Segments before the head, oldest first, with their size in bytes. */
  #sealed: { number: number; sizeBytes: number }[] = [];
  #nextNumber = 1;
  #closed = false;
  #compacting: Promise<void> | undefined;

  constructor(options: NedbStoreOptions, parts: NedbStoreParts) {
    this.#options = { segmentBytes: defaultSegmentBytes, ...options };
    this.#parts = parts;
  }

  /**
   * Opens the directory, cutting off the torn end that a power cut leaves.
   * @throws StoreError corrupt
   */
  async start(): Promise<void> {
    const { disk } = this.#parts;
    const { directory } = this.#options;
    await disk.makeDirectory(directory);
    const { sealed, nextNumber } = await loadLog(disk, directory, this.#index);
    this.#sealed = sealed;
    this.#nextNumber = nextNumber;
    // A full disk must not keep the hub from serving reads: the head is made by the first write then.
    await this.#openHead().catch((error: unknown) =>
      this.#parts.log.error({ err: error }, 'no segment can be opened, reads only'),
    );
  }

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

  async snapshot(): Promise<ListResult> {
    return this.#index.list({ prefix: '' });
  }

  watch(options: WatchOptions, listener: WatchListener): void {
    this.#index.watch(options, listener);
  }

  write(options: WriteOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new StoreError('closed', 'the store is closed');
      if (this.#writes.length >= maxQueuedWrites) {
        throw new StoreError('unavailable', `more than ${maxQueuedWrites} writes are waiting for the disk`);
      }
      let revision: number | undefined;
      let refusal: unknown;
      try {
        revision = this.#pending.admit(options);
      } catch (error) {
        refusal = error;
      }
      if (revision === undefined) {
        this.#pending.whenSettled(options.key, (failure) => {
          if (failure ?? refusal) reject(failure ?? refusal);
          else resolve(this.#index.revision);
        });
        return;
      }
      this.#writes.push({ key: options.key, value: options.value, revision, resolve, reject });
      this.#flush();
    });
  }

  async compact(revision: number): Promise<void> {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    if (revision <= this.#index.compactRevision) return;
    if (revision > this.#index.revision) this.#index.compact(revision);
    await this.#append(() => [compactRecord(revision)]);
    this.#index.compact(revision);
    this.#compacting ??= this.#reclaim().finally(() => {
      this.#compacting = undefined;
    });
    await this.#compacting;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#compacting?.catch(() => undefined);
    await this.#flushing;
    await this.#head?.close();
    this.#head = undefined;
  }

  #flush(): void {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
      if (this.#writes.length + this.#records.length > 0) this.#flush();
    });
  }

  async #flushAll(): Promise<void> {
    // Lets every write of this turn join the first batch.
    await Promise.resolve();
    while (this.#writes.length + this.#records.length > 0) {
      const records = this.#records.splice(0);
      const writes = this.#takeBatch();
      try {
        await this.#commit(records, writes);
      } catch (error) {
        // What is refused must not be there after a restart either.
        if (this.#headFailed) await this.#head?.cutBack().catch(() => undefined);
        this.#fail(error, records, writes);
      }
    }
  }

  #takeBatch(): QueuedWrite[] {
    let characters = 0;
    let count = 0;
    while (count < this.#writes.length && count < maxBatchWrites && characters < maxBatchCharacters) {
      characters += this.#writes[count]?.value?.length ?? 0;
      count += 1;
    }
    return this.#writes.splice(0, count);
  }

  async #commit(records: QueuedRecord[], writes: QueuedWrite[]): Promise<void> {
    if (this.#headFailed || (this.#head?.sizeBytes ?? 0) >= this.#options.segmentBytes) await this.#seal();
    const head = this.#head ?? (await this.#openHead());
    // Copies come first: a later write of the same key must also be later in the log.
    const batch = records.flatMap(({ records }) => records()).filter((record) => head.isNew(record));
    head.firstRevision = Math.min(head.firstRevision, writes[0]?.revision ?? Number.POSITIVE_INFINITY);
    const created = new Map<string, number | undefined>();
    for (const { key, value, revision } of writes) {
      const existing = created.has(key) ? created.get(key) : this.#index.current(key)?.createRevision;
      batch.push(revisionRecord(key, value, revision, existing ?? revision));
      created.set(key, value === undefined ? undefined : (existing ?? revision));
    }
    if (batch.length > 0) {
      this.#headFailed = true;
      await head.append(batch);
      this.#headFailed = false;
    }
    this.#index.apply(writes);
    for (const { done } of records) done();
    for (const write of writes) {
      this.#pending.settle(write.key, write.revision);
      write.resolve(write.revision);
    }
  }

  /** Refuses the batch and all that was queued behind it, and leaves a log that ends at the last durable batch. */
  #fail(error: unknown, records: QueuedRecord[], writes: QueuedWrite[]): void {
    const noSpace = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    const failure = new StoreError(
      noSpace ? 'no-space' : 'unavailable',
      `the write was not made durable: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
    this.#parts.log.error({ err: error, writes: writes.length + this.#writes.length }, 'a batch of writes failed');
    for (const { done } of [...records, ...this.#records.splice(0)]) done(failure);
    for (const { reject } of [...writes, ...this.#writes.splice(0)]) reject(failure);
    this.#pending.discard(failure);
  }

  async #openHead(): Promise<HeadSegment> {
    const number = this.#nextNumber;
    const segments = [...this.#sealed.map((segment) => segment.number), number];
    const head = await HeadSegment.create(
      this.#parts.disk,
      this.#options.directory,
      number,
      headerRecord(segments, this.#index.compactRevision),
    );
    this.#nextNumber = number + 1;
    this.#head = head;
    return head;
  }

  async #seal(): Promise<void> {
    const head = this.#head;
    if (head === undefined) return;
    await head.cutBack();
    this.#headFailed = false;
    this.#head = undefined;
    this.#sealed.push({ number: head.number, sizeBytes: head.sizeBytes });
    await head.close();
  }

  #append(records: () => LogRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#records.push({ records, done: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#flush();
    });
  }

  /** Frees segments from the oldest on while the log is mostly garbage, or in many small pieces. */
  async #reclaim(): Promise<void> {
    for (let rounds = this.#sealed.length; rounds > 0 && !this.#closed; rounds -= 1) {
      const oldest = this.#sealed[0];
      if (oldest === undefined || !this.#isWorthReclaiming()) return;
      const records = await readSegment(this.#parts.disk, this.#options.directory, oldest.number, { newest: false });
      if (records.some((record) => isRevision(record) && Number(record._id) > this.#index.compactRevision)) return;
      for (let start = 0; start < records.length; start += compactionBatchRecords) {
        const batch = records.slice(start, start + compactionBatchRecords).filter(isRevision);
        await Promise.all(batch.map((record) => this.#append(() => this.#copies(record))));
      }
      await this.#append(() => [compactRecord(this.#index.compactRevision)]);
      // Before the mark: a segment made from now on must not name the one that goes.
      this.#sealed.shift();
      try {
        await this.#append(() => [removedRecord(oldest.number)]);
      } catch (error) {
        this.#sealed.unshift(oldest);
        throw error;
      }
      await this.#parts.disk.remove(segmentPath(this.#options.directory, oldest.number));
    }
  }

  /**
   * What to copy forward for an old record: itself while it can be read, and behind it all newer versions of its key.
   * Else the segment of the newer ones (a deletion, say) could go before the copy does, and the copy would be the newest.
   */
  #copies(record: RevisionRecord): LogRecord[] {
    const revision = Number(record._id);
    if (!this.#index.holds(record.k, revision)) return [];
    const newer = this.#index
      .newerVersions(record.k, revision)
      .filter((version) => version.revision < (this.#head?.firstRevision ?? 0))
      .map((version) => revisionRecord(record.k, version.value, version.revision, version.createRevision));
    return [record, ...newer];
  }

  #isWorthReclaiming(): boolean {
    const sealedBytes = this.#sealed.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    return this.#sealed.length > 16 || sealedBytes > 2 * this.#index.liveCharacters + this.#options.segmentBytes;
  }
}
