// What a command of the CLI is.
import type { OptionSpecs, Options } from './options.ts';

export type Command = {
  /** One line for `skerry --help`. */
  summary: string;
  /** What stands behind the name in the usage line. */
  usage: string;
  options: OptionSpecs;
  /** Resolves with the exit code. */
  run: (options: Options) => Promise<number>;
};

/** The product's version; package.json has the same, which a test checks. */
export const version = '0.1.0';

/** Text of `skerry COMMAND --help`. */
export function helpOf(name: string, command: Command): string {
  const rows = Object.entries(command.options).map(([option, spec]) => {
    const flag = `  --${option}${spec.value === undefined ? '' : ` ${spec.value}`}`;
    return `${flag.padEnd(34)} ${spec.description}${spec.default === undefined ? '' : ` (default ${spec.default})`}`;
  });
  return `Usage: skerry ${name}${command.usage === '' ? '' : ` ${command.usage}`}\n\n${command.summary}\n\nOptions:\n${rows.join('\n')}\n  --config FILE                      YAML file with options by their long names\n`;
}

/** An AbortSignal that SIGINT and SIGTERM abort. */
export function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
  });
}
