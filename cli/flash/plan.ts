// Decides, without touching anything, which parts of a drive lie between those
// that were written, and so must be zeros.
import { chunkBytes } from './limits.ts';

/** A part of a drive or an image. */
export type Span = { startBytes: number; bytes: number };

/**
 * What of [startBytes, endBytes) no span covers, in pieces of a chunk at most. File systems in an image rely on the
 * zeros of its holes (inode tables of mke2fs, tables of FAT, padding that is summed), so they must not keep what a
 * drive held before.
 */
export function gapsOf(spans: readonly Span[], startBytes: number, endBytes: number): Span[] {
  const gaps: Span[] = [];
  let free = startBytes;
  const add = (until: number): void => {
    for (let start = free; start < until; start += chunkBytes)
      gaps.push({ startBytes: start, bytes: Math.min(chunkBytes, until - start) });
  };
  for (const span of [...spans].sort((a, b) => a.startBytes - b.startBytes)) {
    add(Math.min(span.startBytes, endBytes));
    free = Math.max(free, span.startBytes + span.bytes);
  }
  add(endBytes);
  return gaps;
}

export function totalBytes(spans: readonly Span[]): number {
  return spans.reduce((sum, { bytes }) => sum + bytes, 0);
}
