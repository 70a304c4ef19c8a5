// Server-side apply: merging what a manager wants into an object, and keeping
// account of who owns which fields, on applies and on all other writes.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
import { type JsonObject, jsonEqual, type KubeObject } from '../../meta/object.ts';
import { FieldSet, formatPath } from './field-set.ts';
import {
  asksForReset,
  capManaged,
  type Managed,
  type Manager,
  managerKey,
  readManaged,
  withoutManaged,
  withoutMeta,
  writeManaged,
} from './managed-fields.ts';
import { type Shape, shapeOfType } from './shape.ts';
import { compareValues, fieldsOf, mergeValues, removeFields, withNamedFields } from './typed-values.ts';

/** How a write is accounted for. */
export type WriteContext = {
  manager: Manager;
  typeId: string;
  /** Fields that this request can't set: they are not owned for having been in it. */
  resetFields: FieldSet;
  /** RFC 3339, whole seconds. */
  time: string;
};

/** One field that another manager owns. */
export type FieldConflict = { field: string; message: string };

/** Other managers own what an apply would change. */
export class ConflictError extends Error {
  readonly conflicts: readonly FieldConflict[];

  constructor(message: string, conflicts: readonly FieldConflict[]) {
    super(message);
    this.name = 'ConflictError';
    this.conflicts = conflicts;
  }
}

/** Owns what was there before anybody's fields were accounted for. */
const beforeFirstApply = 'before-first-apply';

type Table = Map<string, Managed>;

function tableOf(managed: readonly Managed[]): Table {
  const table: Table = new Map();
  for (const entry of managed) {
    const key = managerKey(entry.manager);
    const known = table.get(key);
    table.set(key, known === undefined ? entry : { ...entry, set: known.set.union(entry.set) });
  }
  return table;
}

function setOf(table: Table, key: string): FieldSet {
  return table.get(key)?.set ?? new FieldSet();
}

/** What all other managers own; sets that become empty vanish with the next look. */
function changeOthers(table: Table, own: string, change: (set: FieldSet) => FieldSet): void {
  for (const [key, entry] of table) {
    if (key === own) continue;
    const set = change(entry.set);
    if (set.isEmpty()) table.delete(key);
    else table.set(key, { ...entry, set });
  }
}

/**
 * metadata.managedFields of an object that a create (`old` undefined), update or patch makes.
 * `asked` is what the body said of them.
 */
export function trackUpdate(
  old: KubeObject | undefined,
  next: KubeObject,
  asked: unknown,
  context: WriteContext,
): JsonObject[] | undefined {
  const { manager } = context;
  const kept = old === undefined ? [] : readManaged(old.metadata.managedFields);
  const given = manager.subresource === undefined && asked !== undefined ? readManaged(asked) : undefined;
  if (manager.subresource === undefined && asksForReset(asked)) return undefined;
  const before = given !== undefined && given.length > 0 ? given : (kept ?? []);
  // An object that is not accounted for stays so until somebody applies to it.
  if (before.length === 0 && old !== undefined) return undefined;
  const table = tableOf(before);
  const isChanged = accountUpdate(table, old ?? { metadata: {} as KubeObject['metadata'] }, next, context);
  if (!isChanged && old !== undefined && given === undefined)
    return old.metadata.managedFields as JsonObject[] | undefined;
  return writeManaged(capManaged([...table.values()]));
}

/** Books what differs between two states to the manager of the write; tells whether that changed anything. */
function accountUpdate(table: Table, old: KubeObject, next: KubeObject, context: WriteContext): boolean {
  const shape = shapeOfType(context.typeId);
  const { added, removed, modified } = compareValues(withoutManaged(old), withoutManaged(next), shape);
  const touched = added.union(removed).union(modified);
  if (touched.isEmpty()) return false;
  const key = managerKey(context.manager);
  changeOthers(table, key, (set) => set.difference(touched));
  const known = table.get(key);
  const before = setOf(table, key);
  const set = withoutMeta(
    before.difference(removed).union(modified).union(added).recursiveDifference(context.resetFields),
  );
  // Who only took things away owns nothing new, and is not written down anew.
  const time = known !== undefined && set.difference(before).isEmpty() ? known.time : context.time;
  if (set.isEmpty()) table.delete(key);
  else table.set(key, { manager: context.manager, set, time });
  return true;
}

export type Applied = {
  /** The object with the configuration in it; nulls are still to be dropped, defaults to be set. */
  object: KubeObject;
  managedFields: JsonObject[] | undefined;
};

/**
 * Applies a configuration to an object, or to none.
 * @throws PatchError when the configuration does not fit the type
 * @throws ConflictError unless `force`
 */
export function applyConfiguration(
  live: KubeObject | undefined,
  configuration: KubeObject,
  force: boolean,
  context: WriteContext,
): Applied {
  const { manager, time } = context;
  const shape = shapeOfType(context.typeId);
  const old = live === undefined ? undefined : withoutManaged(live);
  const table = tableOf(readManaged(live?.metadata.managedFields) ?? []);
  if (table.size === 0 && old !== undefined) {
    const first: Manager = { ...manager, name: beforeFirstApply, operation: 'Update' };
    accountUpdate(table, { metadata: {} as KubeObject['metadata'] }, old, {
      ...context,
      manager: first,
      resetFields: new FieldSet(),
    });
  }
  const key = managerKey(manager);
  const last = setOf(table, key);
  const set = fieldsOf(configuration, shape, true).recursiveDifference(context.resetFields);
  const merged = (mergeValues(old, configuration, shape) ?? {}) as KubeObject;
  table.set(key, { manager, set, time: table.get(key)?.time });
  const object = prune(merged, table, last, shape) as KubeObject;
  const { added, modified, removed } = compareValues(old ?? { metadata: {} }, object, shape);
  const touched = added.union(modified);
  if (!force) requireNoConflicts(table, key, touched);
  changeOthers(table, key, (other) => other.difference(touched).difference(removed));
  const own = withoutMeta(set);
  const isSame = old !== undefined && jsonEqual(withoutNulls(object), old);
  const known = readManaged(live?.metadata.managedFields)?.find((entry) => managerKey(entry.manager) === key);
  // Who applies what is there already has changed nothing, and gets no new time.
  table.set(key, { manager, set: own, time: isSame ? known?.time : time });
  return { object, managedFields: writeManaged([...table.values()]) };
}

function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, item: unknown) => (item === null ? undefined : item)));
}

/** Takes out what the manager had applied before, does not apply any more, and nobody else owns. */
function prune(merged: unknown, table: Table, last: FieldSet, shape: Shape): unknown {
  if (last.isEmpty()) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, shape);
  const mergedFields = fieldsOf(merged, shape);
  const pruned = removeFields(merged, shape, named(last));
  const managed = [...table.values()].reduce((all, { set }) => all.union(set), new FieldSet());
  const keep = named(fieldsOf(pruned ?? {}, shape)).union(named(managed));
  const withOwned = removeFields(merged, shape, named(mergedFields).difference(keep)) ?? {};
  // What nobody ever owned came from defaults or from the server, and stays unless its item went.
  const dangling = named(mergedFields)
    .difference(named(fieldsOf(withOwned, shape)))
    .intersection(named(last));
  return removeFields(merged, shape, dangling) ?? {};
}

function requireNoConflicts(table: Table, own: string, touched: FieldSet): void {
  const conflicts: { who: string; fields: string[] }[] = [];
  for (const [key, { manager, set }] of [...table].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key === own) continue;
    const fields = [...set.intersection(touched).paths()].map(formatPath);
    if (fields.length > 0) conflicts.push({ who: describeManager(manager), fields });
  }
  const total = conflicts.reduce((sum, { fields }) => sum + fields.length, 0);
  if (total === 0) return;
  const groups = conflicts.map(({ who, fields }) =>
    fields.length === 1 && total === 1
      ? `conflict with ${who}: ${fields[0]}`
      : `conflicts with ${who}:\n${fields.map((field) => `- ${field}`).join('\n')}`,
  );
  throw new ConflictError(
    `Apply failed with ${total} conflict${total === 1 ? '' : 's'}: ${groups.join('\n')}`,
    conflicts.flatMap(({ who, fields }) => fields.map((field) => ({ field, message: `conflict with ${who}` }))),
  );
}

function describeManager({ name, operation, apiVersion, subresource }: Manager): string {
  const version = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(name)}${subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`}${version}`;
}
