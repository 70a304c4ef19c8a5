// Schemas of the served types in OpenAPI's words, from the generated tables.
import type { Kind } from '../../../api/kinds/kind.ts';
import descriptions from '../../../api/schema/descriptions.json' with { type: 'json' };
import {
  elementType,
  enumValues,
  type FieldSchema,
  isAtomicType,
  isType,
  jsonFields,
} from '../../../api/schema/schema.ts';

export type Schema = { [key: string]: unknown };
const docs = descriptions as Record<string, Record<string, string>>;

/** Packages outside of k8s.io/api, by their type ids' first word. */
const packages: Record<string, string> = {
  meta: 'io.k8s.apimachinery.pkg.apis',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis',
  apiregistration: 'io.k8s.kube-aggregator.pkg.apis',
  metrics: 'io.k8s.metrics.pkg.apis',
};

/** OpenAPI names: `core.v1.Pod` is `io.k8s.api.core.v1.Pod`, metadata types live in apimachinery. */
export function schemaName(typeId: string): string {
  return `${packages[typeId.split('.')[0] ?? ''] ?? 'io.k8s.api'}.${typeId}`;
}

/** The two versions of OpenAPI: where schemas stand, and how values of two types are said. */
export type Dialect = 'v2' | 'v3';

const scalars: Record<Dialect, Record<string, Schema>> = {
  v2: {
    quantity: { type: 'string' },
    intstr: { type: 'string', format: 'int-or-string' },
  },
  v3: {
    quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
    intstr: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  },
};
const commonScalars: Record<string, Schema> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time' },
  microtime: { type: 'string', format: 'date-time' },
  duration: { type: 'string' },
  fields: { type: 'object' },
  raw: { type: 'object' },
};

export type OpenApiV2 = {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, Record<string, unknown>>;
  definitions: Record<string, Schema>;
};

export type GroupVersionKind = { group: string; version: string; kind: string };

export class Schemas {
  readonly all: Record<string, Schema> = {};
  #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** A reference to the schema of a type, which is added with all that it refers to. */
  reference(type: string): Schema {
    const element = elementType(type);
    if (element !== undefined && type.startsWith('[]')) return { type: 'array', items: this.reference(element) };
    if (element !== undefined) return { type: 'object', additionalProperties: this.reference(element) };
    if (!isType(type)) return { ...(scalars[this.#dialect][type] ?? commonScalars[type]) };
    const name = schemaName(type);
    if (!(name in this.all)) {
      this.all[name] = {};
      this.all[name] = this.#struct(type);
    }
    return { $ref: this.#path(name) };
  }

  /** Adds a kind and its list; returns references to both. */
  addKind(kind: Kind): { one: Schema; list: Schema } {
    const { group, version } = kind;
    const one = this.reference(kind.typeId);
    this.#mark(schemaName(kind.typeId), { group, version, kind: kind.kind });
    const listName = schemaName(kind.typeId).replace(/[^.]+$/, kind.listKind);
    this.all[listName] = {
      description: `${kind.listKind} is a list of ${kind.kind} objects.`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: this.reference('meta.v1.ListMeta'),
        items: { type: 'array', items: one },
      },
    };
    this.#mark(listName, { group, version, kind: kind.listKind });
    return { one, list: { $ref: this.#path(listName) } };
  }

  #mark(name: string, kind: GroupVersionKind): void {
    const schema = this.all[name] ?? {};
    schema['x-kubernetes-group-version-kind'] = [kind];
  }

  #path(name: string): string {
    return this.#dialect === 'v2' ? `#/definitions/${name}` : `#/components/schemas/${name}`;
  }

  #struct(typeId: string): Schema {
    const fields = [...jsonFields(typeId).values()];
    const required = fields.filter((field) => field.required).map((field) => field.name);
    return {
      description: docs[typeId]?.[''] ?? '',
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      properties: Object.fromEntries(fields.map((field) => [field.name, this.#field(typeId, field)])),
      ...(isAtomicType(typeId) ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #field(typeId: string, field: FieldSchema): Schema {
    const schema = this.reference(field.type);
    const words = field.enum === undefined || field.type !== 'string' ? undefined : enumValues(field.enum);
    const extensions = {
      description: docs[typeId]?.[field.name] ?? inlinedDoc(field.name),
      ...(words === undefined || this.#dialect === 'v2' ? {} : { enum: words }),
      ...(field.default === undefined ? {} : { default: field.default }),
      ...(field.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': field.patchMergeKey }),
      ...(field.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': field.patchStrategy }),
      ...(field.listType === undefined ? {} : { 'x-kubernetes-list-type': field.listType }),
      ...(field.listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': field.listMapKeys }),
      ...(field.mapType === undefined ? {} : { 'x-kubernetes-map-type': field.mapType }),
    };
    // In version 2 everything may stand beside a reference, in 3 nothing.
    return '$ref' in schema && this.#dialect === 'v3'
      ? { allOf: [schema], ...extensions }
      : { ...schema, ...extensions };
  }
}

/** apiVersion and kind are inlined into every object from TypeMeta. */
function inlinedDoc(name: string): string {
  return (
    docs['meta.v1.TypeMeta']?.[name] ??
    docs['core.v1.VolumeSource']?.[name] ??
    docs['core.v1.ProbeHandler']?.[name] ??
    ''
  );
}
