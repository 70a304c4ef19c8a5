// What server-side apply does with values of known shape: which fields there
// are, how two values differ, one merged over another, fields taken out.
import { isJsonObject, type JsonObject, jsonEqual } from '../../meta/object.ts';
import { FieldSet, fieldElement, type PathElement } from './field-set.ts';
import { anything, asGoWrites, elementOf, type Shape, shapeOfEntry } from './shape.ts';

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

/** The fields of a value that fits its shape; what comes twice in a list is one field. */
export function fieldsOf(value: unknown, shape: Shape): FieldSet {
  const set = new FieldSet();
  collect(value, shape, set);
  return set;
}

/** Adds the fields below a value; tells whether the value counts as a field itself. */
function collect(value: unknown, shape: Shape, set: FieldSet): boolean {
  if (value === null) return true;
  if (isObjectShape(shape) && isJsonObject(value)) {
    for (const [name, item] of Object.entries(value)) collectEntry(item, shape, name, set);
    return Object.keys(value).length === 0;
  }
  if (!isListShape(shape)) return true;
  collectItems(asList(value), shape, set);
  return false;
}

function collectEntry(item: unknown, shape: ObjectShape, name: string, set: FieldSet): void {
  const own = shapeOfEntry(shape, name);
  if (own === undefined) return;
  const child = new FieldSet();
  const element = fieldElement(name);
  if (collect(item, own, child) || shape.form === 'map') set.members.add(element);
  set.addChild(element, child);
}

function collectItems(list: unknown[], shape: ListShape, set: FieldSet): void {
  for (const [element, items] of indexItems(list, shape).items) {
    set.members.add(element);
    // What comes twice is owned as a whole.
    if (items.length > 1) continue;
    const child = new FieldSet();
    collect(items[0], shape.element, child);
    set.addChild(element, child);
  }
}

/** How a value became another: paths of fields that came, went, or hold something else. */
export type Comparison = { added: FieldSet; removed: FieldSet; modified: FieldSet };

/**
 * Compares two objects of a type; fields that are absent are as Go writes them. Where a value counts as one
 * the second is taken literally when `isLiteral`: a configuration over an object, not another state of it.
 */
export function compareValues(before: unknown, after: unknown, shape: Shape, isLiteral = false): Comparison {
  const result = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet(), isLiteral };
  compareInto(before, after, shape, result);
  return result;
}

type Comparing = Comparison & { isLiteral: boolean };

/** Whether two values that count as one each are the same. */
function sameLeaf(before: unknown, after: unknown, shape: Shape, isLiteral: boolean): boolean {
  // What comes from the object itself is the same value, whatever Go would write of it.
  if (before === after) return true;
  return jsonEqual(asGoWrites(before, shape), isLiteral ? after : asGoWrites(after, shape));
}

/** Fills in what differs below; tells whether the value itself counts as `added`, `removed` or `modified`. */
function compareInto(before: unknown, after: unknown, shape: Shape, result: Comparing): keyof Comparison | undefined {
  const own = before === undefined ? 'added' : after === undefined ? 'removed' : undefined;
  if (shape.form === 'leaf') {
    if (own !== undefined) return own;
    return sameLeaf(before, after, shape, result.isLiteral) ? undefined : 'modified';
  }
  if (isEmptyValue(before) && isEmptyValue(after)) {
    if (own !== undefined) return own;
    return (before === null) === (after === null) ? undefined : 'modified';
  }
  if (isObjectShape(shape)) compareEntries(before, after, shape, result);
  else compareItems(asList(before), asList(after), shape, result);
  return own;
}

/** Compares what stands under one element of both values, into the sets above it. */
function compareChild(element: PathElement, before: unknown, after: unknown, shape: Shape, result: Comparing): void {
  const { isLiteral } = result;
  const below = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet(), isLiteral };
  const own = compareInto(before, after, shape, below);
  if (own !== undefined) result[own].members.add(element);
  for (const name of ['added', 'removed', 'modified'] as const) result[name].addChild(element, below[name]);
}

function compareEntries(before: unknown, after: unknown, shape: ObjectShape, result: Comparing): void {
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
    const known = items.get(element);
    if (known === undefined) items.set(element, [item]);
    else known.push(item);
    return element;
  });
  return { order, items };
}

function compareItems(before: unknown[], after: unknown[], shape: ListShape, result: Comparing): void {
  const [left, right] = [indexItems(before, shape).items, indexItems(after, shape).items];
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const [was, is] = [left.get(element), right.get(element)];
    const [wasTwice, isTwice] = [(was?.length ?? 0) > 1, (is?.length ?? 0) > 1];
    if (wasTwice && isTwice) {
      if (!jsonEqual(was, is)) result.modified.members.add(element);
      continue;
    }
    // Of an item that comes twice no parts are known: they come when it is one again, and go when it is doubled.
    const [single, nowSingle] = [wasTwice ? undefined : was?.[0], isTwice ? undefined : is?.[0]];
    if (single !== undefined || nowSingle !== undefined)
      compareChild(element, single, nowSingle, shape.element, result);
    if (wasTwice) result.removed.members.add(element);
    if (isTwice) result.added.members.add(element);
  }
}

/** `patch` over `live`; undefined when nothing is left. */
export function mergeValues(live: unknown, patch: unknown, shape: Shape): unknown {
  if (patch === undefined) return live;
  if (shape.form === 'leaf') return patch;
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
    merged.push(mergeValues(base, right.items.get(element)?.[0], shape.element));
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
export function removeFields(value: unknown, shape: Shape, set: FieldSet): unknown {
  if (set.isEmpty()) return value;
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
      .map((item, index) => removeBelow(item, elementOf(shape, item, index), shape.element, set))
      .filter((item) => item !== undefined && item !== null);
    return kept.length === 0 ? undefined : kept;
  }
  return value;
}

function removeBelow(item: unknown, element: PathElement, shape: Shape | undefined, set: FieldSet): unknown {
  if (set.members.has(element)) return undefined;
  const below = set.children.get(element);
  // What has lost all its parts is null, not gone: who owns the whole goes on owning it.
  return below === undefined || shape === undefined ? item : (removeFields(item, shape, below) ?? null);
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
  if (element.startsWith('f:') && isObjectShape(shape)) return shapeOfEntry(shape, element.slice(2)) ?? anything;
  return isListShape(shape) ? shape.element : anything;
}

/** Whether a configuration over an object (`b`) leaves it (`a`) as it is, also in the order of lists. */
export function sameValues(a: unknown, b: unknown, shape: Shape): boolean {
  if (isListShape(shape) && Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => sameValues(item, b[index], shape.element));
  if (!isObjectShape(shape) || !isJsonObject(a) || !isJsonObject(b)) return sameLeaf(a, b, shape, true);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => {
    const field = shape.form === 'struct' ? shape.fields.get(name) : undefined;
    const [left = field?.zero, right = field?.zero] = [a[name], b[name]];
    const entry = shapeOfEntry(shape, name);
    return entry === undefined ? jsonEqual(left, right) : sameValues(left, right, entry);
  });
}

/** A set of fields as the type has them now: parts of what has become one value are that value. */
export function reconciled(set: FieldSet, shape: Shape): FieldSet {
  const result = new FieldSet();
  let isSame = true;
  for (const member of set.members) result.members.add(member);
  for (const [element, child] of set.children) {
    const below = shapeBelow(shape, element);
    const isWhole = below.form === 'leaf' && typeof below.content === 'object';
    const kept = isWhole && !child.isEmpty() ? undefined : reconciled(child, below);
    if (kept === undefined) result.members.add(element);
    else result.addChild(element, kept);
    isSame &&= kept === child;
  }
  return isSame ? set : result;
}
