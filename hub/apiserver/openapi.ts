// OpenAPI v3 for what is served, from the generated tables: kubectl explain,
// client-side validation and diff read it.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
import { createHash } from 'node:crypto';
import { kinds } from '../../api/kinds/index.ts';
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import descriptions from '../../api/schema/descriptions.json' with { type: 'json' };
import { elementType, type FieldSchema, isType, jsonFields } from '../../api/schema/schema.ts';

type Schema = { [key: string]: unknown };
const docs = descriptions as Record<string, Record<string, string>>;

/** OpenAPI names: `core.v1.Pod` is `io.k8s.api.core.v1.Pod`, metadata types live in apimachinery. */
function schemaName(typeId: string): string {
  return typeId.startsWith('meta.') ? `io.k8s.apimachinery.pkg.apis.${typeId}` : `io.k8s.api.${typeId}`;
}

const scalars: Record<string, Schema> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  intstr: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  time: { type: 'string', format: 'date-time' },
  microtime: { type: 'string', format: 'date-time' },
  duration: { type: 'string' },
  fields: { type: 'object' },
  raw: { type: 'object' },
};

class Schemas {
  readonly all: Record<string, Schema> = {};

  /** A reference to the schema of a type, which is added with all that it refers to. */
  reference(type: string): Schema {
    const element = elementType(type);
    if (element !== undefined && type.startsWith('[]')) return { type: 'array', items: this.reference(element) };
    if (element !== undefined) return { type: 'object', additionalProperties: this.reference(element) };
    if (!isType(type)) return { ...scalars[type] };
    const name = schemaName(type);
    if (!(name in this.all)) {
      this.all[name] = {};
      this.all[name] = this.#struct(type);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #struct(typeId: string): Schema {
    const fields = [...jsonFields(typeId).values()];
    const required = fields.filter((field) => field.required).map((field) => field.name);
    return {
      description: docs[typeId]?.[''] ?? '',
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      properties: Object.fromEntries(fields.map((field) => [field.name, this.#field(typeId, field)])),
    };
  }

  #field(typeId: string, field: FieldSchema): Schema {
    const schema = this.reference(field.type);
    const extensions = {
      description: docs[typeId]?.[field.name] ?? inlinedDoc(field.name),
      ...(field.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': field.patchMergeKey }),
      ...(field.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': field.patchStrategy }),
      ...(field.listType === undefined ? {} : { 'x-kubernetes-list-type': field.listType }),
      ...(field.listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': field.listMapKeys }),
    };
    return '$ref' in schema ? { allOf: [schema], ...extensions } : { ...schema, ...extensions };
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

function pathFor(kind: Kind): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
  return `${root}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}`;
}

const queryParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
  name,
  in: 'query',
  schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
}));

function operationFor(kind: Kind, action: string, schema: Schema): object {
  const mediaTypes =
    action === 'patch'
      ? ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json']
      : ['*/*'];
  const hasBody = action === 'post' || action === 'put' || action === 'patch';
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, version: kind.version, kind: kind.kind },
    ...(hasBody ? { parameters: queryParameters } : {}),
    ...(hasBody ? { requestBody: { content: Object.fromEntries(mediaTypes.map((type) => [type, { schema }])) } } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } },
  };
}

/** The document of one group version, such as `api/v1` or `apis/apps/v1`; undefined when it is not served. */
function buildDocument(path: string): object | undefined {
  const members = kinds.filter(
    (kind) => (kind.group === '' ? `api/${kind.version}` : `apis/${apiVersionOf(kind)}`) === path,
  );
  if (members.length === 0) return undefined;
  const schemas = new Schemas();
  const paths: Record<string, object> = {};
  for (const kind of members) {
    const reference = schemas.reference(kind.typeId);
    const schema = schemas.all[schemaName(kind.typeId)] ?? {};
    schema['x-kubernetes-group-version-kind'] = [{ group: kind.group, version: kind.version, kind: kind.kind }];
    schemas.all[schemaName(kind.typeId).replace(/[^.]+$/, kind.listKind)] = listSchema(
      kind,
      schemas.reference('meta.v1.ListMeta'),
      reference,
    );
    paths[pathFor(kind)] = { get: operationFor(kind, 'list', reference), post: operationFor(kind, 'post', reference) };
    paths[`${pathFor(kind)}/{name}`] = Object.fromEntries(
      ['get', 'put', 'patch', 'delete'].map((action) => [action, operationFor(kind, action, reference)]),
    );
  }
  const deleteOptions = schemas.reference('meta.v1.DeleteOptions');
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.35' },
    paths,
    components: { schemas: { ...schemas.all, DeleteOptions: deleteOptions } },
  };
}

function listSchema(kind: Kind, metadata: Schema, items: Schema): Schema {
  return {
    type: 'object',
    required: ['items'],
    properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata, items: { type: 'array', items } },
    'x-kubernetes-group-version-kind': [{ group: kind.group, version: kind.version, kind: kind.listKind }],
  };
}

/** Documents are made when first asked for: together they are a few megabytes. */
const texts = new Map<string, string>();

/** JSON text of a group version's document. */
export function openApiDocument(path: string): string | undefined {
  const known = texts.get(path);
  if (known !== undefined) return known;
  const document = buildDocument(path);
  if (document === undefined) return undefined;
  const text = JSON.stringify(document);
  texts.set(path, text);
  return text;
}

/** `/openapi/v3`: where each document is, with its hash so that clients can keep it. */
export function openApiIndex(): object {
  const paths = new Set(
    kinds.map((kind) => (kind.group === '' ? `api/${kind.version}` : `apis/${apiVersionOf(kind)}`)),
  );
  const entries = [...paths].map((path) => {
    const hash = createHash('sha512')
      .update(openApiDocument(path) ?? '')
      .digest('hex')
      .toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(entries) };
}
