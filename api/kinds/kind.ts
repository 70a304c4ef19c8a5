// What a kind is: one table entry plus a small strategy. The registry of the
// API server, discovery, OpenAPI, tables and the agents read only this.
import type { JsonObject, KubeObject } from '../meta/object.ts';
import type { FieldError } from '../meta/status.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** A column of the server-side table; https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export type Column = {
  name: string;
  type: 'string' | 'integer' | 'number' | 'date' | 'boolean';
  format?: string;
  description: string;
  /** 0: always shown; 1: only with `-o wide`. */
  priority?: 0 | 1;
  value: (object: KubeObject, nowMs: number) => string | number | boolean;
};

export type Subresource = {
  name: string;
  verbs: ('create' | 'delete' | 'get' | 'patch' | 'update')[];
  /** The kind of its body, when that is not the parent's. */
  kind?: { group: string; version: string; kind: string; typeId: string };
};

export type Kind = {
  group: string;
  version: string;
  kind: string;
  listKind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  /** Type id in api/schema. */
  typeId: string;
  verbs: Verb[];
  subresources: Subresource[];
  /** Says what is wrong with a name, or nothing. */
  nameError: (name: string) => string | undefined;
  /** Sets what Kubernetes' defaulting sets. Works in place. */
  applyDefaults?: (object: KubeObject) => void;
  /** What is wrong with the object. Runs on create and on update, after defaults. */
  validate?: (object: KubeObject) => FieldError[];
  /** What only a new object may not have. */
  validateCreate?: (object: KubeObject) => FieldError[];
  /** What may not change. */
  validateUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  /** Sets what only the server may set on create. Works in place. */
  prepareCreate?: (object: KubeObject) => void;
  /** Keeps what an ordinary update may not touch (besides status). Works in place. */
  prepareUpdate?: (object: KubeObject, old: KubeObject) => void;
  /** Completes a status that somebody has written; `now` is RFC 3339. Works in place. */
  prepareStatus?: (object: KubeObject, old: KubeObject, now: string) => void;
  /** Values of the fields that field selectors may name, besides metadata.name and metadata.namespace. */
  selectableFields?: (object: KubeObject) => Record<string, string>;
  /** Columns after NAME; AGE included where the kind has it. */
  columns: Column[];
  /** Whether changes outside of metadata and status move metadata.generation. */
  hasGeneration: boolean;
  /** The kind as which its objects are stored, when that is another group or version of the same thing. */
  storage?: Storage;
  /** Grace period that a delete without one gets, seconds; kinds without it go at once. */
  defaultGracePeriodSeconds?: (object: KubeObject) => number;
};

/** How a kind that is another's second form is stored; https://kubernetes.io/docs/reference/using-api/#api-groups-and-versioning */
export type Storage = {
  kind: () => Kind;
  /** Neither changes what it is given. */
  toStored: (object: KubeObject) => KubeObject;
  fromStored: (object: KubeObject) => KubeObject;
};

/** A resource in a URL. */
export type ResourceId = { group: string; version: string; resource: string };

const allVerbs: Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
export const statusSubresource: Subresource = { name: 'status', verbs: ['get', 'patch', 'update'] };
export const scaleSubresource: Subresource = {
  name: 'scale',
  verbs: ['get', 'patch', 'update'],
  kind: { group: 'autoscaling', version: 'v1', kind: 'Scale', typeId: 'autoscaling.v1.Scale' },
};

/** A subresource that opens a stream into a node, with any method that HTTP has. */
export function streamSubresource(name: string, kind: string): Subresource {
  const verbs: Subresource['verbs'] =
    name === 'proxy' ? ['create', 'delete', 'get', 'patch', 'update'] : ['create', 'get'];
  return { name, verbs, kind: { group: '', version: 'v1', kind, typeId: `core.v1.${kind}` } };
}

type KindOptions = Pick<Kind, 'kind' | 'plural' | 'typeId' | 'nameError' | 'columns'> & Partial<Kind>;

/** Fills in what most kinds have in common. */
export function defineKind(options: KindOptions): Kind {
  return {
    group: '',
    version: 'v1',
    listKind: `${options.kind}List`,
    singular: options.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: allVerbs,
    subresources: [],
    hasGeneration: false,
    ...options,
  };
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(kind: { group: string; version: string }): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** The object's `spec`, made when it is missing. */
export function specOf(object: KubeObject): JsonObject {
  object.spec ??= {};
  return object.spec as JsonObject;
}

/** Sets numbers that are absent or zero, which in fields that Go always writes is the same. */
export function setPositiveDefaults(target: JsonObject, defaults: Record<string, number>): void {
  for (const [key, value] of Object.entries(defaults)) target[key] ||= value;
}

/** Sets fields that are absent. */
export function setDefaults(target: JsonObject, defaults: JsonObject): void {
  for (const [key, value] of Object.entries(defaults)) target[key] ??= value;
}
