// What a container printed, from the lines of an engine's log file: each holds a
// piece of output, its stream and its time, in a format of that engine. Pure.
import { type LogQuery, missingLogNotice } from '../runtime.ts';

/** A piece of output; it ends a line when a line break is at its end. The time is as RFC 3339 has it, in UTC. */
export type LogEntry = { log: string; stream: string; time: string };

export type LogFormat = {
  /** What is in a line of a file; undefined when it can't be read. */
  entryOf: (line: string) => LogEntry | undefined;
  /** The output alone, for readers who want nothing else: that can be had much faster. */
  outputOf: (line: string) => string;
};

export class LogDecoder {
  #format: LogFormat;
  #timestamps: boolean;
  #sinceMs: number | undefined;
  /** Streams that are within a line: engines cut long lines into pieces. Known when times are asked for. */
  #withinLine = new Set<string>();
  #endedLine = true;

  constructor(format: LogFormat, { timestamps, sinceMs }: Pick<LogQuery, 'timestamps' | 'sinceMs'>) {
    this.#format = format;
    this.#timestamps = timestamps;
    this.#sinceMs = sinceMs;
  }

  /** The output in whole lines of a log file. */
  decode(lines: Uint8Array): Buffer {
    const { entryOf, outputOf } = this.#format;
    let output = '';
    for (const line of Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString().split('\n')) {
      if (line === '') continue;
      if (!this.#timestamps && this.#sinceMs === undefined) output += outputOf(line);
      else output += this.#wanted(entryOf(line));
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

  #wanted(entry: LogEntry | undefined): string {
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

/** A time with all nine digits of its nanoseconds, so that times stand in columns. */
function fixedTime(time: string): string {
  const [seconds = '', nanoseconds = ''] = time.replace('Z', '').split('.');
  return `${seconds}.${nanoseconds.padEnd(9, '0')}Z`;
}
