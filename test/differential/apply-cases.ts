// The server-side-apply cases as they are in the files, and objects brought to
// the form in which Kubernetes' and ours can be compared.
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import { elementType, type FieldSchema, isType, jsonFields } from '../../api/schema/schema.ts';

/** What a refused request is answered. */
export type Refusal = {
  code: number;
  reason?: string;
  message: string;
  /** In the order of the managers, each one's fields in their order. */
  causes?: { message: string; field: string }[];
};

export type Step = {
  /** `update` stands for PUT and for all patches but apply: its object is what the patch made. */
  op: 'create' | 'update' | 'apply' | 'scale' | 'scaleApply';
  manager: string;
  force?: boolean;
  subresource?: string;
  /** Paths that the endpoint leaves as they are: nobody owns them for a request there. */
  resetFields?: string[][];
  object: JsonObject;
  /** The time of the request, RFC 3339. */
  now: string;
  /** What is there afterwards, unless it is as before. */
  live?: JsonObject;
  sameLive?: boolean;
  managedFields?: JsonObject[];
  sameManagedFields?: boolean;
  error?: Refusal;
};

export type ApplyCase = {
  name: string;
  type: string;
  apiVersion: string;
  kind: string;
  /** The server sets defaults: on bodies of create and update, and on what apply made. */
  defaults?: boolean;
  start?: KubeObject;
  steps: Step[];
};

/**
 * Without what a Go struct can't tell from nothing: nulls, structs without content that are no pointers, and
 * the zeros that it writes for fields that nobody set. managedFields are compared for themselves.
 */
export function comparable(value: unknown, type: string): unknown {
  const element = elementType(type);
  if (Array.isArray(value)) return value.map((item) => comparable(item, element ?? ''));
  if (!isJsonObject(value)) return value;
  const fields = isType(type) ? jsonFields(type) : undefined;
  const entries = Object.entries(value).flatMap(([name, item]): [string, unknown][] => {
    if (item === null || (type === 'meta.v1.ObjectMeta' && name === 'managedFields')) return [];
    const field = fields?.get(name);
    const inner = comparable(item, field?.type ?? (fields === undefined ? (element ?? '') : ''));
    return field !== undefined && isGoZero(field, inner) ? [] : [[name, inner]];
  });
  return Object.fromEntries(entries);
}

function isGoZero({ type, pointer, omitEmpty }: FieldSchema, value: unknown): boolean {
  if (pointer) return false;
  if (isType(type)) return isEmptyObject(value);
  if (type === 'intstr' || type === 'quantity') return value === 0 || value === '0';
  return !omitEmpty && (value === '' || value === 0 || value === false);
}

function isEmptyObject(value: unknown): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/** Puts paths of an object back to what they were, as an endpoint does that may not change them. */
export function restorePaths(object: JsonObject, before: JsonObject | undefined, paths: readonly string[][]): void {
  for (const path of paths) restorePath(object, before, path);
}

function restorePath(object: JsonObject, before: JsonObject | undefined, [name = '', ...rest]: string[]): void {
  if (rest.length > 0) {
    object[name] = { ...(isJsonObject(object[name]) ? object[name] : {}) };
    const earlier = before?.[name];
    restorePath(object[name] as JsonObject, isJsonObject(earlier) ? earlier : undefined, rest);
  } else if (before?.[name] === undefined) delete object[name];
  else object[name] = before[name];
}
