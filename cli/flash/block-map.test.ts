// Block maps: what bmaptool writes is read, damage is named, rubbish is an error of one kind.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { blockMapOf } from '../../test/support/disk-image.ts';
import { BlockMapError, readBlockMap } from './block-map.ts';

const block = 4096;

/** Blocks of one letter each; a dot is a hole. */
function imageOf(letters: string): Buffer {
  return Buffer.concat([...letters].map((letter) => Buffer.alloc(block, letter === '.' ? 0 : letter)));
}

/** The same map with another text, and with the right sum of itself again. */
function resummed(text: string, from: string | RegExp, to: string): string {
  const zeroed = text.replace(from, to).replace(/(<BmapFileChecksum> )\w+/, `$1${'0'.repeat(64)}`);
  return zeroed.replace('0'.repeat(64), createHash('sha256').update(zeroed).digest('hex'));
}

describe('a block map', () => {
  const text = blockMapOf(imageOf('a..bb.c'));

  it('tells the ranges that hold data, with their sums', () => {
    const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    assert.deepEqual(readBlockMap(text), {
      imageBytes: 7 * block,
      extents: [
        { startBytes: 0, bytes: block, sha256: sum(imageOf('a')) },
        { startBytes: 3 * block, bytes: 2 * block, sha256: sum(imageOf('bb')) },
        { startBytes: 6 * block, bytes: block, sha256: sum(imageOf('c')) },
      ],
    });
  });

  it('ends with the image, also within a block', () => {
    const short = blockMapOf(imageOf('a.b').subarray(0, 2 * block + 512));
    assert.equal(readBlockMap(short).extents.at(-1)?.bytes, 512);
  });

  it('is refused with the element that is wrong', () => {
    const cases: [string, RegExp][] = [
      ['', /^bmap: expected version 2\.0, found none/],
      [text.replace('version="2.0"', 'version="1.4"'), /^bmap: .* found 1\.4/],
      [text.replace('3-4', '3-5'), /^BmapFileChecksum: .* damaged/],
      [resummed(text, '3-4', '3-5'), /^MappedBlocksCount: 4, but the ranges have 5 blocks/],
      [resummed(text, '> 6 <', '> 7 <'), /^Range 7: .*beyond the image's end/],
      [resummed(text, '> 6 <', '> 4 <'), /^Range 4: not behind the one before/],
      [resummed(text, '> 6 <', '> x <'), /^Range: expected FIRST-LAST/],
      [resummed(text, '> 6 <', '> 6-5 <'), /^Range: expected a whole number of at least 6/],
      [resummed(text, / chksum="\w+"/, ''), /^Range 0: expected a chksum/],
      [resummed(text, ' sha256 ', ' md5 '), /^ChecksumType: expected sha256, found md5/],
      [resummed(text, /<BlockSize>[^<]*/, '<BlockSize> 1'), /^BlockSize: expected .* at least 512/],
      [
        resummed(text, '</ImageSize>', '</ImageSize><ImageSize> 1 </ImageSize>'),
        /^ImageSize: expected one element, found 2/,
      ],
    ];
    for (const [source, message] of cases)
      assert.throws(
        () => readBlockMap(source),
        (error) => error instanceof BlockMapError && message.test(error.message),
        String(message),
      );
  });

  it('survives rubbish and damage of any kind, and never reaches beyond the image', () => {
    const damaged = fc
      .tuple(fc.nat(text.length - 1), fc.string({ unit: 'binary', maxLength: 8 }), fc.nat(20), fc.boolean())
      .map(([at, inserted, removed, sum]) => {
        const changed = text.slice(0, at) + inserted + text.slice(at + removed);
        return sum ? resummed(changed, '', '') : changed;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: 'binary', maxLength: 300 })), (source) => {
        try {
          const { imageBytes, extents } = readBlockMap(source);
          let free = 0;
          for (const { startBytes, bytes } of extents) {
            assert.ok(startBytes >= free && bytes > 0);
            free = startBytes + bytes;
          }
          assert.ok(free <= imageBytes);
        } catch (error) {
          if (!(error instanceof BlockMapError)) throw error;
        }
      }),
      { seed: 7, numRuns: 3000 },
    );
  });
});
