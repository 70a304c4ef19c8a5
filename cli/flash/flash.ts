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
import { gapsOf, type Span, totalBytes } from './plan.ts';
import type { Progress } from './progress.ts';
import { clearGaps, comparePart, isZero, wipe, writeHead } from './steps.ts';
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

/** Reads the image to its end, one buffer ahead of what `take` is busy with. */
async function readAll(image: Image, checked: boolean, take: (chunk: Chunk) => Promise<void>): Promise<void> {
  const reader = await ImageReader.open(image, { checked });
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

/** Goes through all that is to be on a target: what the image holds, with the configuration in it. */
async function eachPart(
  { image, overlay, progress }: FlashOptions,
  checked: boolean,
  take: (part: Chunk) => Promise<void>,
): Promise<void> {
  const read: Span[] = [];
  await readAll(image, checked, async ({ startBytes, data }) => {
    applyOverlay(overlay, startBytes, data);
    await take({ startBytes, data });
    read.push({ startBytes, bytes: data.length });
    progress.add(data.length);
  });
  // Blocks of the configuration where the image has a hole: the reader did not come by.
  const block = alignedBuffer(blockBytes);
  for (const { startBytes, data } of overlay) {
    const end = startBytes + data.length;
    if (read.some((span) => span.startBytes <= startBytes && end <= span.startBytes + span.bytes)) continue;
    data.copy(block);
    await take({ startBytes, data: block.subarray(0, data.length) });
  }
}

/** What of a part is behind the first MiB; undefined when that is nothing, or zeros, which count as a hole. */
function behindHead({ startBytes, data }: Chunk): Chunk | undefined {
  const skipped = Math.min(data.length, Math.max(0, headBytes - startBytes));
  const rest = data.subarray(skipped);
  return rest.length === 0 || isZero(rest) ? undefined : { startBytes: startBytes + skipped, data: rest };
}

/** Writes all but the first MiB, which comes into `head`. @returns what was written */
async function writeParts(targets: Targets, options: FlashOptions, head: Buffer): Promise<Span[]> {
  const written: Span[] = [];
  options.progress.begin('writing', totalBytes(options.image.extents));
  await eachPart(options, true, async (part) => {
    if (part.startBytes < head.length) part.data.copy(head, part.startBytes);
    const rest = behindHead(part);
    if (rest === undefined) return;
    await targets.each(async (target, outcome) => {
      await target.write(rest.startBytes, rest.data);
      outcome.writtenBytes += rest.data.length;
    });
    written.push({ startBytes: rest.startBytes, bytes: rest.data.length });
  });
  await targets.each((target) => target.sync());
  return written;
}

/**
 * Compares all that was written with a second reading of the image. The sums were checked in the first one, of the
 * very bytes that were written; so this costs no more for many targets than for one.
 */
async function verifyParts(targets: Targets, options: FlashOptions): Promise<void> {
  const buffers = new Map(targets.living.map(({ target }) => [target, alignedBuffer(chunkBytes)]));
  options.progress.begin('verifying', totalBytes(options.image.extents));
  await eachPart(options, false, async (part) => {
    const rest = behindHead(part);
    if (rest === undefined) return;
    await targets.each((target) => comparePart(target, rest, buffers.get(target) ?? alignedBuffer(chunkBytes)));
  });
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
    const written = await writeParts(targets, options, head);
    const gaps = gapsOf(written, head.length, image.bytes);
    progress.begin(
      'clearing holes',
      totalBytes(gaps) * targets.living.filter(({ target }) => target.holdsOldData).length,
    );
    await targets.each((target) => clearGaps(target, gaps, (bytes) => tell(bytes)));
    await verifyParts(targets, options);
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
