// Seeded randomness must replay, and what is made of it must have the shape
// that others rely on: UUIDs (RFC 9562) and Kubernetes' name suffixes.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createSeededRandom, createSystemRandom, nameSuffix, type Random, uuid } from './random.ts';

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.fraction());

it('a seed gives the same sequence every time, another seed another one', () => {
  assert.deepEqual(draw(createSeededRandom(7), 100), draw(createSeededRandom(7), 100));
  assert.notDeepEqual(draw(createSeededRandom(7), 100), draw(createSeededRandom(8), 100));
  assert.deepEqual(createSeededRandom(7).bytes(32), createSeededRandom(7).bytes(32));
  assert.equal(uuid(createSeededRandom(7)), uuid(createSeededRandom(7)));
});

it('is mulberry32, so that a seed replays on every version', () => {
  let state = 12345;
  const reference = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  assert.deepEqual(draw(createSeededRandom(12345), 1000), Array.from({ length: 1000 }, reference));
});

for (const [name, create] of [
  ['seeded', () => createSeededRandom(99)],
  ['system', createSystemRandom],
] as const) {
  it(`${name}: fractions are in [0, 1) and spread evenly`, () => {
    const buckets = new Array<number>(10).fill(0);
    for (const fraction of draw(create(), 20_000)) {
      assert.ok(fraction >= 0 && fraction < 1);
      const bucket = Math.floor(fraction * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    // 2,000 expected; 300 is seven standard deviations.
    for (const count of buckets) assert.ok(Math.abs(count - 2000) < 300, buckets.join(' '));
  });

  it(`${name}: bytes have the length asked for and all values`, () => {
    const random = create();
    assert.equal(random.bytes(0).length, 0);
    assert.equal(random.bytes(7).length, 7);
    assert.equal(new Set(random.bytes(10_000)).size, 256);
  });

  it(`${name}: uuids are of version 4 and differ`, () => {
    const random = create();
    const uuids = Array.from({ length: 1000 }, () => uuid(random));
    for (const id of uuids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(new Set(uuids).size, uuids.length);
  });

  it(`${name}: name suffixes are as those of generateName`, () => {
    const random = create();
    const suffixes = Array.from({ length: 1000 }, () => nameSuffix(random));
    for (const suffix of suffixes) assert.match(suffix, /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.ok(new Set(suffixes).size > 990);
    assert.equal(nameSuffix(random, 10).length, 10);
  });
}
