// Reads the log back into memory, and proves while doing so that nothing is
// missing: every checksum, every segment that a header names, every revision.
import type { Disk } from '../../../platform/disk.ts';
import type { RevisionIndex } from '../revision-index.ts';
import { StoreError } from '../store.ts';
import { isHeader, isRevision, type LogRecord, type RevisionRecord } from './record.ts';
import { listSegments, readSegment, segmentPath } from './segment.ts';

export type LoadedLog = { sealed: { number: number; sizeBytes: number }[]; nextNumber: number };

/**
 * Fills an empty index from the segments of a directory.
 * @throws StoreError corrupt: names the file, or what is missing
 */
export async function loadLog(disk: Disk, directory: string, index: RevisionIndex): Promise<LoadedLog> {
  const numbers = await listSegments(disk, directory);
  const sealed: LoadedLog['sealed'] = [];
  const all: LogRecord[] = [];
  let newestHeader: LogRecord[] = [];
  for (const number of numbers) {
    const newest = number === numbers.at(-1);
    const records = await readSegment(disk, directory, number, { newest });
    const header = records[0];
    if (header === undefined || !isHeader(header)) {
      // A crash while the segment was being made: nothing in it was ever acknowledged.
      if (!newest || records.length > 0) throw corrupt(directory, `${segmentPath(directory, number)} has no header`);
      await disk.remove(segmentPath(directory, number));
      continue;
    }
    newestHeader = records;
    for (const record of records) all.push(record);
    const file = await disk.open(segmentPath(directory, number));
    // A killed process may have left its last lines in the page cache only: what is served from now on must be durable.
    if (newest) await file.sync();
    sealed.push({ number, sizeBytes: await file.sizeBytes() });
    await file.close();
  }
  assertAllSegments(directory, numbers, newestHeader);
  fill(directory, all, index);
  return { sealed, nextNumber: (numbers.at(-1) ?? 0) + 1 };
}

function assertAllSegments(directory: string, numbers: number[], newest: LogRecord[]): void {
  const removed = new Set(newest.flatMap((record) => ('removed' in record ? [record.removed] : [])));
  for (const record of newest) {
    if (!isHeader(record)) continue;
    const missing = record.segments.find((number) => !numbers.includes(number) && !removed.has(number));
    if (missing !== undefined) throw corrupt(directory, `${segmentPath(directory, missing)} is missing`);
  }
}

function fill(directory: string, records: LogRecord[], index: RevisionIndex): void {
  const compacted = records.reduce(
    (highest, record) => ('compacted' in record ? Math.max(highest, record.compacted) : highest),
    0,
  );
  const revisions = records.filter(isRevision).sort((a, b) => (a._id < b._id ? -1 : a._id > b._id ? 1 : 0));
  const visible = new Map<string, RevisionRecord>();
  const later: RevisionRecord[] = [];
  for (const record of revisions) {
    if (Number(record._id) > compacted) later.push(record);
    else visible.set(record.k, record);
  }
  for (const record of visible.values()) {
    if (record.v === undefined) continue;
    index.restore({ key: record.k, value: record.v, createRevision: record.c, modRevision: Number(record._id) });
  }
  index.revision = compacted;
  index.compactRevision = compacted;
  for (const record of later) {
    const revision = Number(record._id);
    if (revision === index.revision) continue; // a copy made by a compaction that a crash cut short
    if (revision !== index.revision + 1)
      throw corrupt(directory, `revisions ${index.revision + 1} to ${revision - 1} are missing`);
    index.apply([{ key: record.k, value: record.v, revision }]);
  }
}

function corrupt(directory: string, what: string): StoreError {
  return new StoreError('corrupt', `${what}: restore ${directory} from a backup (skerry restore)`);
}
