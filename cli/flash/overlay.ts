// What a configuration changes in an image: blocks that stand over the image's
// own while it is written.
import { blockBytes } from './limits.ts';

/** A block of the whole image, at a multiple of its size. */
export type OverlayBlock = { startBytes: number; data: Buffer };
/** In ascending order. */
export type Overlay = OverlayBlock[];

/** Puts the overlay's blocks over a part of the image that begins at `startBytes`. */
export function applyOverlay(overlay: Overlay, startBytes: number, data: Buffer): void {
  for (const block of overlay) {
    const offset = block.startBytes - startBytes;
    if (offset >= data.length || offset + block.data.length <= 0) continue;
    const from = Math.max(0, -offset);
    block.data.copy(data, offset + from, from);
  }
}

/** Blocks in which two equally long parts differ; `startBytes` is where they are in the image. */
export function differences(startBytes: number, before: Buffer, after: Buffer): Overlay {
  const blocks: Overlay = [];
  for (let offset = 0; offset < after.length; offset += blockBytes) {
    const data = after.subarray(offset, offset + blockBytes);
    if (!data.equals(before.subarray(offset, offset + blockBytes)))
      blocks.push({ startBytes: startBytes + offset, data: Buffer.from(data) });
  }
  return blocks;
}
