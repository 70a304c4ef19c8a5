// Structured logs: one JSON object a line on stderr (pino), so that stdout
// stays free for the ready lines and results.
import { destination, pino } from 'pino';

export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
};

/** Logs to stderr from the given level up. */
export function createLog(options: { level: string; name: string }): Log {
  return pino(
    { level: options.level, name: options.name, base: { name: options.name } },
    destination({ fd: 2, sync: true }),
  );
}

/** Keeps lines in memory; simulation prints them when a seed fails. */
export function createMemoryLog(lines: string[], prefix = ''): Log {
  const write =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push(
        `${prefix}${level} ${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.message : value))}`,
      );
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => createMemoryLog(lines, `${prefix}${JSON.stringify(fields)} `),
  };
}
