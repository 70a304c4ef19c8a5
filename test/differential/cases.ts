// Reads the cases that Kubernetes' own Go code answered, and compares as they
// are meant: lists in order, a null field as no field.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../../api/meta/object.ts';

/** One JSON object a line, in the order of the file. */
export function readCases<T>(file: string): T[] {
  const text = readFileSync(join(import.meta.dirname, 'cases', file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** A copy without fields for which `drop` holds, at any depth. */
export function withoutFields(value: unknown, drop: (name: string, item: unknown) => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutFields(item, drop));
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(([name, item]) => !drop(name, item));
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutFields(item, drop)]));
}
