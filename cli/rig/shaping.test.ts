// When bytes get through a slow link, and how rates are written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { passage, rateText, readRate } from './shaping.ts';

test('a link that is not slow lets all through at once', () => {
  assert.deepEqual(passage(100, 0, 1_000_000, { cut: false }), { sentMs: 100, arrivesMs: 100 });
});

test('a rate makes bytes wait for those before them, a delay does not', () => {
  const link = { cut: false, bytesPerSecond: 1000, delayMs: 50 };
  assert.deepEqual(passage(0, 0, 100, link), { sentMs: 100, arrivesMs: 150 });
  assert.deepEqual(passage(10, 100, 100, link), { sentMs: 200, arrivesMs: 250 });
  assert.deepEqual(passage(500, 200, 100, link), { sentMs: 600, arrivesMs: 650 });
});

test('over any pieces a link never carries more than its rate', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 5000 })), { minLength: 1 }),
      fc.integer({ min: 1, max: 100_000 }),
      (pieces, bytesPerSecond) => {
        let [nowMs, busyMs, bytes] = [0, 0, 0];
        for (const [pauseMs, size] of pieces) {
          nowMs += pauseMs;
          bytes += size;
          const { sentMs } = passage(nowMs, busyMs, size, { cut: false, bytesPerSecond });
          assert.ok(sentMs >= busyMs, 'bytes stay in order');
          busyMs = sentMs;
        }
        assert.ok(busyMs >= (bytes / bytesPerSecond) * 1000 - 1e-6 * busyMs);
      },
    ),
  );
});

test('rates are read as they are written', () => {
  assert.equal(readRate('64kbit'), 8000);
  assert.equal(readRate('1.5Mbit'), 187_500);
  for (const text of ['', '64', '64k', '0kbit', '-1kbit', '4bit', '1Tbit', 'kbit'])
    assert.equal(readRate(text), undefined);
  for (const text of ['64kbit', '1.5Mbit', '2Gbit', '800bit']) assert.equal(rateText(readRate(text) ?? 0), text);
});
