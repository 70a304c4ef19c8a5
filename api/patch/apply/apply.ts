// Server-side apply: merging what a manager wants into an object, and keeping
// account of who owns which fields, on applies and on all other writes.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
import type { JsonObject, KubeObject } from '../../meta/object.ts';
import { withCanonicalQuantities } from '../../schema/canonical.ts';
import { PatchError } from '../patch-error.ts';
import { FieldSet, formatPath } from './field-set.ts';
import { fieldsLastApplied, upgradedManager, withNote } from './last-applied.ts';
import {
  asksForReset,
  capManaged,
  type Managed,
  type Manager,
  managerKey,
  readManaged,
  unreadable,
  withoutManaged,
  withoutMeta,
  writeManaged,
} from './managed-fields.ts';
import { type Shape, shapeOfType } from './shape.ts';
import {
  compareValues,
  fieldsOf,
  mergeValues,
  reconciled,
  removeFields,
  sameValues,
  withNamedFields,
} from './typed-values.ts';
import { validateConfiguration } from './validation.ts';

/** How a write is accounted for. */
export type WriteContext = {
  manager: Manager;
  typeId: string;
  /** Fields that this request can't set: they are not owned for having been in it. */
  resetFields: FieldSet;
  /** RFC 3339, whole seconds. */
  time: string;
  /** Whether objects of the kind still are to be had in an API version; all are when it is left out. */
  isServed?: (apiVersion: string) => boolean;
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

/** The managers as their type is today; who wrote in a version that is no more is forgotten. */
function tableOf(managed: readonly Managed[], shape: Shape, { isServed }: WriteContext): Table {
  const table: Table = new Map();
  for (const entry of managed) {
    if (isServed !== undefined && !isServed(entry.manager.apiVersion)) continue;
    table.set(managerKey(entry.manager), withSet(entry, reconciled(entry.set, shape)));
  }
  return table;
}

/** The entry with another set, or as it is with its own. */
function withSet(entry: Managed, set: FieldSet): Managed {
  return set === entry.set ? entry : { manager: entry.manager, set, time: entry.time };
}

/** Takes fields from all other managers; who owns nothing any more vanishes. */
function takeFromOthers(table: Table, own: string, taken: FieldSet): void {
  for (const [key, entry] of table) {
    const set = key === own || !entry.set.overlaps(taken) ? entry.set : entry.set.difference(taken);
    if (set.isEmpty()) table.delete(key);
    else table.set(key, withSet(entry, set));
  }
}

const nothing: KubeObject = { metadata: {} as KubeObject['metadata'] };

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
  const isOwn = context.manager.subresource === undefined;
  const isReset = isOwn && asksForReset(asked);
  const given = isOwn && !isReset ? readManaged(asked, false) : undefined;
  const kept = isReset ? [] : (readManaged(old?.metadata.managedFields, true) ?? []);
  const before = given !== undefined && given.length > 0 ? given : kept;
  // An object that is not accounted for stays so until somebody applies to it.
  if (before.length === 0 && old !== undefined) return undefined;
  const table = tableOf(before, shapeOfType(context.typeId), context);
  try {
    bookUpdate(table, old ?? nothing, next, context);
  } catch (error) {
    // Items without their keys can't be told apart: whose they are stays as it was, as in Kubernetes.
    if (!(error instanceof PatchError)) throw error;
    return writeManaged(before);
  }
  return writeManaged(capManaged([...table.values()]));
}

/** Books what differs between two states to the manager of the write. */
function bookUpdate(table: Table, old: KubeObject, next: KubeObject, context: WriteContext): void {
  const { manager, resetFields, time } = context;
  const changes = compareValues(withoutManaged(old), withoutManaged(next), shapeOfType(context.typeId));
  const [added, removed, modified] = [changes.added, changes.removed, changes.modified].map((set) =>
    set.recursiveDifference(resetFields),
  ) as [FieldSet, FieldSet, FieldSet];
  const written = added.union(modified);
  takeFromOthers(table, '', written.union(removed));
  const own = withoutMeta(written);
  if (own.isEmpty()) return;
  const key = managerKey(manager);
  const set = own.union(table.get(key)?.set ?? new FieldSet());
  table.set(key, { manager: named(manager), set, time });
}

function named(manager: Manager): Manager {
  return { ...manager, name: manager.name || 'unknown' };
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
  const { manager } = context;
  const shape = shapeOfType(context.typeId);
  validateConfiguration(configuration, shape);
  const managed = readManaged(live?.metadata.managedFields, true);
  if (managed === undefined)
    throw new PatchError(`failed to decode managed fields: ${unreadable(live?.metadata.managedFields)}`);
  const old = live === undefined ? undefined : withoutManaged(live);
  const table = tableOf(managed, shape, context);
  if (managed.length === 0 && old !== undefined) {
    // Owns what was there before anybody's fields were accounted for.
    bookUpdate(table, nothing, old, {
      ...context,
      manager: { ...manager, name: beforeFirstApply, operation: 'Update' },
    });
  }
  const run = (isForced: boolean, pardoned?: FieldSet): Applied =>
    merge(new Map(table), old, configuration, isForced, pardoned, context);
  if (manager.name !== upgradedManager) return run(force);
  const pardoned = old === undefined ? undefined : fieldsLastApplied(old, manager.apiVersion, shape);
  const { object, managedFields } = run(force, pardoned);
  return { object: withNote(object, configuration), managedFields };
}

function merge(
  table: Table,
  old: KubeObject | undefined,
  configuration: KubeObject,
  force: boolean,
  pardoned: FieldSet | undefined,
  context: WriteContext,
): Applied {
  const { manager, resetFields, time } = context;
  const shape = shapeOfType(context.typeId);
  const key = managerKey(manager);
  const known = table.get(key);
  const set = fieldsOf(configuration, shape).recursiveDifference(resetFields);
  const merged = (mergeValues(old, configuration, shape) ?? {}) as KubeObject;
  table.set(key, { manager: named(manager), set, time: known?.time });
  const object = prune(merged, table, known?.set ?? new FieldSet(), shape) as KubeObject;
  object.metadata ??= {} as KubeObject['metadata'];
  const { added, modified, removed } = compareValues(old ?? nothing, object, shape, true);
  const touched = added.union(modified).recursiveDifference(resetFields);
  if (!force) requireNoConflicts(table, key, touched, pardoned);
  takeFromOthers(table, key, touched.union(removed.recursiveDifference(resetFields)));
  // Who applies `0.5` again where `500m` became of it changes nothing. (For others it conflicts, as in Kubernetes.)
  const isSame = sameValues(old ?? nothing, withCanonicalQuantities(object, context.typeId), shape);
  table.set(key, { manager: named(manager), set: withoutMeta(set), time: isSame ? known?.time : time });
  return { object, managedFields: writeManaged([...table.values()]) };
}

/** Takes out what the manager had applied before, does not apply any more, and nobody else owns. */
function prune(merged: unknown, table: Table, last: FieldSet, shape: Shape): unknown {
  if (last.isEmpty()) return merged;
  const inFull = (set: FieldSet): FieldSet => withNamedFields(set, shape);
  const mergedFields = inFull(fieldsOf(merged, shape));
  const pruned = removeFields(merged, shape, inFull(last));
  const managed = [...table.values()].reduce((all, { set }) => all.union(set), new FieldSet());
  const keep = inFull(fieldsOf(pruned ?? {}, shape)).union(inFull(managed));
  const withOwned = removeFields(merged, shape, mergedFields.difference(keep)) ?? {};
  // What nobody ever owned came from defaults or from the server, and stays unless its item went.
  const dangling = mergedFields.difference(inFull(fieldsOf(withOwned, shape))).intersection(inFull(last));
  return removeFields(merged, shape, dangling) ?? {};
}

/** `pardoned` are fields that may be taken, but only if nothing else stands in the way. */
function requireNoConflicts(table: Table, own: string, touched: FieldSet, pardoned = new FieldSet()): void {
  const conflicts: { who: string; fields: string[] }[] = [];
  for (const [, { manager, set }] of [...table].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (managerKey(manager) === own) continue;
    const fields = [...set.intersection(touched).difference(pardoned).paths()].map(formatPath);
    if (fields.length > 0) conflicts.push({ who: describeManager(manager), fields });
  }
  const total = conflicts.reduce((sum, { fields }) => sum + fields.length, 0);
  if (total === 0) return;
  const groups = conflicts.map(({ who, fields }) =>
    total === 1
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
