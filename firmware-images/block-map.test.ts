// The block map: what it names is what is not zero, and its sums are right.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { makeBlockMap } from './block-map.ts';

type MappedRange = { first: number; last: number; sha256: string };

/** A reader of its own, so that the writer's mistakes are not repeated. */
function rangesOf(text: string): MappedRange[] {
  return [...text.matchAll(/<Range chksum="([0-9a-f]{64})"> (\d+)(?:-(\d+))? <\/Range>/g)].map((match) => ({
    first: Number(match[2]),
    last: Number(match[3] ?? match[2]),
    sha256: match[1] ?? '',
  }));
}

describe('a block map', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'skerry-block-map-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** 0: a block of zeros; others: a block that begins with that byte. The last block may be cut short. */
  function check(blocks: number[], missingBytes: number): void {
    const bytes = Buffer.alloc(blocks.length * 4096 - missingBytes);
    for (const [index, value] of blocks.entries()) bytes[index * 4096] = value;
    const file = join(directory, 'image');
    writeFileSync(file, bytes);
    const text = makeBlockMap(file, bytes.length);
    const ranges = rangesOf(text);
    const mapped = new Set(
      ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, at) => first + at)),
    );
    assert.deepEqual(
      [...mapped],
      blocks.flatMap((value, index) => (value === 0 ? [] : [index])),
    );
    for (const { first, last, sha256 } of ranges)
      assert.equal(
        sha256,
        createHash('sha256')
          .update(bytes.subarray(first * 4096, (last + 1) * 4096))
          .digest('hex'),
      );
    assert.match(text, new RegExp(`<ImageSize> ${bytes.length} </ImageSize>`));
    assert.match(text, new RegExp(`<MappedBlocksCount> ${mapped.size} </MappedBlocksCount>`));
    const sum = /<BmapFileChecksum> ([0-9a-f]{64}) </.exec(text)?.[1] ?? '';
    assert.equal(
      createHash('sha256')
        .update(text.replace(sum, '0'.repeat(64)))
        .digest('hex'),
      sum,
    );
  }

  it('names every block that is not zero, with the sums of their ranges', () => {
    const images = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(images, fc.integer({ min: 0, max: 4095 }), (blocks, missing) => check(blocks, missing)),
      { seed: 1 },
    );
  });

  it('goes over the borders of what is read at once, and splits long ranges', () => {
    check(
      Array.from({ length: 600 }, (_, index) => (index >= 250 && index < 260 ? 1 : 0)),
      0,
    );
    check(Array(5000).fill(7), 100);
  });
});
