// Server-side tables and metadata-only answers.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
import type { Column, Kind } from '../../api/kinds/kind.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';

const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  value: (object) => object.metadata.name,
};

export type IncludeObject = 'Object' | 'Metadata' | 'None';

type Row = { cells: unknown[]; object?: unknown };
export type Table = {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: JsonObject;
  columnDefinitions: JsonObject[] | undefined;
  rows: Row[];
};

/** Events begin with another column and name theirs among the wide ones. */
function columnsOf(kind: Kind): Column[] {
  return kind.columns.some((column) => column.name === nameColumn.name) ? kind.columns : [nameColumn, ...kind.columns];
}

function definitions(kind: Kind): JsonObject[] {
  return columnsOf(kind).map((column) => ({
    name: column.name,
    type: column.type,
    format: column.format ?? '',
    description: column.description,
    priority: column.priority ?? 0,
  }));
}

function rowOf(kind: Kind, object: KubeObject, nowMs: number, include: IncludeObject): Row {
  const cells = columnsOf(kind).map((column) => column.value(object, nowMs));
  if (include === 'None') return { cells };
  return { cells, object: include === 'Object' ? object : toPartial(object) };
}

/** The object as PartialObjectMetadata. */
export function toPartial(object: KubeObject): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** A table of one object. Watches send the columns only with their first event. */
export function objectTable(
  kind: Kind,
  object: KubeObject,
  nowMs: number,
  include: IncludeObject,
  withColumns = true,
): Table {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: object.metadata.resourceVersion ?? '' },
    columnDefinitions: withColumns ? definitions(kind) : undefined,
    rows: [rowOf(kind, object, nowMs, include)],
  };
}

type ListBody = { metadata: JsonObject; items: KubeObject[] };

export function isListBody(value: unknown): value is ListBody {
  return isJsonObject(value) && Array.isArray(value.items) && isJsonObject(value.metadata);
}

export function listTable(kind: Kind, list: ListBody, nowMs: number, include: IncludeObject): Table {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: list.metadata,
    columnDefinitions: definitions(kind),
    rows: list.items.map((item) => rowOf(kind, withType(kind, item), nowMs, include)),
  };
}

function withType(kind: Kind, item: KubeObject): KubeObject {
  return item.kind === undefined ? { ...item, kind: kind.kind } : item;
}

/** A list as PartialObjectMetadataList. */
export function partialList(list: ListBody): object {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: list.metadata,
    items: list.items.map(toPartial),
  };
}
