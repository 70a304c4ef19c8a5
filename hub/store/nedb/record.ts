// The documents of the revision log. Each is one line of a segment file and
// carries a checksum, so that a damaged line is found and never believed.
import { crc32 } from 'node:zlib';
import { isJsonObject } from '../../../api/meta/object.ts';

/** One revision: `v` absent means that the key was deleted. `c` is the key's create revision. */
export type RevisionRecord = { _id: string; k: string; v?: string; c: number; s: number };
/** First document of a segment: its number, the segments that exist beside it, and what has been compacted. */
export type HeaderRecord = { _id: 'header'; segments: number[]; compacted: number; s: number };
/** History up to this revision is gone. */
export type CompactRecord = { _id: string; compacted: number; s: number };
/** A segment was emptied by compaction and its file may be missing. */
export type RemovedRecord = { _id: string; removed: number; s: number };

export type LogRecord = RevisionRecord | HeaderRecord | CompactRecord | RemovedRecord;

export function isRevision(record: LogRecord): record is RevisionRecord {
  return 'k' in record;
}

export function isHeader(record: LogRecord): record is HeaderRecord {
  return 'segments' in record;
}

/** CRC-32 of all fields, each with its length, so that no two records read the same. */
function checksum({ _id, k, v, c, segments, compacted, removed }: Record<string, unknown>): number {
  if (typeof k === 'string') {
    const value = typeof v === 'string' ? v : '';
    // The value itself, not its JSON: this is the store's hottest line.
    return crc32(value, crc32(`${_id} ${c} ${k.length} ${k} ${typeof v} ${value.length} `));
  }
  return crc32(JSON.stringify([_id, segments, compacted, removed]));
}

/** `_id` of a revision: fixed width, so that order of text is order of revision. */
export function revisionId(revision: number): string {
  return String(revision).padStart(16, '0');
}

export function revisionRecord(
  key: string,
  value: string | undefined,
  revision: number,
  createRevision: number,
): RevisionRecord {
  const record = { _id: revisionId(revision), k: key, ...(value === undefined ? {} : { v: value }), c: createRevision };
  return { ...record, s: checksum(record) };
}

export function headerRecord(segments: number[], compacted: number): HeaderRecord {
  const record = { _id: 'header' as const, segments, compacted };
  return { ...record, s: checksum(record) };
}

export function compactRecord(compacted: number): CompactRecord {
  const record = { _id: `compacted-${compacted}`, compacted };
  return { ...record, s: checksum(record) };
}

export function removedRecord(removed: number): RemovedRecord {
  const record = { _id: `removed-${removed}`, removed };
  return { ...record, s: checksum(record) };
}

/** The record of a line, or undefined when the line is damaged. */
export function parseRecord(line: string): LogRecord | undefined {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isJsonObject(record) || typeof record._id !== 'string' || record.s !== checksum(record)) return undefined;
  return record as LogRecord;
}
