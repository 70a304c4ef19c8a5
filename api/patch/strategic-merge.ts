// Strategic merge patch: a merge patch that knows which lists are merged by key.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
// What the document leaves open is as test/differential/cases has it from Kubernetes.
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { elementType, type FieldSchema, isType, jsonFields } from '../schema/schema.ts';
import { PatchError } from './patch-error.ts';
import { assertOrderFits, directive, goKind, mergeList, orderMerged, setElementOrder } from './strategic-lists.ts';

const retainKeys = '$retainKeys';
const deletePrimitive = '$deleteFromPrimitiveList';

/** What is known of a value's fields: a struct's, a map's or leaf's (nothing may be merged below), or nothing at all. */
type Shape = { fields: Map<string, FieldSchema> } | 'opaque' | 'unknown';

/**
 * Applies the patch to an object of the given type; neither argument is changed.
 * @throws PatchError for directives that are unknown or used in the wrong place, and lists that can't be merged
 */
export function applyStrategicMergePatch(target: JsonObject, patch: JsonObject, typeId: string): JsonObject {
  return mergeObject(target, patch, isType(typeId) ? { fields: jsonFields(typeId) } : 'unknown');
}

function shapeOf(type: string | undefined, parent: Shape): Shape {
  if (type !== undefined && isType(type)) return { fields: jsonFields(type) };
  return parent === 'unknown' ? 'unknown' : 'opaque';
}

/** The schema of a field below which something is merged; a type that is not known at all has none. */
function lookUp(shape: Shape, name: string): FieldSchema | undefined {
  if (shape === 'unknown') return undefined;
  const field = shape === 'opaque' ? undefined : shape.fields.get(name);
  if (field === undefined) throw new PatchError(`unable to find api field "${name}" to merge its content`);
  return field;
}

/** Structs that Go writes even when nothing is in them: absent means empty. */
function emptyStruct(shape: Shape, name: string): JsonObject | undefined {
  const field = typeof shape === 'string' ? undefined : shape.fields.get(name);
  return field !== undefined && !field.pointer && isType(field.type) ? {} : undefined;
}

function strategyOf(field: FieldSchema | undefined): string | undefined {
  return field?.patchStrategy?.split(',').find((strategy) => strategy !== 'retainKeys');
}

function mergeObject(target: JsonObject, patch: JsonObject, shape: Shape): JsonObject {
  const action = patch[directive];
  if (action === 'replace') return stripDirectives(patch) as JsonObject;
  if (action === 'delete') return {};
  if (Object.hasOwn(patch, directive))
    throw new PatchError(`unknown patch directive $patch: ${JSON.stringify(action)}`);
  const result = retain(target, patch);
  const ordered = mergeOrderedLists(result, patch, shape);
  for (const [key, value] of Object.entries(patch)) {
    if (key === retainKeys || key.startsWith(setElementOrder) || ordered.has(key)) continue;
    const isDeletion = key.startsWith(deletePrimitive);
    const name = isDeletion ? listName(key, deletePrimitive) : key;
    const current = Object.hasOwn(result, name) ? result[name] : emptyStruct(shape, name);
    if (value === null) delete result[name];
    else if (goKind(current) !== goKind(value)) {
      if (!isDeletion) setNew(result, name, value);
    } else setField(result, name, mergeValue(current, value, shape, name, isDeletion));
  }
  return result;
}

/** Merges two values of the same kind. */
function mergeValue(current: unknown, value: unknown, shape: Shape, name: string, isDeletion: boolean): unknown {
  if (isJsonObject(current) && isJsonObject(value)) {
    const field = lookUp(shape, name);
    if (strategyOf(field) === 'replace') return stripDirectives(value);
    return mergeObject(current, value, shapeOf(field?.type, shape));
  }
  if (!Array.isArray(current) || !Array.isArray(value)) return value;
  const field = lookUp(shape, name);
  if (!isDeletion && strategyOf(field) !== 'merge') return stripDirectives(value);
  return mergeField(current, value, field, shape, isDeletion).list;
}

function mergeField(
  current: unknown[],
  patch: unknown[],
  field: FieldSchema | undefined,
  shape: Shape,
  isDeletion: boolean,
): ReturnType<typeof mergeList> {
  const inner = shapeOf(field === undefined ? undefined : elementType(field.type), shape);
  return mergeList(current, patch, field?.patchMergeKey, {
    isDeletion,
    mergeItem: (item, change) => mergeObject(item, change, inner),
    newItem: (item) => stripDirectives(item) as JsonObject,
  });
}

/** Merges and orders the lists for which the patch has a $setElementOrder; answers their names. */
function mergeOrderedLists(result: JsonObject, patch: JsonObject, shape: Shape): Set<string> {
  const names = new Set<string>();
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(setElementOrder)) continue;
    const name = listName(key, setElementOrder);
    const [current, change] = [listIn(result, name), listIn(patch, name)];
    if (!Array.isArray(order)) throw new PatchError(`${key} must be a list`);
    const field = lookUp(shape, name);
    const mergeKey = field?.patchMergeKey;
    assertOrderFits(change ?? [], order, mergeKey);
    if (current === undefined && change === undefined) continue;
    names.add(name);
    let merged = current ?? [];
    let serverOrder = merged;
    if (current === undefined) merged = removeDirected(change) as unknown[];
    else if (change !== undefined && strategyOf(field) !== 'merge') merged = stripDirectives(change) as unknown[];
    else if (change !== undefined) ({ list: merged, serverOrder } = mergeField(current, change, field, shape, false));
    setField(result, name, orderMerged(merged, order, serverOrder, [current ?? [], change ?? []], mergeKey));
  }
  return names;
}

/** The list of that name, or undefined when there is no such field. */
function listIn(object: JsonObject, name: string): unknown[] | undefined {
  if (!Object.hasOwn(object, name)) return undefined;
  const value = object[name];
  if (!Array.isArray(value)) throw new PatchError(`expected a list at "${name}", found ${JSON.stringify(value)}`);
  return value;
}

function listName(key: string, prefix: string): string {
  if (!key.startsWith(`${prefix}/`)) throw new PatchError(`expected ${prefix}/<list>, found ${key}`);
  return key.slice(prefix.length + 1);
}

/** A copy of the target with the fields that $retainKeys names, or with all of them. */
function retain(target: JsonObject, patch: JsonObject): JsonObject {
  if (!Object.hasOwn(patch, retainKeys)) return { ...target };
  const keys = patch[retainKeys];
  if (!Array.isArray(keys)) throw new PatchError('$retainKeys must be a list of field names');
  for (const [key, value] of Object.entries(patch)) {
    const isDirective = key === retainKeys || key.startsWith(deletePrimitive) || key.startsWith(setElementOrder);
    if (value !== null && !isDirective && !keys.includes(key))
      throw new PatchError(`$retainKeys does not name the field "${key}" of its patch`);
  }
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)));
}

/** Sets what the target did not have: without nulls, and not at all when it is a directive. */
function setNew(result: JsonObject, name: string, value: unknown): void {
  if (isJsonObject(value) && Object.hasOwn(value, directive)) delete result[name];
  else setField(result, name, removeDirected(value));
}

function setField(result: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(result, name, { value, enumerable: true, configurable: true, writable: true });
}

function isDirective(key: string): boolean {
  return (
    key === directive || key === retainKeys || key.startsWith(setElementOrder) || key.startsWith(`${deletePrimitive}/`)
  );
}

/** Content that is taken as it is: no directives, no nulls. */
function stripDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripDirectives);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).filter(([key, item]) => item !== null && !isDirective(key));
  return Object.fromEntries(entries.map(([key, item]) => [key, stripDirectives(item)]));
}

/** The same for content that is new: objects that carry a $patch are not content and go as a whole. */
function removeDirected(value: unknown): unknown {
  const isKept = (item: unknown): boolean => !isJsonObject(item) || !Object.hasOwn(item, directive);
  if (Array.isArray(value)) return value.filter(isKept).map(removeDirected);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).filter(([key, item]) => item !== null && !isDirective(key) && isKept(item));
  return Object.fromEntries(entries.map(([key, item]) => [key, removeDirected(item)]));
}
