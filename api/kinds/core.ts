// The small kinds of the core group: Namespace, ConfigMap, Secret, ServiceAccount.
// https://kubernetes.io/docs/reference/kubernetes-api/
import { dnsLabelError, dnsSubdomainError } from '../meta/names.ts';
import { cloneJson, isJsonObject, type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { type FieldError, forbiddenField, invalidValue } from '../meta/status.ts';
import { ageColumn, integerColumn, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';

const keyPattern = /^[-._a-zA-Z0-9]+$/;
/** Most bytes of data in one ConfigMap or Secret. */
const maxDataBytes = 1 << 20;

function dataFields(object: KubeObject, names: string[]): [string, JsonObject][] {
  return names.flatMap((name) => (isJsonObject(object[name]) ? [[name, object[name]] as [string, JsonObject]] : []));
}

function validateData(object: KubeObject, names: string[]): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [field, data] of dataFields(object, names)) {
    for (const [key, value] of Object.entries(data)) {
      bytes += Buffer.byteLength(String(value));
      if (key.length > 253 || !keyPattern.test(key) || key === '.' || key === '..') {
        errors.push(
          invalidValue(
            `${field}[${key}]`,
            key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
          ),
        );
      }
    }
  }
  if (bytes > maxDataBytes)
    errors.push({
      reason: 'FieldValueTooLong',
      field: '[]',
      message: `Too long: may not be more than ${maxDataBytes} bytes`,
    });
  return errors;
}

function validateImmutable(names: string[]): NonNullable<Kind['validateUpdate']> {
  return (object, old) => {
    if (old.immutable !== true) return [];
    const errors = names.flatMap((name) =>
      jsonEqual(object[name], old[name]) ? [] : [forbiddenField(name, 'field is immutable when `immutable` is set')],
    );
    if (object.immutable !== true)
      errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'));
    return errors;
  };
}

function countKeys(object: KubeObject, names: string[]): number {
  return dataFields(object, names).reduce((sum, [, data]) => sum + Object.keys(data).length, 0);
}

export const namespaceKind: Kind = defineKind({
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  typeId: 'core.v1.Namespace',
  nameError: dnsLabelError,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: [statusSubresource, { name: 'finalize', verbs: ['update'] }],
  applyDefaults: (object) => {
    object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
    specOf(object);
  },
  prepareCreate: (object) => {
    specOf(object).finalizers = ['kubernetes'];
    object.status = { phase: 'Active' };
  },
  // Finalizers of a namespace's spec go only through its finalize subresource.
  prepareUpdate: (object, old) => {
    object.spec = cloneJson(old.spec ?? {});
  },
  selectableFields: (object) => ({ 'status.phase': String((object.status as JsonObject | undefined)?.phase ?? '') }),
  columns: [
    textColumn('Status', 'The status of the namespace', (object) =>
      String((object.status as JsonObject | undefined)?.phase ?? ''),
    ),
    ageColumn,
  ],
});

export const configMapKind: Kind = defineKind({
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  typeId: 'core.v1.ConfigMap',
  nameError: dnsSubdomainError,
  validate: (object) => validateData(object, ['data', 'binaryData']),
  validateUpdate: validateImmutable(['data', 'binaryData']),
  columns: [integerColumn('Data', 'Number of keys.', (object) => countKeys(object, ['data', 'binaryData'])), ageColumn],
});

export const secretKind: Kind = defineKind({
  kind: 'Secret',
  plural: 'secrets',
  typeId: 'core.v1.Secret',
  nameError: dnsSubdomainError,
  applyDefaults: (object) => {
    setDefaults(object, { type: 'Opaque' });
    if (!isJsonObject(object.stringData)) return;
    const data = isJsonObject(object.data) ? object.data : {};
    for (const [key, value] of Object.entries(object.stringData))
      data[key] = Buffer.from(String(value)).toString('base64');
    object.data = data;
    delete object.stringData;
  },
  validate: (object) => validateData(object, ['data']),
  validateUpdate: (object, old) => [
    ...validateImmutable(['data'])(object, old),
    ...(object.type === old.type ? [] : [invalidValue('type', object.type, 'field is immutable')]),
  ],
  selectableFields: (object) => ({ type: String(object.type ?? '') }),
  columns: [
    textColumn('Type', 'What the secret is for.', (object) => String(object.type ?? '')),
    integerColumn('Data', 'Number of keys.', (object) => countKeys(object, ['data'])),
    ageColumn,
  ],
});

export const serviceAccountKind: Kind = defineKind({
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  typeId: 'core.v1.ServiceAccount',
  nameError: dnsSubdomainError,
  subresources: [
    {
      name: 'token',
      verbs: ['create'],
      kind: {
        group: 'authentication.k8s.io',
        version: 'v1',
        kind: 'TokenRequest',
        typeId: 'authentication.v1.TokenRequest',
      },
    },
  ],
  columns: [
    integerColumn(
      'Secrets',
      'Number of secrets that its pods may use.',
      (object) => (object.secrets as unknown[] | undefined)?.length ?? 0,
    ),
    ageColumn,
  ],
});
