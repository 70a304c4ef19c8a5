// Words that are not among those a field knows, found by the generated tables.
// Kinds check in their own words what depends on more than the field itself.
import type { JsonObject } from '../meta/object.ts';
import { isJsonObject } from '../meta/object.ts';
import { type FieldError, notSupported } from '../meta/status.ts';
import { elementType, enumValues, isType, jsonFields } from './schema.ts';

/** Parts of an object that only the server writes, or that are checked elsewhere. */
const skipped = ['metadata', 'status'];

/** Errors for every enum field of an object of type `typeId`, metadata and status left out. */
export function enumErrors(object: JsonObject, typeId: string): FieldError[] {
  const errors: FieldError[] = [];
  walk(object, typeId, '', errors);
  return errors;
}

function walk(object: JsonObject, typeId: string, path: string, errors: FieldError[]): void {
  const fields = jsonFields(typeId);
  for (const [name, value] of Object.entries(object)) {
    if (path === '' && skipped.includes(name)) continue;
    const field = fields.get(name);
    if (field === undefined || value === null) continue;
    const at = path === '' ? name : `${path}.${name}`;
    const words = field.enum === undefined ? undefined : enumValues(field.enum);
    if (words !== undefined) check(value, words, at, errors);
    else descend(value, field.type, at, errors);
  }
}

function check(value: unknown, words: readonly string[], path: string, errors: FieldError[]): void {
  const items = Array.isArray(value) ? value.map((item, index) => [item, `${path}[${index}]`]) : [[value, path]];
  for (const [item, at] of items) {
    if (typeof item === 'string' && item !== '' && !words.includes(item))
      errors.push(notSupported(String(at), item, words));
  }
}

function descend(value: unknown, type: string, path: string, errors: FieldError[]): void {
  const element = elementType(type);
  if (element === undefined) {
    if (isType(type) && isJsonObject(value)) walk(value, type, path, errors);
  } else if (!isType(element.replace(/^\[\]/, ''))) return;
  else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      descend(item, element, `${path}[${index}]`, errors);
    });
  } else if (isJsonObject(value))
    for (const [key, item] of Object.entries(value)) descend(item, element, `${path}[${key}]`, errors);
}
