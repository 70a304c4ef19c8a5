// The lists of strategic merge patches: merging by key or by value, and the
// order of what comes out, which Kubernetes makes from the patch's order and the
// server's. Order is seen by users: new items stand before the server's own.
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { PatchError } from './patch-error.ts';

export const directive = '$patch';
export const setElementOrder = '$setElementOrder';

type ListMerge = {
  /** From $deleteFromPrimitiveList: scalars of the patch are taken out. */
  isDeletion: boolean;
  mergeItem: (item: JsonObject, patch: JsonObject) => JsonObject;
  newItem: (item: JsonObject) => JsonObject;
};

/** The type that Go would see in JSON: integers and other numbers are two. */
export function goKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float';
  return typeof value;
}

/** The one kind that all items have; no nulls, no lists. */
function itemKind(...lists: unknown[][]): string {
  const kinds = new Set(lists.flat().map(goKind));
  const [kind] = kinds;
  if (kind === undefined) throw new PatchError('no elements in any of the lists');
  if (kinds.size > 1 || kind === 'list' || kind === 'null')
    throw new PatchError(`list elements must be of one type and no lists, found ${[...kinds].join(', ')}`);
  return kind;
}

function keyOf(item: unknown, mergeKey: string): unknown {
  if (!isJsonObject(item)) throw new PatchError(`expected an object, found ${JSON.stringify(item)}`);
  if (!Object.hasOwn(item, mergeKey))
    throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  return item[mergeKey];
}

/**
 * Merges a patch into a list with the strategy `merge`; `mergeKey` is undefined for scalars.
 * `serverOrder` is the order to compare with in `orderMerged`: the target's, without what was deleted.
 */
export function mergeList(
  target: unknown[],
  patch: unknown[],
  mergeKey: string | undefined,
  merge: ListMerge,
): { list: unknown[]; serverOrder: unknown[] } {
  if (target.length === 0 && patch.length === 0) return { list: target, serverOrder: target };
  if (itemKind(target, patch) !== 'object') {
    if (merge.isDeletion) return { list: target.filter((item) => !patch.includes(item)), serverOrder: target };
    const merged = [...new Set([...target, ...patch])];
    return { list: arrange(merged, patch, target, (item) => item), serverOrder: target };
  }
  if (mergeKey === undefined) throw new PatchError('cannot merge lists without merge key');
  const { kept, changes, isReplaced } = obeyItems(target as JsonObject[], patch as JsonObject[], mergeKey);
  if (isReplaced) {
    for (const item of changes) keyOf(item, mergeKey);
    return { list: changes.map((item) => merge.newItem(item)), serverOrder: target };
  }
  const merged = mergeItems(kept, changes, mergeKey, merge);
  // Added items take the places of deleted ones in the order that a later $setElementOrder compares with.
  const places = [...kept, ...merged.slice(kept.length)].slice(0, target.length);
  return {
    list: arrange(merged, changes, kept, (item) => keyOf(item, mergeKey)),
    serverOrder: [...places, ...target.slice(places.length)],
  };
}

/** Carries out the items that are directives: deletions, and the replacement of all. */
function obeyItems(
  target: JsonObject[],
  patch: JsonObject[],
  mergeKey: string,
): { kept: JsonObject[]; changes: JsonObject[]; isReplaced: boolean } {
  let kept = [...target];
  const changes: JsonObject[] = [];
  let isReplaced = false;
  for (const item of patch) {
    if (!isDirected(item)) changes.push(item);
    else if (item[directive] === 'replace') isReplaced = true;
    else if (item[directive] === 'delete') {
      const key = keyOf(item, mergeKey);
      kept = kept.filter((existing) => !Object.hasOwn(existing, mergeKey) || existing[mergeKey] !== key);
    } else throw new PatchError(`unknown patch directive $patch: ${JSON.stringify(item[directive])} in a list`);
  }
  return { kept, changes, isReplaced };
}

function mergeItems(kept: JsonObject[], changes: JsonObject[], mergeKey: string, merge: ListMerge): JsonObject[] {
  const merged = [...kept];
  for (const item of changes) {
    const key = keyOf(item, mergeKey);
    const index = merged.findIndex((existing) => Object.hasOwn(existing, mergeKey) && existing[mergeKey] === key);
    const existing = merged[index];
    if (existing === undefined) merged.push({ ...merge.newItem(item), [mergeKey]: key });
    else merged[index] = merge.mergeItem(existing, item);
  }
  return merged;
}

/** Puts a merged list in the order of $setElementOrder; `lists` are the server's and the patch's, which tell the items' type. */
export function orderMerged(
  merged: unknown[],
  order: unknown[],
  serverOrder: unknown[],
  lists: unknown[][],
  mergeKey: string | undefined,
): unknown[] {
  const isOfObjects = itemKind(...lists) === 'object';
  if (mergeKey === undefined && isOfObjects) throw new PatchError(`cannot order a list without merge key`);
  const identity = (item: unknown): unknown => (mergeKey === undefined ? item : keyOf(item, mergeKey));
  if (mergeKey === undefined && order.some(isJsonObject)) throw new PatchError('expected an order of scalars');
  return arrange(merged, order, serverOrder, identity);
}

/** Refuses an order that lacks items of the patch or has them the other way round. */
export function assertOrderFits(patch: unknown[], order: unknown[], mergeKey: string | undefined): void {
  if (patch.length === 0 || order.length === 0) return;
  const identity = (item: unknown): unknown => (mergeKey === undefined ? item : keyOf(item, mergeKey));
  const isDeleted = (item: unknown): boolean =>
    mergeKey !== undefined && isJsonObject(item) && item[directive] === 'delete';
  const items = patch.filter((item) => !isDeleted(item));
  let next = 0;
  for (const wanted of order) {
    while (isDirected(items[next])) next += 1;
    if (next === items.length) return;
    if (identity(items[next]) === identity(wanted)) next += 1;
  }
  // A directive after the last named item counts as one that the order lacks: so does Kubernetes.
  if (next < items.length)
    throw new PatchError(`the order in the patch does not match ${setElementOrder}: ${JSON.stringify(order)}`);
}

function isDirected(item: unknown): boolean {
  return isJsonObject(item) && Object.hasOwn(item, directive);
}

/**
 * Items that `order` names come in that order; the others keep the server's order among themselves.
 * One of the others goes before a named one only where the server knows both and has it before.
 */
function arrange(
  merged: unknown[],
  order: unknown[],
  serverOrder: unknown[],
  identity: (item: unknown) => unknown,
): unknown[] {
  const wanted = order.map(identity);
  const known = serverOrder.map(identity);
  const named = sortBy(
    merged.filter((item) => wanted.includes(identity(item))),
    wanted,
    identity,
  );
  const others = sortBy(
    merged.filter((item) => !wanted.includes(identity(item))),
    known,
    identity,
  );
  const result: unknown[] = [];
  let next = 0;
  for (const item of others) {
    const place = known.indexOf(identity(item));
    const isBefore = (other: unknown): boolean => {
      const otherPlace = known.indexOf(identity(other));
      return place >= 0 && otherPlace >= 0 && place < otherPlace;
    };
    while (next < named.length && !isBefore(named[next])) result.push(named[next++]);
    result.push(item);
  }
  return [...result, ...named.slice(next)];
}

/** Insertion sort by the places in `order`; items without a place go before all that stand before them. */
function sortBy(items: unknown[], order: unknown[], identity: (item: unknown) => unknown): unknown[] {
  const sorted: unknown[] = [];
  const place = (item: unknown): number => order.indexOf(identity(item));
  for (const item of items) {
    let index = sorted.length;
    while (index > 0) {
      const [left, right] = [place(sorted[index - 1]), place(item)];
      if (left >= 0 && right >= 0 && left <= right) break;
      index -= 1;
    }
    sorted.splice(index, 0, item);
  }
  return sorted;
}
