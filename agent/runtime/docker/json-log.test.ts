// Lines of json-file logs, whole and damaged, as the output that they hold.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { missingLogNotice } from '../runtime.ts';
import { jsonLog } from './json-log.ts';
import { LogDecoder } from './log-decoder.ts';

const time = '2026-03-01T10:00:00.123456789Z';

/** A line as the driver writes it. */
function line(log: string, fields: Record<string, unknown> = {}): string {
  return `${JSON.stringify({ log, stream: 'stdout', time, ...fields })}\n`;
}

function decode(
  lines: string,
  { timestamps = false, sinceMs }: { timestamps?: boolean; sinceMs?: number } = {},
): string {
  const decoder = new LogDecoder(jsonLog, { timestamps, ...(sinceMs === undefined ? {} : { sinceMs }) });
  return decoder.decode(Buffer.from(lines)).toString();
}

describe('json-file log', () => {
  it('gives what was printed, whatever it holds', () => {
    const texts = [
      'plain\n',
      '\n',
      'ünï 😀\n',
      '"quoted" \\ back\\n\n',
      '\ttab\u001b[0m\r\n',
      '","stream":"x"\n',
      'no break',
    ];
    for (const text of texts) {
      assert.equal(decode(line(text)), text);
      assert.equal(decode(line('before\n') + line(text) + line('behind\n')), `before\n${text}behind\n`);
    }
    // As Go escapes.
    assert.equal(
      decode(`{"log":"\\u003ca\\u003e \\u0026 \\ufffd\\n","stream":"stderr","time":"${time}"}\n`),
      '<a> & \ufffd\n',
    );
  });

  it('knows lines with labels and lines without output', () => {
    const attrs = { attrs: { time: 'x', 'a"b': '{"log":"' } };
    assert.equal(
      decode(`{"log":"a\\n","stream":"stdout","attrs":${JSON.stringify(attrs.attrs)},"time":"${time}"}\n`),
      'a\n',
    );
    assert.equal(decode(`{"stream":"stdout","time":"${time}"}\n${line('b\n')}`), 'b\n');
  });

  it('joins the pieces of a long line, with one time in front of it', () => {
    const pieces = line('aaa') + line('bbb') + line('ccc\n') + line('next\n');
    assert.equal(decode(pieces), 'aaabbbccc\nnext\n');
    assert.equal(decode(pieces, { timestamps: true }), `${time} aaabbbccc\n${time} next\n`);
    const apart = new LogDecoder(jsonLog, { timestamps: true });
    const output = [line('aaa'), line('err', { stream: 'stderr' }), line('bbb\n')].map((text) =>
      apart.decode(Buffer.from(text)),
    );
    assert.deepEqual(output.map(String), [`${time} aaa`, `${time} err`, 'bbb\n']);
  });

  it('gives times in columns', () => {
    for (const [written, shown] of [
      ['2026-03-01T10:00:00.5Z', '2026-03-01T10:00:00.500000000Z'],
      ['2026-03-01T10:00:00Z', '2026-03-01T10:00:00.000000000Z'],
      [time, time],
    ])
      assert.equal(decode(line('a\n', { time: written }), { timestamps: true }), `${shown} a\n`);
  });

  it('leaves out what is older than asked for', () => {
    const lines =
      line('old\n', { time: '2026-03-01T10:00:00.999999999Z' }) + line('new\n', { time: '2026-03-01T10:00:01Z' });
    const sinceMs = Date.parse('2026-03-01T10:00:01Z');
    assert.equal(decode(lines, { sinceMs }), 'new\n');
    assert.equal(decode(lines, { sinceMs: sinceMs - 1 }), 'old\nnew\n');
    assert.equal(decode(lines, { sinceMs: sinceMs + 1 }), '');
  });

  it('reads what stands behind a line that a power failure has cut off', () => {
    const whole = line('whole\n');
    for (const torn of ['{"lo', '{"log":"to', '{"log":"torn\\n","stream":"std', '\0'.repeat(5000), '{"log":"a\\'])
      for (const options of [{}, { timestamps: true }])
        assert.equal(
          decode(`${torn}${whole}${whole}`, options),
          decode(`${whole}${whole}`, options),
          torn.slice(0, 40),
        );
    for (const nothing of ['garbage\n', 'null\n', '1\n', '{}\n', '\n'])
      assert.equal(decode(nothing + whole), 'whole\n');
  });

  it('tells of missing lines in a line of its own', () => {
    for (const timestamps of [false, true]) {
      const decoder = new LogDecoder(jsonLog, { timestamps });
      const stamp = timestamps ? '2026-03-01T10:00:05.000000000Z ' : '';
      const nowMs = Date.parse('2026-03-01T10:00:05Z');
      decoder.decode(Buffer.from(line('whole\n')));
      assert.equal(String(decoder.notice(nowMs)), `${stamp}${missingLogNotice}\n`);
      decoder.decode(Buffer.from(line('half')));
      assert.equal(String(decoder.notice(nowMs)), `\n${stamp}${missingLogNotice}\n`);
      const begins = timestamps ? `${time} ` : '';
      assert.equal(String(decoder.decode(Buffer.from(line('next\n')))), `${begins}next\n`);
    }
  });
});
