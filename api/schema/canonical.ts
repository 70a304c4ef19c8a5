// Values in the form in which decoding leaves them, for those that are compared
// with decoded ones before they are decoded themselves.
import { isJsonObject } from '../meta/object.ts';
import { canonicalQuantity } from '../meta/quantity.ts';
import { elementType, isType, jsonFields } from './schema.ts';

/** A value of a type with its quantities in canonical form; what has none to change is the same value, uncopied. */
export function withCanonicalQuantities<T>(value: T, type: string): T {
  return canonical(value, type) as T;
}

function canonical(value: unknown, type: string): unknown {
  if (type === 'quantity')
    return typeof value === 'string' || typeof value === 'number' ? (canonicalQuantity(value) ?? value) : value;
  const element = elementType(type);
  if (Array.isArray(value)) {
    if (element === undefined) return value;
    const items = value.map((item) => canonical(item, element));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isJsonObject(value) || (element === undefined && !isType(type))) return value;
  const fields = element === undefined ? jsonFields(type) : undefined;
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => {
    const own = element ?? fields?.get(name)?.type;
    return [name, own === undefined ? item : canonical(item, own)];
  });
  return entries.every(([name, item]) => item === value[name]) ? value : Object.fromEntries(entries);
}
