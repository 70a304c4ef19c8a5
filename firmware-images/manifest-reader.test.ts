// Manifests: what is written is read, what is wrong is named, rubbish is an error of one kind.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ImageManifest } from './manifest.ts';
import { ManifestError, readManifest } from './manifest-reader.ts';

const sha256 = 'ab'.repeat(32);
const whole: ImageManifest = {
  formatVersion: 1,
  board: 'rpi-arm64',
  version: '0.1.0',
  builtAt: '2026-11-01T00:00:00Z',
  image: { file: 'card.img', bytes: 1 << 24, sha256 },
  compressed: { file: 'card.img.zst', bytes: 5000, sha256 },
  blockMap: { file: 'card.img.bmap', bytes: 900, sha256 },
  partitions: [{ name: 'boot', startBytes: 1 << 20, bytes: 1 << 22, fileSystem: 'fat' }],
  packages: [{ name: 'libc6', version: '2.41-12', architecture: 'arm64' }],
  preloaded: ['example.org/app:1'],
};

function refused(change: Record<string, unknown>): string {
  try {
    readManifest(JSON.stringify({ ...whole, ...change }));
  } catch (error) {
    assert.ok(error instanceof ManifestError);
    return error.message;
  }
  return 'taken';
}

describe('a manifest', () => {
  it('is read as it was written', () => {
    assert.deepEqual(readManifest(JSON.stringify(whole)), whole);
    const { compressed, ...without } = whole;
    assert.deepEqual(readManifest(JSON.stringify(without)), without);
    assert.notEqual(compressed, undefined);
  });

  it('is refused with the field that is wrong and what was expected', () => {
    const { image, partitions } = whole;
    assert.match(
      refused({ formatVersion: 2 }),
      /^formatVersion: expected 1 \(is the image of a newer release\?\), found 2$/,
    );
    assert.match(refused({ board: 'rpi5' }), /^board: expected one of qemu-arm64, .*, found "rpi5"$/);
    assert.match(refused({ image: { ...image, bytes: '1' } }), /^image\.bytes: expected a number of bytes/);
    assert.match(refused({ image: { ...image, bytes: 1 } }), /^partitions\[0\]: expected one within the image/);
    assert.match(refused({ image: { ...image, sha256: 'AB' } }), /^image\.sha256: expected 64 hexadecimal digits/);
    assert.match(refused({ blockMap: undefined }), /^blockMap: expected a mapping, found nothing$/);
    assert.match(refused({ partitions: partitions[0] }), /^partitions: expected a list/);
    assert.match(refused({ packages: [1] }), /^packages\[0\]: expected a mapping, found 1$/);
    assert.match(refused({ builtAt: 'today' }), /^builtAt: expected a time/);
  });

  it('never leads to a file elsewhere', () => {
    for (const file of ['../card.img', '/etc/shadow', 'a/b', 'a\\b', '..', '.', '', 'a\0b'])
      assert.match(
        refused({ image: { ...whole.image, file } }),
        /^image\.file: expected the name of a file beside it/,
        file,
      );
  });

  it('survives rubbish', () => {
    const text = JSON.stringify(whole);
    const damaged = fc
      .tuple(fc.nat(text.length - 1), fc.string({ unit: 'binary', maxLength: 6 }), fc.nat(12))
      .map(([at, inserted, removed]) => text.slice(0, at) + inserted + text.slice(at + removed));
    const other = fc.json({ maxDepth: 3 });
    const swapped = fc
      .tuple(fc.constantFrom(...Object.keys(whole)), fc.jsonValue({ maxDepth: 2 }))
      .map(([name, value]) => JSON.stringify({ ...whole, [name]: value }));
    fc.assert(
      fc.property(fc.oneof(damaged, other, swapped), (source) => {
        try {
          const { partitions, image } = readManifest(source);
          for (const { startBytes, bytes } of partitions) assert.ok(startBytes + bytes <= image.bytes);
        } catch (error) {
          if (!(error instanceof ManifestError)) throw error;
        }
      }),
      { seed: 7, numRuns: 3000 },
    );
  });
});
