// Schemas of the served types in OpenAPI's words, from the generated tables.
import { kinds } from '../../../api/kinds/index.ts';
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

const scalars: Record<string, Schema> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  duration: { type: 'string' },
};

/** Scalars with a schema of their own name, and what version 2 says of it; version 3 can say alternatives. */
const namedScalars: Record<string, { name: string; schema: Schema; alternatives?: string[] }> = {
  quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    schema: { description: 'A number with a suffix, such as 100m, 1.5 or 2Gi.', type: 'string' },
    alternatives: ['string', 'number'],
  },
  intstr: {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: { description: 'A whole number, or a text.', type: 'string', format: 'int-or-string' },
    alternatives: ['integer', 'string'],
  },
  time: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
    schema: { description: 'A time, to the second.', type: 'string', format: 'date-time' },
  },
  microtime: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
    schema: { description: 'A time, to the microsecond.', type: 'string', format: 'date-time' },
  },
  fields: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
    schema: { description: 'A set of fields, as a tree of their names and keys.', type: 'object' },
  },
  raw: {
    name: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
    schema: { description: 'An object of any kind.', type: 'object' },
  },
};

export type OpenApiV2 = {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, Record<string, unknown>>;
  definitions: Record<string, Schema>;
};

/** What goes into an operation or comes out: a value of a type, a list of it, or text. */
export type Content = { typeId: string } | { listOf: string } | 'text';

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
    if (element !== undefined) return collectionOf(type, this.reference(element));
    if (!isType(type)) return this.#scalar(type);
    const name = schemaName(type);
    if (!(name in this.all)) {
      this.all[name] = {};
      this.all[name] = this.#struct(type);
      const gvk = kindOfType.get(type);
      if (gvk !== undefined) this.#mark(name, [gvk]);
    }
    return this.#reference(name);
  }

  /** The schema of what goes into an operation or comes out of it. */
  contentOf(content: Content): Schema {
    if (content === 'text') return { type: 'string' };
    return 'typeId' in content ? this.reference(content.typeId) : this.#reference(listNames.get(content.listOf) ?? '');
  }

  /** Adds a kind, what its subresources take, and its list where it can be listed. */
  addKind(kind: Kind): void {
    const { group, version } = kind;
    const one = this.reference(kind.typeId);
    for (const { kind: own } of kind.subresources)
      if (own !== undefined && !own.kind.endsWith('Options')) this.reference(own.typeId);
    this.reference('meta.v1.DeleteOptions');
    this.#mark(schemaName('meta.v1.DeleteOptions'), kindInEveryVersion('DeleteOptions'));
    this.reference('meta.v1.Status');
    const listName = listNames.get(kind.typeId);
    if (listName === undefined) return;
    this.all[listName] = {
      description: `${kind.listKind} is a list of ${kind.kind} objects.`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { type: 'string', description: inlinedDoc('apiVersion') },
        kind: { type: 'string', description: inlinedDoc('kind') },
        metadata: this.#besides(this.reference('meta.v1.ListMeta'), {}),
        items: { type: 'array', items: one },
      },
    };
    this.#mark(listName, [{ group, version, kind: kind.listKind }]);
  }

  #mark(name: string, kinds: readonly GroupVersionKind[]): void {
    const schema = this.all[name] ?? {};
    schema['x-kubernetes-group-version-kind'] = kinds;
  }

  #reference(name: string): Schema {
    return { $ref: this.#dialect === 'v2' ? `#/definitions/${name}` : `#/components/schemas/${name}` };
  }

  #scalar(type: string): Schema {
    const named = namedScalars[type];
    if (named === undefined) return { ...scalars[type] };
    const { name, schema, alternatives } = named;
    const { type: _type, ...others } = schema;
    this.all[name] =
      this.#dialect === 'v2' || alternatives === undefined
        ? schema
        : { ...others, oneOf: alternatives.map((word) => ({ type: word })) };
    return this.#reference(name);
  }

  /** A value that may be any JSON, by its own name. */
  #anyJson(type: string, definition: string): Schema {
    const name = schemaName(definition);
    this.all[name] = { description: 'Any JSON of the forms that the field allows.' };
    return type === 'raw' ? this.#reference(name) : collectionOf(type, this.#reference(name));
  }

  #struct(typeId: string): Schema {
    const fields = [...jsonFields(typeId).values()];
    const required = fields.filter((field) => field.required).map((field) => field.name);
    return {
      description: docs[typeId]?.[''] ?? '',
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      ...(fields.length > 0
        ? { properties: Object.fromEntries(fields.map((field) => [field.name, this.#field(typeId, field)])) }
        : {}),
      ...(isAtomicType(typeId) ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #field(typeId: string, field: FieldSchema): Schema {
    const { definition } = field;
    const schema = definition === undefined ? this.reference(field.type) : this.#anyJson(field.type, definition);
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
    return this.#besides(schema, extensions);
  }

  /** In version 2 everything may stand beside a reference, in 3 nothing. */
  #besides(schema: Schema, extensions: Schema): Schema {
    return '$ref' in schema && this.#dialect === 'v3'
      ? { allOf: [schema], ...extensions }
      : { ...schema, ...extensions };
  }
}

function collectionOf(type: string, element: Schema): Schema {
  return type.startsWith('[]') ? { type: 'array', items: element } : { type: 'object', additionalProperties: element };
}

/** Names of the lists of kinds that can be listed, by the kinds' types. */
const listNames = new Map(
  kinds
    .filter(({ verbs }) => verbs.includes('list'))
    .map(({ typeId, listKind }) => [typeId, schemaName(typeId).replace(/[^.]+$/, listKind)]),
);

/** What is a kind by itself, wherever it is referred to, by its type. */
const kindOfType = new Map<string, GroupVersionKind>([
  ['meta.v1.Status', { group: '', version: 'v1', kind: 'Status' }],
  ...kinds
    .flatMap((kind) => [kind, ...kind.subresources.flatMap((subresource) => subresource.kind ?? [])])
    .map(({ typeId, group, version, kind }) => [typeId, { group, version, kind }] as const),
]);

/** A kind that belongs to every group version alike. */
function kindInEveryVersion(kind: string): GroupVersionKind[] {
  const versions = new Map(kinds.map(({ group, version }) => [`${group}/${version}`, { group, version, kind }]));
  return [...versions.values()];
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
