// Gaps between pieces, blocks of a configuration, sizes and progress as text.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { blockBytes, chunkBytes } from './limits.ts';
import { applyOverlay, differences } from './overlay.ts';
import { gapsOf, totalBytes } from './plan.ts';
import { Progress, progressText } from './progress.ts';
import { humanBytes, humanSeconds } from './text.ts';
import { zstdContentBytes } from './zstd.ts';

describe('gaps', () => {
  it('are what no piece covers, a chunk each at most', () => {
    const spans = [
      { startBytes: 100, bytes: 50 },
      { startBytes: 0, bytes: 20 },
      { startBytes: 120, bytes: 10 },
    ];
    assert.deepEqual(gapsOf(spans, 10, 200), [
      { startBytes: 20, bytes: 80 },
      { startBytes: 150, bytes: 50 },
    ]);
    assert.deepEqual(gapsOf([], 0, chunkBytes + 1), [
      { startBytes: 0, bytes: chunkBytes },
      { startBytes: chunkBytes, bytes: 1 },
    ]);
  });

  it('cover with the pieces every byte, and none twice', () => {
    const span = fc.record({ startBytes: fc.nat(300), bytes: fc.integer({ min: 1, max: 60 }) });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 12 }), fc.nat(50), fc.nat(250), (spans, start, length) => {
        const counts = new Array<number>(start + length).fill(0);
        for (const { startBytes, bytes } of gapsOf(spans, start, start + length))
          for (let at = startBytes; at < startBytes + bytes; at += 1) counts[at] = (counts[at] ?? 99) + 1;
        for (let at = 0; at < start + length; at += 1) {
          const covered = spans.some(({ startBytes, bytes }) => startBytes <= at && at < startBytes + bytes);
          assert.equal(counts[at], at >= start && !covered ? 1 : 0, `byte ${at}`);
        }
      }),
      { seed: 3, numRuns: 500 },
    );
    assert.equal(
      totalBytes([
        { startBytes: 1, bytes: 2 },
        { startBytes: 9, bytes: 3 },
      ]),
      5,
    );
  });
});

describe('an overlay', () => {
  it('is what differs, and makes one of the other', () => {
    const before = Buffer.alloc(10 * blockBytes, 1);
    const after = Buffer.from(before);
    after[3 * blockBytes + 7] = 9;
    after[10 * blockBytes - 1] = 9;
    const overlay = differences(blockBytes, before, after);
    assert.deepEqual(
      overlay.map(({ startBytes }) => startBytes),
      [4 * blockBytes, 10 * blockBytes],
    );
    // In parts that cut its blocks.
    for (const partBytes of [512, 1536, blockBytes, 3 * blockBytes, before.length]) {
      const image = Buffer.from(before);
      for (let at = 0; at < image.length; at += partBytes)
        applyOverlay(overlay, blockBytes + at, image.subarray(at, at + partBytes));
      assert.ok(image.equals(after), `parts of ${partBytes}`);
    }
  });
});

describe('progress', () => {
  it('tells speed and time left', () => {
    const state = { phase: 'writing', doneBytes: 50 << 20, totalBytes: 200 << 20, elapsedMs: 2000 };
    assert.equal(progressText(state), 'writing  25 %  50.0 MiB of 200 MiB  25.0 MiB/s  6 s left');
    assert.equal(progressText({ ...state, doneBytes: 0 }), 'writing  0 %  0 B of 200 MiB');
    assert.equal(progressText({ ...state, totalBytes: 0, doneBytes: 0 }), 'writing  100 %  0 B of 0 B');
    assert.deepEqual([1023, 1024, 1536, 123 * 2 ** 20, 32e9].map(humanBytes), [
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '123 MiB',
      '29.8 GiB',
    ]);
    assert.deepEqual([0.2, 59, 60, 3725].map(humanSeconds), ['1 s', '59 s', '1 min 0 s', '1 h 2 min']);
  });

  it('is one line on a terminal, and few plain lines elsewhere', () => {
    for (const isTTY of [true, false]) {
      const written: string[] = [];
      let nowMs = 0;
      const progress = new Progress({ isTTY, write: (text: string) => written.push(text) }, () => nowMs);
      progress.begin('writing', 1000);
      for (let turn = 0; turn < 100; turn += 1) {
        nowMs += 150;
        progress.add(10);
      }
      progress.end();
      const text = written.join('');
      assert.equal(text.includes('\r'), isTTY);
      assert.equal(written.length, isTTY ? 52 : 2, text);
    }
  });
});

describe('the size in a zstd file', () => {
  it('is read for every way it is written in', () => {
    for (const bytes of [1, 255, 256, 300, 65_791, 65_792, 5_000_000]) {
      const packed = zstdCompressSync(Buffer.alloc(bytes), { pledgedSrcSize: bytes });
      assert.equal(zstdContentBytes(packed.subarray(0, 18)), bytes);
    }
    assert.equal(zstdContentBytes(Buffer.from('no zstd at all')), undefined);
    assert.equal(zstdContentBytes(Buffer.from([0x28, 0xb5])), undefined);
  });
});
