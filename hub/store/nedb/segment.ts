// One file of the log: a NeDB datastore that is only ever appended to, beside
// an fd of our own for fdatasync, since NeDB acknowledges before the disk does.
import { join } from 'node:path';
import Datastore from 'nedb-promises';
import type { Disk, DiskFile } from '../../../platform/disk.ts';
import { StoreError } from '../store.ts';
import { type LogRecord, parseRecord } from './record.ts';

const namePattern = /^segment-(\d{8})\.db$/;

export function segmentPath(directory: string, number: number): string {
  return join(directory, `segment-${String(number).padStart(8, '0')}.db`);
}

/** Numbers of the segments in a directory, ascending. */
export async function listSegments(disk: Disk, directory: string): Promise<number[]> {
  return (await disk.list(directory)).flatMap((name) => namePattern.exec(name)?.[1] ?? []).map(Number);
}

/** The segment that is written to. */
export class HeadSegment {
  readonly number: number;
  #datastore: Datastore<LogRecord>;
  #file: DiskFile;
  #extraIds = new Set<string>();
  /** The first revision that was written here, not copied. */
  firstRevision = Number.POSITIVE_INFINITY;
  /** Length of the file that is known to be durable. */
  sizeBytes: number;

  private constructor(number: number, datastore: Datastore<LogRecord>, file: DiskFile, sizeBytes: number) {
    this.number = number;
    this.#datastore = datastore;
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  /** Makes a new segment whose first document is `header`. */
  static async create(disk: Disk, directory: string, number: number, header: LogRecord): Promise<HeadSegment> {
    const path = segmentPath(directory, number);
    await disk.remove(path);
    // Written by our own door, so that the file and its name are durable before it counts.
    await disk.write(path, '');
    const datastore = Datastore.create({ filename: path });
    await datastore.load();
    // NeDB renames a file of its own into place while loading: open ours only now.
    const file = await disk.open(path);
    const segment = new HeadSegment(number, datastore, file, 0);
    try {
      await segment.append([header]);
    } catch (error) {
      await file.close();
      throw error;
    }
    return segment;
  }

  /** Whether a copy or mark has not been appended here yet: NeDB refuses an `_id` that it has. */
  isNew(record: LogRecord): boolean {
    if (this.#extraIds.has(record._id)) return false;
    this.#extraIds.add(record._id);
    return true;
  }

  /** Appends documents as one batch and makes them durable. */
  async append(records: LogRecord[]): Promise<void> {
    await this.#datastore.insertMany(records);
    // Nothing is appended meanwhile: the length can be asked for beside the sync.
    const [, sizeBytes] = await Promise.all([this.#file.sync(), this.#file.sizeBytes()]);
    this.sizeBytes = sizeBytes;
  }

  /** Cuts off what a failed append may have left behind the last durable batch. */
  async cutBack(): Promise<void> {
    await this.#file.truncate(this.sizeBytes);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * Reads a segment's records in order.
 * A damaged end of the newest segment is what a power cut leaves of a write that was never
 * acknowledged: it is cut off. Damage anywhere else is an error.
 * @throws StoreError corrupt
 */
export async function readSegment(
  disk: Disk,
  directory: string,
  number: number,
  options: { newest: boolean },
): Promise<LogRecord[]> {
  const path = segmentPath(directory, number);
  const records: LogRecord[] = [];
  let goodBytes = 0;
  let damagedAt: number | undefined;
  let position = 0;
  for await (const { line, bytes, complete } of readLines(disk, path)) {
    const record = complete ? parseRecord(line) : undefined;
    position += bytes;
    if (record === undefined) {
      damagedAt ??= position - bytes;
    } else if (damagedAt !== undefined) {
      throw corrupt(path, damagedAt);
    } else {
      records.push(record);
      goodBytes = position;
    }
  }
  if (damagedAt !== undefined) {
    if (!options.newest) throw corrupt(path, damagedAt);
    const file = await disk.open(path);
    await file.truncate(goodBytes);
    await file.close();
  }
  return records;
}

function corrupt(path: string, offset: number): StoreError {
  return new StoreError(
    'corrupt',
    `${path} is damaged at byte ${offset}: restore the data directory from a backup (skerry restore)`,
  );
}

type Line = { line: string; bytes: number; complete: boolean };

async function* readLines(disk: Disk, path: string): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of disk.readChunks(path)) {
    let buffer = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10)) {
      yield { line: buffer.toString('utf8', 0, end), bytes: end + 1, complete: true };
      buffer = buffer.subarray(end + 1);
    }
    rest = buffer;
  }
  if (rest.length > 0) yield { line: rest.toString('utf8'), bytes: rest.length, complete: false };
}
