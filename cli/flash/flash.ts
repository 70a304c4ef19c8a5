// Writes an image to several targets at once. The image is read once for all of
// them; a target that fails drops out and the others go on. The order on a drive:
//
//   wipe its start and end -> write all but the first MiB -> zeros where the image
//   has holes -> read back and compare -> the first MiB, its first block last
//
// So a drive that was interrupted at any moment has no partition table, and one
// that has it holds all of the image, read back from the medium.
import { alignedBuffer } from './aligned-buffer.ts';
import type { Image } from './image.ts';
import { type Chunk, ImageReader } from './image-reader.ts';
import { blockBytes, chunkBytes, headBytes } from './limits.ts';
import { applyOverlay, type Overlay } from './overlay.ts';
import { gapsOf, type Piece, totalBytes } from './plan.ts';
import type { Progress } from './progress.ts';
import { clearGaps, isZero, sumOf, verifyPieces, wipe, writeHead } from './steps.ts';
import type { Target } from './target.ts';

export type FlashOptions = {
  image: Image;
  overlay: Overlay;
  progress: Progress;
  /** Aborted by a signal of the user. */
  signal: AbortSignal;
};

/** How it went with one target. */
export type Outcome = { target: Target; writtenBytes: number; finished: boolean; error?: Error };

/** There is no target left to go on with. */
class AllFailed extends Error {}

/** The targets that are still good. */
class Targets {
  readonly outcomes: Outcome[];
  #signal: AbortSignal;

  constructor(targets: readonly Target[], signal: AbortSignal) {
    this.outcomes = targets.map((target) => ({ target, writtenBytes: 0, finished: false }));
    this.#signal = signal;
  }

  get living(): Outcome[] {
    return this.outcomes.filter(({ error }) => error === undefined);
  }

  /** Does the same to all of them at once. One that fails is out. @throws the reason of an abort; AllFailed */
  async each(act: (target: Target, outcome: Outcome) => Promise<void>): Promise<void> {
    await Promise.all(
      this.living.map(async (outcome) => {
        try {
          await act(outcome.target, outcome);
        } catch (error) {
          outcome.error = error as Error;
        }
      }),
    );
    this.#signal.throwIfAborted();
    if (this.living.length === 0) throw new AllFailed();
  }
}

/** Writes a part of the image behind its first MiB, which is kept in `head`. */
async function writePart(targets: Targets, { startBytes, data }: Chunk, head: Buffer): Promise<Piece[]> {
  if (startBytes < head.length) data.copy(head, startBytes);
  const rest = data.subarray(Math.min(data.length, Math.max(0, head.length - startBytes)));
  // What is zeros is treated as a hole: drives that are zero there already are not worn.
  if (rest.length === 0 || isZero(rest)) return [];
  const restStart = startBytes + data.length - rest.length;
  const written = targets.each(async (target, outcome) => {
    await target.write(restStart, rest);
    outcome.writtenBytes += rest.length;
  });
  const [sha256] = await Promise.all([sumOf(rest), written]);
  return [{ startBytes: restStart, bytes: rest.length, sha256 }];
}

/** Reads the image to its end, one buffer ahead of what `take` is busy with. */
async function readAll(image: Image, take: (chunk: Chunk) => Promise<void>): Promise<void> {
  const reader = await ImageReader.open(image);
  try {
    const buffers = [alignedBuffer(chunkBytes), alignedBuffer(chunkBytes)] as const;
    let coming = reader.next(buffers[0]);
    for (let turn = 1; ; turn += 1) {
      const chunk = await coming;
      if (chunk === undefined) return;
      coming = reader.next(buffers[turn % 2 === 0 ? 0 : 1]);
      // It is awaited in the next turn, or by nobody when this one fails.
      coming.catch(() => undefined);
      await take(chunk);
    }
  } finally {
    await reader.close();
  }
}

/** Writes all but the first MiB, which comes into `head`. @returns what was written, with its sums */
async function writeParts(
  targets: Targets,
  { image, overlay, progress }: FlashOptions,
  head: Buffer,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  progress.begin('writing', totalBytes(image.extents));
  await readAll(image, async (chunk) => {
    applyOverlay(overlay, chunk.startBytes, chunk.data);
    pieces.push(...(await writePart(targets, chunk, head)));
    progress.add(chunk.data.length);
  });
  // Blocks of the configuration where the image has a hole: the reader did not come by.
  const block = alignedBuffer(blockBytes);
  for (const { startBytes, data } of overlay) {
    const done = pieces.some(
      (piece) => piece.startBytes <= startBytes && startBytes + data.length <= piece.startBytes + piece.bytes,
    );
    if (done) continue;
    data.copy(block);
    pieces.push(...(await writePart(targets, { startBytes, data: block.subarray(0, data.length) }, head)));
  }
  return pieces;
}

/**
 * Writes the image to all targets, verifies each, and finishes those that are good.
 * @returns an outcome a target, with the error of those that failed
 * @throws ImageError when the image is damaged, and the reason of an abort: then no target is good
 */
export async function flash(allTargets: readonly Target[], options: FlashOptions): Promise<Outcome[]> {
  const { image, progress, signal } = options;
  const targets = new Targets(allTargets, signal);
  try {
    await targets.each(wipe);
    const head = alignedBuffer(Math.min(headBytes, image.bytes));
    const pieces = await writeParts(targets, options, head);
    const gaps = gapsOf(pieces, head.length, image.bytes);
    progress.begin(
      'clearing holes',
      totalBytes(gaps) * targets.living.filter(({ target }) => target.holdsOldData).length,
    );
    await targets.each((target) => clearGaps(target, gaps, (bytes) => tell(bytes)));
    progress.begin('verifying', totalBytes(pieces) * targets.living.length);
    await targets.each((target) => verifyPieces(target, pieces, (bytes) => tell(bytes)));
    await targets.each(async (target, outcome) => {
      await writeHead(target, head);
      outcome.writtenBytes += head.length;
      await target.finish();
      outcome.finished = true;
    });
    return targets.outcomes;
  } catch (error) {
    if (error instanceof AllFailed) return targets.outcomes;
    throw error;
  } finally {
    progress.end();
    await Promise.all(targets.outcomes.filter(({ finished }) => !finished).map(({ target }) => target.abandon()));
  }

  function tell(bytes: number): void {
    signal.throwIfAborted();
    progress.add(bytes);
  }
}
