// What Docker's json-file log driver writes, as the output it was made from: an
// object a line, with a piece of output, its stream and its time. Pure.
// https://docs.docker.com/engine/logging/drivers/json-file/
import { type LogQuery, missingLogNotice } from '../runtime.ts';

type Entry = { log: string; stream: string; time: string };

const start = '{"log":"';

export class JsonLogDecoder {
  #timestamps: boolean;
  #sinceMs: number | undefined;
  /** Streams that are within a line: the engine cuts lines into pieces of 16 KiB. Known when times are asked for. */
  #withinLine = new Set<string>();
  #endedLine = true;

  constructor({ timestamps, sinceMs }: Pick<LogQuery, 'timestamps' | 'sinceMs'>) {
    this.#timestamps = timestamps;
    this.#sinceMs = sinceMs;
  }

  /** The output in whole lines of a log file. */
  decode(lines: Uint8Array): Buffer {
    let output = '';
    for (const line of Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString().split('\n')) {
      if (line === '') continue;
      // Most lines of most programs; twice as fast as to look at all of an entry.
      if (!this.#timestamps && this.#sinceMs === undefined) output += plainLog(line) ?? parseEntry(line)?.log ?? '';
      else output += this.#format(parseEntry(line));
    }
    if (output !== '') this.#endedLine = output.endsWith('\n');
    return Buffer.from(output);
  }

  /** The notice as a line of the log, told at a time. */
  notice(nowMs: number): Buffer {
    const time = this.#timestamps ? `${fixedTime(new Date(nowMs).toISOString())} ` : '';
    const before = this.#endedLine ? '' : '\n';
    this.#endedLine = true;
    this.#withinLine.clear();
    return Buffer.from(`${before}${time}${missingLogNotice}\n`);
  }

  #format(entry: Entry | undefined): string {
    if (entry === undefined) return '';
    const { log, stream, time } = entry;
    if (this.#sinceMs !== undefined && Date.parse(time) < this.#sinceMs) return '';
    if (!this.#timestamps) return log;
    // As the kubelet: a time for each line, not for each piece.
    const begins = !this.#withinLine.has(stream);
    if (log.endsWith('\n')) this.#withinLine.delete(stream);
    else this.#withinLine.add(stream);
    return begins ? `${fixedTime(time)} ${log}` : log;
  }
}

/** The output in a line of the usual form with no escaped character but a line break at its end. */
function plainLog(line: string): string | undefined {
  const end = line.indexOf('"', start.length);
  if (end < 0 || !line.startsWith(start) || !line.startsWith('","', end) || line.includes(start, end)) return undefined;
  const backslash = line.indexOf('\\', start.length);
  if (backslash < 0 || backslash > end) return line.slice(start.length, end);
  return backslash === end - 2 && line[end - 1] === 'n' ? `${line.slice(start.length, backslash)}\n` : undefined;
}

/** Of a line that was cut off by a power failure only what was written behind it can be read. */
function parseEntry(line: string): Entry | undefined {
  try {
    const { log = '', stream = 'stdout', time = '' } = JSON.parse(line) as Partial<Entry>;
    return { log, stream, time };
  } catch {
    const behind = line.lastIndexOf(start);
    return behind > 0 ? parseEntry(line.slice(behind)) : undefined;
  }
}

/** A time with all nine digits of its nanoseconds, so that times stand in columns. */
function fixedTime(time: string): string {
  const [seconds = '', nanoseconds = ''] = time.replace('Z', '').split('.');
  return `${seconds}.${nanoseconds.padEnd(9, '0')}Z`;
}
