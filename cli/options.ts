// Options of commands: from flags, else from SKERRY_... in the environment,
// else from the YAML file that --config names, else their default.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { UsageError } from './errors.ts';

export type OptionSpec = {
  description: string;
  /** What stands behind the flag in --help; flags without it are switches. */
  value?: string;
  default?: string;
  multiple?: boolean;
};
export type OptionSpecs = Record<string, OptionSpec>;

const configOption: OptionSpec = { description: 'YAML file with options by their long names', value: 'FILE' };

/** Values of a command's options, and the words that are no options. */
export class Options {
  readonly words: string[];
  #values: Record<string, string[]>;

  private constructor(words: string[], values: Record<string, string[]>) {
    this.words = words;
    this.#values = values;
  }

  /** @throws UsageError naming the option */
  static parse(args: string[], specs: OptionSpecs, environment: NodeJS.ProcessEnv): Options {
    const all: OptionSpecs = { ...specs, config: configOption };
    const parsed = parseFlags(args, all);
    const file = readConfig(parsed.values.config?.[0] ?? environment.SKERRY_CONFIG, all);
    const values: Record<string, string[]> = {};
    for (const [name, spec] of Object.entries(all)) {
      const fromEnvironment = environment[`SKERRY_${name.toUpperCase().replaceAll('-', '_')}`];
      const chosen =
        parsed.values[name] ??
        (fromEnvironment === undefined ? undefined : split(fromEnvironment, spec)) ??
        file[name] ??
        (spec.default === undefined ? undefined : [spec.default]);
      if (chosen !== undefined) values[name] = chosen;
    }
    return new Options(parsed.words, values);
  }

  get(name: string): string | undefined {
    return this.#values[name]?.at(-1);
  }

  /** @throws UsageError when it is missing */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined || value === '') throw new UsageError(`--${name} is required`);
    return value;
  }

  all(name: string): string[] {
    return this.#values[name] ?? [];
  }

  has(name: string): boolean {
    return this.get(name) === 'true';
  }

  /** A TCP port; 0 means any free one. @throws UsageError */
  port(name: string): number {
    const text = this.require(name);
    const port = Number(text);
    if (!/^\d+$/.test(text) || port > 65535)
      throw new UsageError(`--${name}: expected a port from 0 to 65535, found ${JSON.stringify(text)}`);
    return port;
  }

  /** Milliseconds of a duration such as 90s, 15m, 24h, 7d. @throws UsageError */
  duration(name: string): number {
    const text = this.require(name);
    const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
    if (match === null)
      throw new UsageError(`--${name}: expected a duration such as 90s, 15m, 24h or 7d, found ${JSON.stringify(text)}`);
    return Number(match[1]) * (units[match[2] ?? ''] ?? 0);
  }
}

function parseFlags(args: string[], specs: OptionSpecs): { words: string[]; values: Record<string, string[]> } {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      { type: spec.value === undefined ? ('boolean' as const) : ('string' as const), multiple: true as const },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    const texts = Object.entries(values).map(
      ([name, list]) => [name, (list as (string | boolean)[]).map(String)] as const,
    );
    return { words: positionals, values: Object.fromEntries(texts) };
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0] ?? 'wrong options', { cause: error });
  }
}

function split(text: string, spec: OptionSpec): string[] {
  return spec.multiple === true ? text.split(',') : [text];
}

function readConfig(path: string | undefined, specs: OptionSpecs): Record<string, string[]> {
  if (path === undefined) return {};
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--config ${path}: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
  const values: Record<string, string[]> = {};
  for (const [name, value] of Object.entries((content ?? {}) as Record<string, unknown>)) {
    if (specs[name] === undefined) throw new UsageError(`--config ${path}: unknown option ${JSON.stringify(name)}`);
    values[name] = [value].flat().map(String);
  }
  return values;
}
