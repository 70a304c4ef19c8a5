// What is done to one target: wiping what old data say, zeros for holes, reading
// back, and the partition table at last.
import { alignedBuffer } from './aligned-buffer.ts';
import type { Chunk } from './image-reader.ts';
import { blockBytes, chunkBytes, headBytes, tailBytes } from './limits.ts';
import type { Span } from './plan.ts';
import { type Target, TargetError } from './target.ts';
import { humanBytes } from './text.ts';

const zeros = alignedBuffer(chunkBytes);

/** Of at most a chunk. */
export function isZero(data: Buffer): boolean {
  return data.equals(zeros.subarray(0, data.length));
}

/** The first bytes of a drive and its last, which do not overlap. */
function edges({ bytes }: Target): Span[] {
  const tailStart = Math.max(headBytes, Math.floor((bytes - tailBytes) / blockBytes) * blockBytes);
  return [
    { startBytes: 0, bytes: Math.min(headBytes, bytes) },
    ...(tailStart < bytes ? [{ startBytes: tailStart, bytes: bytes - tailStart }] : []),
  ];
}

/**
 * Makes a drive one that no computer takes for anything, and sees that it takes writes at all.
 * Backups of a partition table and marks of arrays stand at its end.
 */
export async function wipe(target: Target): Promise<void> {
  if (!target.holdsOldData) return;
  const found = alignedBuffer(headBytes + blockBytes);
  for (const { startBytes, bytes } of edges(target)) {
    await target.write(startBytes, zeros.subarray(0, bytes));
    await target.sync();
    const read = found.fill(1).subarray(0, bytes);
    await target.read(startBytes, read);
    if (!isZero(read)) throw new TargetError(`${target.name}: does not keep what is written to it`);
  }
}

/**
 * Makes the gaps between the pieces read as zeros. They are read first: that is faster than writing and wears no
 * card. They are not discarded instead, since what a discarded block reads as is the drive's affair and may change.
 */
export async function clearGaps(target: Target, gaps: readonly Span[], tell: (bytes: number) => void): Promise<void> {
  if (!target.holdsOldData) return;
  const buffer = alignedBuffer(chunkBytes);
  const readsZero = async ({ startBytes, bytes }: Span): Promise<boolean> => {
    const found = buffer.subarray(0, bytes);
    await target.read(startBytes, found);
    return isZero(found);
  };
  const cleared: Span[] = [];
  for (const gap of gaps) {
    if (!(await readsZero(gap))) {
      await target.write(gap.startBytes, zeros.subarray(0, gap.bytes));
      cleared.push(gap);
    }
    tell(gap.bytes);
  }
  await target.sync();
  for (const gap of cleared) {
    if (!(await readsZero(gap))) throw new TargetError(differs(target, gap.startBytes));
    // Nothing new is done; but who has had enough is heard.
    tell(0);
  }
}

function differs({ name }: Target, startBytes: number): string {
  return `${name}: reads other data at ${humanBytes(startBytes)} than were written: it is worn out or no genuine one`;
}

/**
 * Reads back a part that was written, into a buffer of at least its size, and compares it.
 * @throws TargetError when a single bit differs
 */
export async function comparePart(target: Target, { startBytes, data }: Chunk, buffer: Buffer): Promise<void> {
  const found = buffer.subarray(0, data.length);
  await target.read(startBytes, found);
  if (!found.equals(data)) throw new TargetError(differs(target, startBytes));
}

/**
 * Writes the first MiB, of which the first block makes the rest a partition table: that one last, when all the
 * others are known to be on the medium. What then does not read back right is taken away again.
 */
export async function writeHead(target: Target, head: Buffer): Promise<void> {
  const found = alignedBuffer(head.length);
  const rest = head.subarray(blockBytes);
  if (rest.length > 0) {
    await target.write(blockBytes, rest);
    await target.sync();
    await target.read(blockBytes, found.subarray(blockBytes));
    if (!found.subarray(blockBytes).equals(rest)) throw new TargetError(differs(target, blockBytes));
  }
  const first = head.subarray(0, blockBytes);
  try {
    await target.write(0, first);
    await target.sync();
    await target.read(0, found);
    if (!found.equals(head)) throw new TargetError(differs(target, 0));
  } catch (error) {
    await target.write(0, zeros.subarray(0, first.length)).catch(() => undefined);
    throw error;
  }
}
