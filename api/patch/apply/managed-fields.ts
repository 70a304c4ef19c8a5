// metadata.managedFields: who owns which fields, read and written.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
import { isJsonObject, type JsonObject, type KubeObject } from '../../meta/object.ts';
import { FieldSet, goJson } from './field-set.ts';

/** Who writes, and how. */
export type Manager = {
  name: string;
  operation: 'Apply' | 'Update';
  /** Of the request. */
  apiVersion: string;
  /** `status` and the like; undefined for the object itself. */
  subresource?: string | undefined;
};

/** What a manager owns, and since when. */
export type Managed = {
  manager: Manager;
  set: FieldSet;
  time?: string | undefined;
  /** The set as FieldsV1, where it stands as it was stored: most writes leave most sets alone. */
  stored?: unknown;
};

/** Most managers by update that are told apart. */
const maxUpdateManagers = 10;
/** Older ones are joined under this name. */
const ancientName = 'ancient-changes';

/** Two writes are by the same manager when this is equal; an applier's version does not matter. Also the order of conflicts. */
export function managerKey({ name, operation, apiVersion, subresource }: Manager): string {
  const version = operation === 'Apply' ? {} : { apiVersion };
  return goJson({ manager: name || 'unknown', operation, ...version, ...(subresource ? { subresource } : {}) });
}

/** Why entries can't be read; undefined when they can. */
export function unreadable(entries: unknown): string | undefined {
  for (const [index, entry] of (Array.isArray(entries) ? entries : []).entries()) {
    const { operation, apiVersion, fieldsType } = isJsonObject(entry) ? entry : ({} as JsonObject);
    if (operation !== 'Apply' && operation !== 'Update') return 'operation must be `Apply` or `Update`';
    if (typeof apiVersion !== 'string' || apiVersion === '') return 'apiVersion must not be empty';
    if (fieldsType === undefined) return `missing fieldsType in managed fields entry ${index}`;
    if (fieldsType !== 'FieldsV1')
      return `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`;
  }
  return undefined;
}

/**
 * What the managers of an object own; undefined when an entry can't be read. `isStored` for those that were written
 * here: what a client sends may be written otherwise.
 */
export function readManaged(entries: unknown, isStored: boolean): Managed[] | undefined {
  if (unreadable(entries) !== undefined) return undefined;
  const byManager = new Map<string, Managed>();
  for (const entry of (Array.isArray(entries) ? entries : []) as JsonObject[]) {
    const manager: Manager = {
      name: typeof entry.manager === 'string' ? entry.manager : '',
      operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
      apiVersion: String(entry.apiVersion),
      ...(entry.subresource ? { subresource: String(entry.subresource) } : {}),
    };
    // Of two entries of one manager the later one counts.
    byManager.set(managerKey(manager), {
      manager,
      set: FieldSet.fromFields(entry.fieldsV1),
      ...(isStored ? { stored: entry.fieldsV1 } : {}),
      ...(typeof entry.time === 'string' ? { time: entry.time } : {}),
    });
  }
  return [...byManager.values()];
}

/** Whether a client asks for the tracking of an object to end. */
export function asksForReset(entries: unknown): boolean {
  if (!Array.isArray(entries)) return false;
  return (
    entries.length === 0 || (entries.length === 1 && isJsonObject(entries[0]) && Object.keys(entries[0]).length === 0)
  );
}

/** As entries of metadata.managedFields; undefined when there are none. */
export function writeManaged(managed: readonly Managed[]): JsonObject[] | undefined {
  const entries = managed
    .filter(({ set }) => !set.isEmpty())
    .sort(compareManaged)
    .map(({ manager, set, time, stored }) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: stored ?? set.toFields(),
      ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
    }));
  return entries.length === 0 ? undefined : entries;
}

function compareManaged(a: Managed, b: Managed): number {
  const keys = ({ manager, time = '' }: Managed): string[] => [
    manager.operation,
    time,
    manager.name,
    manager.apiVersion,
    manager.subresource ?? '',
  ];
  const [left, right] = [keys(a), keys(b)];
  const index = left.findIndex((text, position) => text !== right[position]);
  if (index === -1) return 0;
  return (left[index] ?? '') < (right[index] ?? '') ? -1 : 1;
}

/** Joins the oldest managers by update, a version each, until there are few enough. */
export function capManaged(managed: readonly Managed[]): Managed[] {
  const updates = managed.filter(({ manager }) => manager.operation === 'Update').sort(compareManaged);
  let excess = updates.length - maxUpdateManagers;
  if (excess <= 0) return [...managed];
  const result = managed.filter(({ manager }) => manager.operation !== 'Update');
  const ancient = new Map<string, Managed>();
  for (const entry of updates) {
    const { apiVersion } = entry.manager;
    const known = ancient.get(apiVersion);
    if (excess < 0 || (excess === 0 && known === undefined)) {
      result.push(entry);
      continue;
    }
    if (excess > 0 || entry.manager.name === ancientName) {
      // The first of a version only takes the name; each further one makes the list shorter by one.
      const manager: Manager = { name: ancientName, operation: 'Update', apiVersion };
      ancient.set(apiVersion, {
        manager,
        set: known === undefined ? entry.set : known.set.union(entry.set),
        time: entry.time,
      });
      if (known !== undefined) excess -= 1;
    } else result.push(entry);
  }
  return [...result, ...ancient.values()];
}

/** Fields that nobody owns: they say which object it is, or are the server's. */
const strippedPaths = [
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
];
const stripped = FieldSet.of(...strippedPaths);

export function withoutMeta(set: FieldSet): FieldSet {
  return set.difference(stripped);
}

/** The object without its managedFields; the one it is made of stays as it is. */
export function withoutManaged(object: KubeObject): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}
