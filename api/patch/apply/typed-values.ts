// What server-side apply does with values of known shape: which fields there
// are, how two values differ, one merged over another, fields taken out.
import { isJsonObject, type JsonObject, jsonEqual } from '../../meta/object.ts';
import { PatchError } from '../patch-error.ts';
import { FieldSet, fieldElement, type PathElement } from './field-set.ts';
import { deduce, elementOf, type Shape, shapeOfEntry } from './shape.ts';

type ObjectShape = Extract<Shape, { form: 'map' | 'struct' }>;
type ListShape = Extract<Shape, { form: 'list' | 'set' }>;

function isObjectShape(shape: Shape): shape is ObjectShape {
  return shape.form === 'map' || shape.form === 'struct';
}

function isListShape(shape: Shape): shape is ListShape {
  return shape.form === 'list' || shape.form === 'set';
}

function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

const asObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The shape of a list's items. */
function itemShape(shape: ListShape): Shape {
  return shape.form === 'list' ? shape.element : { form: 'leaf' };
}

/**
 * The fields of a value: of an applied object (`strict`), where items may not come twice and every field
 * must be known, or of one that is there already.
 * @throws PatchError naming the field
 */
export function fieldsOf(value: unknown, shape: Shape, strict = false, path = ''): FieldSet {
  const set = new FieldSet();
  collect(value, shape, set, strict, path);
  return set;
}

/** Adds the fields below a value; tells whether the value counts as a field itself. */
function collect(value: unknown, given: Shape, set: FieldSet, strict: boolean, path: string): boolean {
  const shape = deduce(given, value);
  if (value === null) return true;
  if (isObjectShape(shape)) {
    if (!isJsonObject(value)) throw new PatchError(`${path}: expected map, got ${describe(value)}`);
    for (const [name, item] of Object.entries(value)) collectEntry(item, shape, name, set, strict, path);
    return Object.keys(value).length === 0;
  }
  if (!isListShape(shape)) return true;
  if (!Array.isArray(value)) throw new PatchError(`${path}: expected list, got ${describe(value)}`);
  collectItems(value, shape, set, strict, path);
  return false;
}

function collectEntry(
  item: unknown,
  shape: ObjectShape,
  name: string,
  set: FieldSet,
  strict: boolean,
  path: string,
): void {
  const own = shapeOfEntry(shape, name);
  const at = `${path}.${name}`;
  if (own === undefined) {
    if (strict) throw new PatchError(`${at}: field not declared in schema`);
    return;
  }
  const child = new FieldSet();
  const element = fieldElement(name);
  if (collect(item, own, child, strict, at) || shape.form === 'map') set.members.add(element);
  set.addChild(element, child);
}

function collectItems(list: unknown[], shape: ListShape, set: FieldSet, strict: boolean, path: string): void {
  const seen = new Set<PathElement>();
  list.forEach((item, index) => {
    const element = atPath(path, () => elementOf(shape, item, index));
    if (strict && seen.has(element)) throw new PatchError(`${path}: duplicate entries for key [${element.slice(2)}]`);
    const isDuplicate = seen.has(element);
    seen.add(element);
    set.members.add(element);
    const child = new FieldSet();
    collect(item, itemShape(shape), child, strict, `${path}[${index}]`);
    // What comes twice is owned as a whole.
    if (isDuplicate) set.children.delete(element);
    else set.addChild(element, child);
  });
}

function atPath<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PatchError) throw new PatchError(`${path}: ${error.message}`);
    throw error;
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'map' : typeof value;
}

/** How a value became another: paths of fields that came, went, or hold something else. */
export type Comparison = { added: FieldSet; removed: FieldSet; modified: FieldSet };

/** Compares two objects of a type; absent structs are as Go writes them. */
export function compareValues(before: unknown, after: unknown, shape: Shape): Comparison {
  const result = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() };
  compareInto(before, after, shape, result);
  return result;
}

/** Fills in what differs below; tells whether the value itself counts as `added`, `removed` or `modified`. */
function compareInto(before: unknown, after: unknown, given: Shape, result: Comparison): keyof Comparison | undefined {
  const shape = deduce(given, before, after);
  const own = before === undefined ? 'added' : after === undefined ? 'removed' : undefined;
  if (shape.form === 'leaf' || shape.form === 'untyped') {
    if (own !== undefined) return own;
    return jsonEqual(before, after) ? undefined : 'modified';
  }
  if (isEmptyValue(before) && isEmptyValue(after)) {
    if (own !== undefined) return own;
    return (before === null) === (after === null) || shape.form !== 'map' ? undefined : 'modified';
  }
  if (isObjectShape(shape)) compareEntries(before, after, shape, result);
  else compareItems(asList(before), asList(after), shape, result);
  return own;
}

/** Compares what stands under one element of both values, into the sets above it. */
function compareChild(element: PathElement, before: unknown, after: unknown, shape: Shape, result: Comparison): void {
  const below = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() };
  const own = compareInto(before, after, shape, below);
  if (own !== undefined) result[own].members.add(element);
  for (const name of ['added', 'removed', 'modified'] as const) result[name].addChild(element, below[name]);
}

function compareEntries(before: unknown, after: unknown, shape: ObjectShape, result: Comparison): void {
  const [left, right] = [asObject(before), asObject(after)];
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  const isOneSided = before === undefined || after === undefined;
  if (isOneSided && shape.form === 'struct')
    for (const [name, { zero }] of shape.fields) if (zero !== undefined) names.add(name);
  for (const name of names) {
    const entry = shapeOfEntry(shape, name);
    if (entry === undefined) continue;
    // An object that is there has its structs, written or not; one that is not there has nothing.
    const zero = shape.form === 'struct' ? shape.fields.get(name)?.zero : undefined;
    const was = left[name] ?? (name in left ? null : before === undefined ? undefined : zero);
    const is = right[name] ?? (name in right ? null : after === undefined ? undefined : zero);
    if (was !== undefined || is !== undefined) compareChild(fieldElement(name), was, is, entry, result);
  }
}

/** The items of a list by their elements; undefined stands for one that comes twice. */
function indexItems(
  list: readonly unknown[],
  shape: ListShape,
): { order: PathElement[]; items: Map<PathElement, unknown[]> } {
  const items = new Map<PathElement, unknown[]>();
  const order = list.map((item, index) => {
    const element = elementOf(shape, item, index);
    items.set(element, [...(items.get(element) ?? []), item]);
    return element;
  });
  return { order, items };
}

function compareItems(before: unknown[], after: unknown[], shape: ListShape, result: Comparison): void {
  const [left, right] = [indexItems(before, shape).items, indexItems(after, shape).items];
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const [was, is] = [left.get(element), right.get(element)];
    if ((was?.length ?? 0) <= 1 && (is?.length ?? 0) <= 1) {
      compareChild(element, was?.[0], is?.[0], itemShape(shape), result);
    } else if (was === undefined) result.added.members.add(element);
    else if (is === undefined) result.removed.members.add(element);
    else if (!jsonEqual(was, is)) result.modified.members.add(element);
  }
}

/** `patch` over `live`; undefined when nothing is left. */
export function mergeValues(live: unknown, patch: unknown, given: Shape): unknown {
  if (patch === undefined) return live;
  const shape = deduce(given, live, patch);
  if (shape.form === 'leaf' || shape.form === 'untyped') return patch;
  if (isEmptyValue(live) && isEmptyValue(patch)) return patch;
  if (isObjectShape(shape)) return mergeObjects(asObject(live), asObject(patch), shape);
  const merged = mergeLists(asList(live), asList(patch), shape);
  return merged.length === 0 ? undefined : merged;
}

function mergeObjects(live: JsonObject, patch: JsonObject, shape: ObjectShape): JsonObject | undefined {
  const merged: JsonObject = {};
  for (const name of new Set([...Object.keys(live), ...Object.keys(patch)])) {
    const entry = shapeOfEntry(shape, name);
    const value = entry === undefined ? live[name] : mergeValues(live[name], patch[name], entry);
    if (value !== undefined) merged[name] = value;
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/**
 * Items of the patch stand in its order; those that only the live list has keep their place before
 * the shared item that follows them.
 */
function mergeLists(live: unknown[], patch: unknown[], shape: ListShape): unknown[] {
  const [left, right] = [indexItems(live, shape), indexItems(patch, shape)];
  const shared = right.order.filter((element) => left.items.has(element));
  const done = new Set<PathElement>();
  const merged: unknown[] = [];
  let [l, r, s] = [0, 0, 0];
  const takePatched = (element: PathElement): void => {
    done.add(element);
    const known = left.items.get(element);
    // Of what comes twice in the live list the patch leaves one, its own.
    const base = known?.length === 1 ? known[0] : undefined;
    merged.push(mergeValues(base, right.items.get(element)?.[0], itemShape(shape)));
    r += 1;
    if (shared[s] === element) s += 1;
  };
  while (l < left.order.length || r < right.order.length) {
    const [liveElement, patchElement] = [left.order[l], right.order[r]];
    if (liveElement !== undefined && patchElement !== undefined) {
      if (liveElement === patchElement) {
        takePatched(patchElement);
        l += 1;
        continue;
      }
      const comesLater = right.items.has(liveElement) && shared[s] !== undefined && shared[s] !== liveElement;
      if (comesLater) {
        l += 1;
        continue;
      }
    }
    if (liveElement !== undefined && !right.items.has(liveElement)) {
      merged.push(live[l]);
      l += 1;
      continue;
    }
    if (liveElement !== undefined && done.has(liveElement)) l += 1;
    if (patchElement !== undefined) takePatched(patchElement);
  }
  return merged;
}

/** The value without the fields of a set and all below them; undefined when nothing is left. */
export function removeFields(value: unknown, given: Shape, set: FieldSet): unknown {
  if (set.isEmpty()) return value;
  const shape = deduce(given, value);
  if (isObjectShape(shape) && isJsonObject(value)) {
    const kept: JsonObject = {};
    for (const [name, item] of Object.entries(value)) {
      const left = removeBelow(item, fieldElement(name), shapeOfEntry(shape, name), set);
      if (left !== undefined) kept[name] = left;
    }
    return Object.keys(kept).length === 0 ? undefined : kept;
  }
  if (isListShape(shape) && Array.isArray(value)) {
    const kept = value
      .map((item, index) => removeBelow(item, elementOf(shape, item, index), itemShape(shape), set))
      .filter((item) => item !== undefined);
    return kept.length === 0 ? undefined : kept;
  }
  return value;
}

function removeBelow(item: unknown, element: PathElement, shape: Shape | undefined, set: FieldSet): unknown {
  if (set.members.has(element)) return undefined;
  const below = set.children.get(element);
  return below === undefined || shape === undefined ? item : removeFields(item, shape, below);
}

/** The set and every struct field that has something of it below. */
export function withNamedFields(set: FieldSet, shape: Shape): FieldSet {
  const result = new FieldSet();
  for (const member of set.members) result.members.add(member);
  for (const [element, child] of set.children) {
    if (shape.form === 'struct' && element.startsWith('f:')) result.members.add(element);
    result.addChild(element, withNamedFields(child, shapeBelow(shape, element)));
  }
  return result;
}

function shapeBelow(shape: Shape, element: PathElement): Shape {
  if (element.startsWith('f:') && isObjectShape(shape))
    return shapeOfEntry(shape, element.slice(2)) ?? { form: 'untyped' };
  return isListShape(shape) ? itemShape(shape) : { form: 'untyped' };
}
