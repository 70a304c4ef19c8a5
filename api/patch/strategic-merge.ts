// Strategic merge patch: a merge patch that knows which lists are merged by key.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
import { isJsonObject, type JsonObject, jsonEqual } from '../meta/object.ts';
import { elementType, type FieldSchema, isType, jsonFields } from '../schema/schema.ts';
import { PatchError } from './patch-error.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const setOrder = '$setElementOrder/';
const deletePrimitive = '$deleteFromPrimitiveList/';

/**
 * Applies the patch to an object of the given type; neither argument is changed.
 * @throws PatchError for directives that are unknown or used in the wrong place
 */
export function applyStrategicMergePatch(target: JsonObject, patch: JsonObject, typeId: string): JsonObject {
  return mergeStruct(target, patch, typeId);
}

function mergeStruct(target: JsonObject, patch: JsonObject, typeId: string | undefined): JsonObject {
  const action = patch[directive];
  if (action === 'replace') return stripDirectives(without(patch, directive)) as JsonObject;
  if (action === 'delete') return {};
  if (action !== undefined && action !== 'merge')
    throw new PatchError(`unknown patch directive $patch: ${JSON.stringify(action)}`);
  const result = retain(target, patch[retainKeys]);
  const fields = typeId !== undefined && isType(typeId) ? jsonFields(typeId) : undefined;
  for (const [key, value] of Object.entries(patch)) {
    if (key === directive || key === retainKeys || key.startsWith(setOrder) || key.startsWith(deletePrimitive))
      continue;
    const current = Object.hasOwn(result, key) ? result[key] : undefined;
    if (value === null) delete result[key];
    else
      Object.defineProperty(result, key, {
        value: mergeField(current, value, fields?.get(key)),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  deleteFromPrimitiveLists(result, patch);
  applyElementOrders(result, patch, fields);
  return result;
}

function mergeField(current: unknown, value: unknown, field: FieldSchema | undefined): unknown {
  const element = field === undefined ? undefined : elementType(field.type);
  if (Array.isArray(value)) {
    const isMerged = field?.patchStrategy?.split(',').includes('merge') ?? false;
    if (!isMerged) return value.map(stripDirectives);
    const list = Array.isArray(current) ? current : [];
    if (field?.patchMergeKey === undefined) return mergePrimitives(list, value);
    return mergeByKey(list, value, field.patchMergeKey, element);
  }
  if (!isJsonObject(value)) return value;
  if (field?.patchStrategy?.split(',').includes('replace')) return stripDirectives(value);
  const inner = element ?? field?.type;
  if (field?.type.startsWith('map:')) {
    return mergeStruct(isJsonObject(current) ? current : {}, value, undefined);
  }
  return mergeStruct(isJsonObject(current) ? current : {}, value, inner);
}

function mergePrimitives(current: unknown[], patch: unknown[]): unknown[] {
  return [...current, ...patch.filter((item) => !current.includes(item))];
}

function mergeByKey(current: unknown[], patch: unknown[], mergeKey: string, element: string | undefined): unknown[] {
  if (patch.some((item) => isJsonObject(item) && item[directive] === 'replace')) {
    return patch.filter((item) => !(isJsonObject(item) && item[directive] === 'replace')).map(stripDirectives);
  }
  let result = [...current];
  for (const item of patch) {
    if (!isJsonObject(item))
      throw new PatchError(`expected an object with the merge key "${mergeKey}", found ${JSON.stringify(item)}`);
    const key = item[mergeKey];
    if (key === undefined)
      throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    if (item[directive] === 'delete') {
      result = result.filter((existing) => !(isJsonObject(existing) && jsonEqual(existing[mergeKey], key)));
      continue;
    }
    const index = result.findIndex((existing) => isJsonObject(existing) && jsonEqual(existing[mergeKey], key));
    const merged = mergeStruct(index < 0 ? {} : (result[index] as JsonObject), item, element);
    if (index < 0) result.push(merged);
    else result[index] = merged;
  }
  return result;
}

function retain(target: JsonObject, keys: unknown): JsonObject {
  if (keys === undefined) return { ...target };
  if (!Array.isArray(keys)) throw new PatchError('$retainKeys must be a list of field names');
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)));
}

function deleteFromPrimitiveLists(result: JsonObject, patch: JsonObject): void {
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(deletePrimitive)) continue;
    const field = key.slice(deletePrimitive.length);
    const list = result[field];
    if (!Array.isArray(value)) throw new PatchError(`${key} must be a list`);
    if (Array.isArray(list)) result[field] = list.filter((item) => !value.includes(item));
  }
}

/** Orders merged lists as the patch's author saw them; items that the patch does not name keep their neighbours. */
function applyElementOrders(result: JsonObject, patch: JsonObject, fields: Map<string, FieldSchema> | undefined): void {
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(setOrder)) continue;
    const name = key.slice(setOrder.length);
    const list = result[name];
    if (!Array.isArray(order)) throw new PatchError(`${key} must be a list`);
    if (!Array.isArray(list)) continue;
    const mergeKey = fields?.get(name)?.patchMergeKey;
    const identity = (item: unknown): unknown => (mergeKey !== undefined && isJsonObject(item) ? item[mergeKey] : item);
    result[name] = orderList(list, order.map(identity), identity);
  }
}

function orderList(list: unknown[], order: unknown[], identity: (item: unknown) => unknown): unknown[] {
  const position = (item: unknown): number => order.findIndex((wanted) => jsonEqual(wanted, identity(item)));
  const named = list.filter((item) => position(item) >= 0).sort((a, b) => position(a) - position(b));
  const result: unknown[] = [];
  let next = 0;
  for (const item of list) result.push(position(item) >= 0 ? named[next++] : item);
  return result;
}

function stripDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripDirectives);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).filter(
    ([key, item]) =>
      item !== null &&
      key !== directive &&
      key !== retainKeys &&
      !key.startsWith(setOrder) &&
      !key.startsWith(deletePrimitive),
  );
  return Object.fromEntries(entries.map(([key, item]) => [key, stripDirectives(item)]));
}

function without(object: JsonObject, key: string): JsonObject {
  const { [key]: _, ...rest } = object;
  return rest;
}
