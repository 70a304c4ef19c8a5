// Parameters of operations, in the path and in the query, as both versions of
// OpenAPI name them.
import { elementType, jsonFields } from '../../../api/schema/schema.ts';
import type { Path, PathOperation } from './operations.ts';

export type Parameter = {
  name: string;
  in: 'path' | 'query';
  type: 'boolean' | 'integer' | 'string';
  required: boolean;
};

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'];
const deleteParameters = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const selectParameters = [
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
];
const namesByAction: Record<string, readonly string[]> = {
  list: [...selectParameters, 'allowWatchBookmarks', 'watch'],
  post: writeParameters,
  put: writeParameters,
  patch: [...writeParameters, 'force'],
  delete: deleteParameters,
  deletecollection: [...selectParameters, ...deleteParameters],
};
const booleans = ['allowWatchBookmarks', 'force', 'orphanDependents', 'sendInitialEvents', 'watch'];
const integers = ['gracePeriodSeconds', 'limit', 'timeoutSeconds'];

/** Options of logs and streams that are alpha in Kubernetes, and not built here. */
const unservedOptions = ['stream'];

function query(name: string, type: Parameter['type']): Parameter {
  return { name, in: 'query', type, required: false };
}

/** The fields of an options type that a query can hold. */
function optionParameters(typeId: string): Parameter[] {
  const typeOf: Record<string, Parameter['type']> = {
    string: 'string',
    boolean: 'boolean',
    int32: 'integer',
    int64: 'integer',
  };
  const inlined = ['apiVersion', 'kind', ...unservedOptions];
  return [...jsonFields(typeId).values()].flatMap((field) => {
    const type = typeOf[elementType(field.type) ?? field.type];
    return type === undefined || inlined.includes(field.name) ? [] : [query(field.name, type)];
  });
}

export function queryParameters({ action, optionsType }: PathOperation): Parameter[] {
  if (optionsType !== undefined) return optionParameters(optionsType);
  return (namesByAction[action] ?? []).map((name) =>
    query(name, booleans.includes(name) ? 'boolean' : integers.includes(name) ? 'integer' : 'string'),
  );
}

export function pathParameters({ path }: Path): Parameter[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return names.map((name) => ({ name, in: 'path', type: 'string', required: true }));
}
