// Environment variables, and the fields and resources of a pod that it may see.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
import type { Container } from '../../meta/kubernetes.ts';
import { qualifiedNameError } from '../../meta/labels.ts';
import { isJsonObject, type JsonObject } from '../../meta/object.ts';
import { type FieldError, invalidValue, notSupported, required } from '../../meta/status.ts';

const nameRule = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const keyRule =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const maxKeyLength = 253;

/** Fields of a pod that its variables may have. */
export const variableFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** Fields of a pod that may be in files of a volume. */
export const volumeFields = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
/** Fields that have a name in the downward API, whoever may see them. */
const knownFields = new Set([
  ...variableFields,
  ...volumeFields,
  'spec.host',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
const subscriptPattern = /^metadata\.(annotations|labels)\['(.*)'\]$/s;

/** A reference to a field of the pod, of which these are to be had. */
export function fieldRefErrors(
  { fieldPath = '' }: { fieldPath?: string },
  path: string,
  fields: string[],
): FieldError[] {
  const at = `${path}.fieldPath`;
  if (fieldPath === '') return [required(at)];
  const [, map, key = ''] = subscriptPattern.exec(fieldPath) ?? [];
  if (map !== undefined) {
    const problem = qualifiedNameError(map === 'annotations' ? key.toLowerCase() : key);
    return problem === undefined ? [] : [invalidValue(path, key, problem)];
  }
  if (!knownFields.has(fieldPath))
    return [invalidValue(at, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
  return fields.includes(fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath)
    ? []
    : [notSupported(at, fieldPath, fields)];
}

const visibleResources = ['limits', 'requests'].flatMap((list) =>
  ['cpu', 'ephemeral-storage', 'memory'].map((name) => `${list}.${name}`),
);

/** A reference to a resource of a container; a volume must say of which. */
export function resourceFieldRefErrors(
  { resource = '', containerName }: { resource?: string; containerName?: string },
  path: string,
  isVolume: boolean,
): FieldError[] {
  if (isVolume && !containerName) return [required(`${path}.containerName`)];
  if (resource === '') return [required(`${path}.resource`)];
  return visibleResources.includes(resource) || /^(limits|requests)\.hugepages-./.test(resource)
    ? []
    : [notSupported(`${path}.resource`, resource, visibleResources)];
}

/** Says what is wrong with a key of a ConfigMap or Secret, or nothing. */
function configKeyError(key: string): string | undefined {
  if (key.length > maxKeyLength) return `must be no more than ${maxKeyLength} characters`;
  if (key === '.') return "must not be '.'";
  if (key.startsWith('..')) return key === '..' ? "must not be '..'" : "must not start with '..'";
  return /^[-._a-zA-Z0-9]+$/.test(key) ? undefined : keyRule;
}

function keyRefErrors({ name, key }: { name?: string; key?: string }, path: string): FieldError[] {
  const errors = name ? [] : [required(`${path}.name`)];
  const problem = key ? configKeyError(key) : undefined;
  if (!key) errors.push(required(`${path}.key`));
  else if (problem !== undefined) errors.push(invalidValue(`${path}.key`, key, problem));
  return errors;
}

const sources = ['configMapKeyRef', 'fieldRef', 'fileKeyRef', 'resourceFieldRef', 'secretKeyRef'];

function valueFromErrors(value: string, from: JsonObject, path: string): FieldError[] {
  const given = sources.filter((name) => isJsonObject(from[name]));
  const errors = given.flatMap((name) => {
    const [source, at] = [from[name] as object, `${path}.${name}`];
    if (name === 'fieldRef') return fieldRefErrors(source, at, variableFields);
    if (name === 'resourceFieldRef') return resourceFieldRefErrors(source, at, false);
    return name === 'fileKeyRef' ? [] : keyRefErrors(source, at);
  });
  const refuse = (rule: string): number => errors.push(invalidValue(path, '', rule));
  if (given.length === 0)
    refuse('must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`');
  else if (value !== '') refuse('may not be specified when `value` is not empty');
  else if (given.length > 1) refuse('may not have more than one field specified at a time');
  return errors;
}

function variableErrors(
  { name, value = '', valueFrom }: NonNullable<Container['env']>[number],
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${path}.name`));
  else if (!isVariableName(name)) errors.push(invalidValue(`${path}.name`, name, nameRule));
  if (valueFrom !== undefined) errors.push(...valueFromErrors(value, valueFrom as JsonObject, `${path}.valueFrom`));
  return errors;
}

/** https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/ */
function isVariableName(name: string): boolean {
  return /^[ -<>-~]+$/.test(name);
}

function bulkErrors(
  { prefix, configMapRef, secretRef }: NonNullable<Container['envFrom']>[number],
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (prefix && !isVariableName(prefix)) errors.push(invalidValue(`${path}.prefix`, prefix, nameRule));
  const given = Object.entries({ configMapRef, secretRef }).filter(([, reference]) => reference !== undefined);
  for (const [field, reference] of given) if (!reference?.name) errors.push(required(`${path}.${field}.name`));
  if (given.length === 0) errors.push(invalidValue(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
  if (given.length > 1) errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

/** All that a container's environment is made of. */
export function environmentErrors({ env = [], envFrom = [] }: Container, path: string): FieldError[] {
  return [
    ...env.flatMap((variable, index) => variableErrors(variable, `${path}.env[${index}]`)),
    ...envFrom.flatMap((source, index) => bulkErrors(source, `${path}.envFrom[${index}]`)),
  ];
}
