// How server-side apply sees a type: what is one value, what has parts, and by
// what the items of lists are told apart. Derived from the generated tables.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import { isJsonObject, type JsonObject } from '../../meta/object.ts';
import { elementType, type FieldSchema, isAtomicType, isType, jsonFields, scalarZero } from '../../schema/schema.ts';
import { PatchError } from '../patch-error.ts';
import { keyElement, type PathElement, valueElement } from './field-set.ts';

/** What a value that counts as one must look like. */
type Content = 'text' | 'number' | 'boolean' | 'scalar' | 'anything' | { items: Shape } | { parts: Shape };

export type Shape =
  /** One value: scalars, and everything atomic. */
  | { form: 'leaf'; content: Content }
  | { form: 'struct'; fields: ReadonlyMap<string, FieldShape> }
  | { form: 'map'; element: Shape }
  /** A list of scalars, each at most once. */
  | { form: 'set'; element: Shape }
  /** A list whose items are told apart by the values of some of their fields. */
  | { form: 'list'; element: Shape; keys: readonly string[]; keyDefaults: JsonObject };

/** `zero`: what an absent field is in Go, where that is not nothing. */
export type FieldShape = { shape: Shape; zero: unknown };

/** What the schema says nothing of is one value. */
export const anything: Shape = { form: 'leaf', content: 'anything' };
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
  if (element !== undefined) {
    const shape: Shape = { form: 'map', element: shapeOfElement(element) };
    return mapType === 'atomic' ? { form: 'leaf', content: { parts: shape } } : shape;
  }
  if (!isType(type)) return shapeOfScalar(type);
  const isAtomic = mapType === 'atomic' || (isAtomicType(type) && mapType !== 'granular');
  return isAtomic ? { form: 'leaf', content: { parts: shapeOfType(type) } } : shapeOfType(type);
}

function shapeOfScalar(type: string): Shape {
  if (type === 'raw' || type === 'fields') return anything;
  if (type === 'boolean') return { form: 'leaf', content: 'boolean' };
  if (type === 'int32' || type === 'int64' || type === 'double') return { form: 'leaf', content: 'number' };
  const isFree = ['quantity', 'intstr', 'time', 'microtime', 'duration'].includes(type);
  return { form: 'leaf', content: isFree ? 'scalar' : 'text' };
}

function shapeOfElement(type: string): Shape {
  const element = elementType(type);
  if (element !== undefined) {
    const inner = shapeOfElement(element);
    return {
      form: 'leaf',
      content: type.startsWith('[]') ? { items: inner } : { parts: { form: 'map', element: inner } },
    };
  }
  if (!isType(type)) return shapeOfScalar(type);
  return isAtomicType(type) ? { form: 'leaf', content: { parts: shapeOfType(type) } } : shapeOfType(type);
}

function shapeOfList({ listType, listMapKeys, patchStrategy, patchMergeKey }: FieldSchema, element: string): Shape {
  const merges = patchStrategy?.split(',').includes('merge') === true;
  const keys =
    listType === 'map' ? listMapKeys : listType === undefined && merges && patchMergeKey ? [patchMergeKey] : undefined;
  if (keys !== undefined) {
    return { form: 'list', element: shapeOfElement(element), keys, keyDefaults: keyDefaultsOf(element, keys) };
  }
  if (listType === 'set' || (listType === undefined && merges))
    return { form: 'set', element: shapeOfElement(element) };
  return { form: 'leaf', content: { items: shapeOfElement(element) } };
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

/**
 * What Go writes for a field that nobody set: structs that it holds by value are always there, among them
 * those that JSON has as scalars, and so is all that has no `omitempty`.
 */
function zeroOf({ name, type, pointer, omitEmpty }: FieldSchema): unknown {
  if (pointer) return omitEmpty ? undefined : null;
  if (isType(type)) return {};
  if (type === 'intstr' || type === 'quantity') return scalarZero(type);
  // Of all times this one alone is left out when it is zero (`omitzero`).
  if (type === 'time' || type === 'microtime') return name === 'creationTimestamp' ? undefined : null;
  if (omitEmpty) return undefined;
  return scalarZero(type) ?? null;
}

/** The element by which an item of a list is told apart. @throws PatchError */
export function elementOf(shape: Extract<Shape, { form: 'list' | 'set' }>, item: unknown, index: number): PathElement {
  if (shape.form === 'set') {
    if (item === null)
      throw new PatchError(`element ${index}: associative list without keys has an element that's an explicit null`);
    if (isJsonObject(item))
      throw new PatchError(`element ${index}: associative list without keys has an element that's a map type`);
    if (Array.isArray(item))
      throw new PatchError(`element ${index}: not supported: associative list with lists as elements`);
    return valueElement(item);
  }
  if (!isJsonObject(item)) {
    const what = item === null ? 'a null element' : 'non-map elements';
    throw new PatchError(`element ${index}: associative list with keys may not have ${what}`);
  }
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

/** The shape of an object's field; undefined when the type does not have it. */
export function shapeOfEntry(shape: Extract<Shape, { form: 'map' | 'struct' }>, name: string): Shape | undefined {
  return shape.form === 'map' ? shape.element : shape.fields.get(name)?.shape;
}

/** A value with all fields that Go writes for it although nobody set them. */
export function asGoWrites(value: unknown, shape: Shape): unknown {
  if (Array.isArray(value)) {
    const element = elementOfItems(shape);
    return element === undefined ? value : value.map((item) => asGoWrites(item, element));
  }
  if (!isJsonObject(value)) return value;
  const parts =
    shape.form === 'leaf' && typeof shape.content === 'object' && 'parts' in shape.content
      ? shape.content.parts
      : shape;
  if (parts.form === 'map')
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, asGoWrites(item, parts.element)]));
  if (parts.form !== 'struct') return value;
  const written: JsonObject = { ...value };
  for (const [name, field] of parts.fields) {
    const item = written[name] ?? field.zero;
    if (item !== undefined) written[name] = asGoWrites(item, field.shape);
  }
  return written;
}

function elementOfItems(shape: Shape): Shape | undefined {
  if (shape.form === 'list' || shape.form === 'set') return shape.element;
  return shape.form === 'leaf' && typeof shape.content === 'object' && 'items' in shape.content
    ? shape.content.items
    : undefined;
}
