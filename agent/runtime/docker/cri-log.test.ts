// Lines of k8s-file logs, whole, in pieces and damaged, as the output that they hold.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { criLog } from './cri-log.ts';
import { LogDecoder } from './log-decoder.ts';

const time = '2026-03-01T10:00:00.123456789+00:00';

function decode(lines: string[], timestamps = false, sinceMs?: number): string {
  const decoder = new LogDecoder(criLog, { timestamps, ...(sinceMs === undefined ? {} : { sinceMs }) });
  return decoder.decode(Buffer.from(lines.map((line) => `${line}\n`).join(''))).toString();
}

describe('k8s-file log', () => {
  it('gives what was printed, whatever it holds', () => {
    for (const text of ['plain', '', ' ', '  two  spaces ', 'ünï 😀', 'stdout F inner', '\ttab\u001b[0m\r']) {
      assert.equal(decode([`${time} stdout F ${text}`]), `${text}\n`);
      assert.equal(decode([`${time} stderr F ${text}`], true), `2026-03-01T10:00:00.123456789Z ${text}\n`);
    }
  });

  it('puts the pieces of a line together, with one time', () => {
    const lines = [
      `${time} stdout P one, `,
      `${time} stdout P two, `,
      `${time} stdout F three`,
      `${time} stdout F four`,
    ];
    assert.equal(decode(lines), 'one, two, three\nfour\n');
    assert.equal(
      decode(lines, true),
      '2026-03-01T10:00:00.123456789Z one, two, three\n2026-03-01T10:00:00.123456789Z four\n',
    );
  });

  it('shows times in UTC, whatever the zone of the device', () => {
    for (const [local, utc] of [
      ['2026-03-01T23:30:00.000000001-05:30', '2026-03-02T05:00:00.000000001Z'],
      ['2026-03-01T00:30:00.5+02:00', '2026-02-28T22:30:00.500000000Z'],
      ['2026-03-01T00:30:00Z', '2026-03-01T00:30:00.000000000Z'],
    ])
      assert.equal(decode([`${local} stdout F x`], true), `${utc} x\n`);
  });

  it('leaves out what is older', () => {
    const lines = [
      `${time} stdout F old`,
      '2026-03-01T11:00:00.0+01:00 stdout F older',
      `2027${time.slice(4)} stdout F new`,
    ];
    assert.equal(decode(lines, false, Date.parse('2026-06-01T00:00:00Z')), 'new\n');
  });

  it('passes over what is not a line of its own', () => {
    for (const line of ['', 'x', time, `${time} stdout`, `${time} stdout F`, `${time} stdout Q text`, '\0\0\0'])
      assert.equal(decode([line, `${time} stdout F good`]), 'good\n', JSON.stringify(line));
  });
});
