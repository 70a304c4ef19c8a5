// How server-side apply sees a type: what is one value, what has parts, and by
// what the items of lists are told apart. Derived from the generated tables.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import { isJsonObject, type JsonObject } from '../../meta/object.ts';
import { elementType, type FieldSchema, isAtomicType, isType, jsonFields } from '../../schema/schema.ts';
import { PatchError } from '../patch-error.ts';
import { keyElement, type PathElement, valueElement } from './field-set.ts';

export type Shape =
  /** One value: scalars, and everything atomic. */
  | { form: 'leaf' }
  /** Nothing is known of it: objects have parts, all else is one value. */
  | { form: 'untyped' }
  | { form: 'struct'; fields: ReadonlyMap<string, FieldShape> }
  | { form: 'map'; element: Shape }
  /** A list of scalars, each at most once. */
  | { form: 'set' }
  /** A list whose items are told apart by the values of some of their fields. */
  | { form: 'list'; element: Shape; keys: readonly string[]; keyDefaults: JsonObject };

/** `zero`: what an absent field is in Go, where that is not nothing. */
export type FieldShape = { shape: Shape; zero: unknown };

const leaf: Shape = { form: 'leaf' };
const untyped: Shape = { form: 'untyped' };
const structs = new Map<string, Shape>();

/** The shape of a struct type such as `apps.v1.Deployment`. */
export function shapeOfType(typeId: string): Shape {
  const known = structs.get(typeId);
  if (known !== undefined) return known;
  const fields = new Map<string, FieldShape>();
  const shape: Shape = { form: 'struct', fields };
  structs.set(typeId, shape);
  for (const [name, field] of jsonFields(typeId)) fields.set(name, { shape: shapeOfField(field), zero: zeroOf(field) });
  return shape;
}

function shapeOfField(field: FieldSchema): Shape {
  const { type, mapType } = field;
  const element = elementType(type);
  if (element !== undefined && type.startsWith('[]')) return shapeOfList(field, element);
  if (mapType === 'atomic') return leaf;
  if (element !== undefined) return { form: 'map', element: shapeOfElement(element) };
  if (isType(type)) return isAtomicType(type) && mapType !== 'granular' ? leaf : shapeOfType(type);
  return type === 'raw' || type === 'fields' ? untyped : leaf;
}

function shapeOfElement(type: string): Shape {
  if (elementType(type) !== undefined) return leaf;
  if (isType(type)) return isAtomicType(type) ? leaf : shapeOfType(type);
  return type === 'raw' ? untyped : leaf;
}

function shapeOfList({ listType, listMapKeys, patchStrategy, patchMergeKey }: FieldSchema, element: string): Shape {
  const merges = patchStrategy?.split(',').includes('merge') === true;
  const keys =
    listType === 'map' ? listMapKeys : listType === undefined && merges && patchMergeKey ? [patchMergeKey] : undefined;
  if (keys !== undefined) {
    return { form: 'list', element: shapeOfElement(element), keys, keyDefaults: keyDefaultsOf(element, keys) };
  }
  return listType === 'set' || (listType === undefined && merges) ? { form: 'set' } : leaf;
}

/** What key fields are when an item leaves them out: their default, or the zero value of one that must be there. */
function keyDefaultsOf(typeId: string, keys: readonly string[]): JsonObject {
  const defaults: JsonObject = {};
  for (const key of keys) {
    const field = isType(typeId) ? jsonFields(typeId).get(key) : undefined;
    if (field?.default !== undefined) defaults[key] = field.default;
    else if (field?.required === true && !field.pointer) defaults[key] = scalarZero(field.type);
  }
  return defaults;
}

function scalarZero(type: string): unknown {
  if (type === 'boolean') return false;
  return type === 'int32' || type === 'int64' || type === 'double' ? 0 : '';
}

/** Structs that Go holds by value are always there in JSON; so are null lists without `omitempty`. */
function zeroOf(field: FieldSchema): unknown {
  if (field.pointer) return undefined;
  if (isType(field.type)) return {};
  const isCollection = elementType(field.type) !== undefined;
  return isCollection && !field.omitEmpty ? null : undefined;
}

/** The element by which an item of a list is told apart. @throws PatchError */
export function elementOf(shape: Extract<Shape, { form: 'list' | 'set' }>, item: unknown, index: number): PathElement {
  if (shape.form === 'set') {
    if (item === null || typeof item === 'object')
      throw new PatchError(`element ${index}: expected a scalar as an item of a set`);
    return valueElement(item);
  }
  if (!isJsonObject(item))
    throw new PatchError(`element ${index}: associative list with keys may not have non-map elements`);
  const keys: JsonObject = {};
  for (const key of shape.keys) {
    const value = key in item ? item[key] : shape.keyDefaults[key];
    if (value !== undefined) keys[key] = value;
  }
  if (Object.keys(keys).length === 0) {
    const list = shape.keys.map((key) => JSON.stringify(key)).join(' ');
    throw new PatchError(
      `element ${index}: associative list with keys has an element that omits all key fields [${list}] (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(keys);
}

/** What an untyped value turns out to be. */
export function deduce(shape: Shape, ...values: unknown[]): Shape {
  if (shape.form !== 'untyped') return shape;
  return values.every((value) => value === undefined || value === null || isJsonObject(value)) &&
    values.some(isJsonObject)
    ? { form: 'map', element: untyped }
    : leaf;
}

/** The shape of an object's field; undefined when the type does not have it. */
export function shapeOfEntry(shape: Extract<Shape, { form: 'map' | 'struct' }>, name: string): Shape | undefined {
  return shape.form === 'map' ? shape.element : shape.fields.get(name)?.shape;
}
