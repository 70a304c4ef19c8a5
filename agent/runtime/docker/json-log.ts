// What Docker's json-file log driver writes: an object a line. Pure.
// https://docs.docker.com/engine/logging/drivers/json-file/
import type { LogEntry, LogFormat } from './log-decoder.ts';

const start = '{"log":"';

export const jsonLog: LogFormat = {
  entryOf,
  // Most lines of most programs are plain; twice as fast as to look at all of an entry.
  outputOf: (line) => plainLog(line) ?? entryOf(line)?.log ?? '',
};

/** The output in a line of the usual form with no escaped character but a line break at its end. */
function plainLog(line: string): string | undefined {
  const end = line.indexOf('"', start.length);
  if (end < 0 || !line.startsWith(start) || !line.startsWith('","', end) || line.includes(start, end)) return undefined;
  const backslash = line.indexOf('\\', start.length);
  if (backslash < 0 || backslash > end) return line.slice(start.length, end);
  return backslash === end - 2 && line[end - 1] === 'n' ? `${line.slice(start.length, backslash)}\n` : undefined;
}

/** Of a line that was cut off by a power failure only what was written behind it can be read. */
function entryOf(line: string): LogEntry | undefined {
  try {
    const { log = '', stream = 'stdout', time = '' } = JSON.parse(line) as Partial<LogEntry>;
    return { log, stream, time };
  } catch {
    const behind = line.lastIndexOf(start);
    return behind > 0 ? entryOf(line.slice(behind)) : undefined;
  }
}
