// Checks that many kinds share, in the words of Kubernetes' own errors.
import { type LabelSelector, validateSelector } from '../meta/labels.ts';
import { jsonEqual, type KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, notSupported, required } from '../meta/status.ts';
import { valueAt } from './columns.ts';

export const immutableMessage = 'field is immutable';
const negativeMessage = 'must be greater than or equal to 0';

/** Numbers at these paths may not be negative. */
export function notNegative(object: unknown, ...paths: string[]): FieldError[] {
  return paths.flatMap((path) => {
    const value = valueAt(object, path);
    return typeof value === 'number' && value < 0 ? [invalidValue(path, value, negativeMessage)] : [];
  });
}

/** Something other than the empty string stands at these paths. */
export function requiredAt(object: unknown, ...paths: string[]): FieldError[] {
  return paths.flatMap((path) => {
    const value = valueAt(object, path);
    return value === undefined || value === '' ? [required(path)] : [];
  });
}

/** What stands at these paths is as it was. */
export function unchangedAt(object: KubeObject, old: KubeObject, ...paths: string[]): FieldError[] {
  return paths.flatMap((path) => {
    const value = valueAt(object, path);
    return jsonEqual(value, valueAt(old, path)) ? [] : [invalidValue(path, value ?? null, immutableMessage)];
  });
}

/** One of some words stands at a path, or nothing. */
export function oneOfAt(object: unknown, path: string, words: readonly string[]): FieldError[] {
  const value = valueAt(object, path);
  return value === undefined || words.includes(String(value)) ? [] : [notSupported(path, value, words)];
}

/** A whole number within bounds stands at a path, or nothing. */
export function rangeAt(object: unknown, path: string, min: number, max: number): FieldError[] {
  const value = valueAt(object, path);
  if (typeof value !== 'number' || (value >= min && value <= max)) return [];
  return [invalidValue(path, value, `must be between ${min} and ${max}, inclusive`)];
}

/** A label selector at a path, if there is one. */
export function selectorAt(object: unknown, path: string): FieldError[] {
  const selector = valueAt(object, path);
  return selector === undefined ? [] : validateSelector(selector as LabelSelector, path);
}

/** Checks a count or percentage such as `25%`. */
export function intOrPercentErrors(value: unknown, field: string): FieldError[] {
  if (typeof value === 'number') return value < 0 ? [invalidValue(field, value, negativeMessage)] : [];
  if (typeof value !== 'string' || /^\d+%$/.test(value)) return [];
  const detail =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [invalidValue(field, value, detail)];
}
