// metav1.Time and MicroTime on the wire (RFC 3339), and kubectl's AGE column
// (apimachinery's duration.HumanDuration).
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatMicroTime, formatTime, humanDuration, parseTime } from './time.ts';

const timeMs = Date.UTC(2024, 1, 29, 23, 59, 58, 987);

it('writes whole seconds in UTC, cutting what is smaller', () => {
  assert.equal(formatTime(timeMs), '2024-02-29T23:59:58Z');
  assert.equal(formatTime(0), '1970-01-01T00:00:00Z');
  assert.equal(formatTime(timeMs + 0.75), '2024-02-29T23:59:58Z');
});

it('writes the last time that has four digits for the year where it is later', () => {
  assert.equal(formatTime(Number.MAX_SAFE_INTEGER), '9999-12-31T23:59:59Z');
  assert.equal(formatMicroTime(1e300), '9999-12-31T23:59:59.000000Z');
});

it('writes MicroTime with six digits', () => {
  assert.equal(formatMicroTime(timeMs), '2024-02-29T23:59:58.987000Z');
  assert.equal(formatMicroTime(0), '1970-01-01T00:00:00.000000Z');
});

it('reads RFC 3339', () => {
  const cases: [text: string, ms: number][] = [
    ['2024-02-29T23:59:58Z', timeMs - 987],
    ['2024-02-29T23:59:58.987Z', timeMs],
    ['2024-02-29T23:59:58.987654Z', timeMs],
    ['2024-03-01T01:59:58+02:00', timeMs - 987],
    ['2024-02-29T18:29:58-05:30', timeMs - 987],
    ['1970-01-01T00:00:00Z', 0],
  ];
  for (const [text, ms] of cases) assert.equal(Math.floor(parseTime(text)), ms, text);
  assert.equal(parseTime(formatTime(timeMs)), timeMs - 987);
  assert.equal(parseTime(formatMicroTime(timeMs)), timeMs);
});

it('gives NaN for what is no RFC 3339 time', () => {
  const wrong = [
    '',
    'yesterday',
    '5',
    '2024',
    '2024-02-29',
    '2024-02-29T23:59:58',
    'Feb 29 2024',
    '2024-13-01T00:00:00Z',
    '2024-01-01T25:00:00Z',
    '2023-02-30T00:00:00Z',
  ];
  for (const text of wrong) assert.ok(Number.isNaN(parseTime(text)), JSON.stringify(text));
  assert.ok(Number.isNaN(parseTime(undefined)));
});

it('shows ages as kubectl does', () => {
  const second = 1;
  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;
  const year = 365 * day;
  // The cases of duration_test.go, in seconds.
  const cases: [seconds: number, text: string][] = [
    [-2, '<invalid>'],
    [-1.5, '0s'],
    [-1, '0s'],
    [-0.5, '0s'],
    [0, '0s'],
    [0.999, '0s'],
    [second, '1s'],
    [70 * second, '70s'],
    [2 * minute - second, '119s'],
    [2 * minute, '2m'],
    [2 * minute + second, '2m1s'],
    [10 * minute - second, '9m59s'],
    [10 * minute, '10m'],
    [10 * minute + second, '10m'],
    [190 * minute, '3h10m'],
    [3 * hour - second, '179m'],
    [3 * hour, '3h'],
    [3 * hour + minute, '3h1m'],
    [8 * hour - minute, '7h59m'],
    [8 * hour, '8h'],
    [8 * hour + 59 * minute, '8h'],
    [2 * day - hour, '47h'],
    [2 * day, '2d'],
    [2 * day + hour, '2d1h'],
    [8 * day - hour, '7d23h'],
    [8 * day, '8d'],
    [8 * day + 23 * hour, '8d'],
    [2 * year - day, '729d'],
    [2 * year, '2y'],
    [2 * year + 23 * hour, '2y'],
    [2 * year + day, '2y1d'],
    [8 * year - day, '7y364d'],
    [8 * year, '8y'],
    [8 * year + 364 * day, '8y'],
    [9 * year, '9y'],
  ];
  for (const [seconds, text] of cases) assert.equal(humanDuration(seconds * 1000), text, `${seconds} s`);
});
