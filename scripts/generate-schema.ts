// Generates api/schema/types.json, traits.json and descriptions.json from the Go
// sources of the Kubernetes API as Debian ships them. Struct tags and markers
// hold everything that a server needs: JSON names, omitempty, protobuf numbers,
// patch keys, list types, defaults of list keys, enums.
// Usage: npm run generate -- [--sources DIR]   (DIR holds k8s.io/api and its siblings)
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchGoSources } from './debian-packages.ts';
import { apiRegistrationSource } from './schema/apiregistration.ts';
import { writeSchemaDigest } from './schema/digest.ts';
import { type GoField, type GoTypes, readGoFile } from './schema/go-types.ts';

const debianPackages = [
  'golang-k8s-api-dev',
  'golang-k8s-apimachinery-dev',
  'golang-k8s-apiextensions-apiserver-dev',
  'golang-k8s-metrics-dev',
];

/** Groups of k8s.io/api with the versions that Kubernetes serves unless told otherwise. */
const apiGroups = {
  admissionregistration: ['v1'],
  apps: ['v1'],
  authentication: ['v1'],
  authorization: ['v1'],
  autoscaling: ['v1', 'v2'],
  batch: ['v1'],
  certificates: ['v1'],
  coordination: ['v1'],
  core: ['v1'],
  discovery: ['v1'],
  events: ['v1'],
  flowcontrol: ['v1'],
  networking: ['v1'],
  node: ['v1'],
  policy: ['v1'],
  rbac: ['v1'],
  resource: ['v1'],
  scheduling: ['v1'],
  storage: ['v1'],
};

const goPackages: Record<string, string> = {
  ...Object.fromEntries(
    Object.entries(apiGroups).flatMap(([group, versions]) =>
      versions.map((version) => [`k8s.io/api/${group}/${version}`, `${group}.${version}`]),
    ),
  ),
  'k8s.io/apimachinery/pkg/apis/meta/v1': 'meta.v1',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1': 'apiextensions.v1',
  'k8s.io/metrics/pkg/apis/metrics/v1beta1': 'metrics.v1beta1',
};

/** Any JSON, or a schema where JSON allows other forms too: OpenAPI knows each by its name. */
const anyJsonTypes = ['JSON', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrBool', 'JSONSchemaPropsOrStringArray'].map(
  (name) => `apiextensions.v1.${name}`,
);

const scalarTypes: Record<string, string> = {
  string: 'string',
  bool: 'boolean',
  int: 'int64',
  int32: 'int32',
  int64: 'int64',
  uint8: 'int32',
  uint16: 'int32',
  uint32: 'int64',
  uint64: 'int64',
  float64: 'double',
  '[]byte': 'bytes',
  'types.UID': 'string',
  'types.NodeName': 'string',
  'types.NamespacedName': 'string',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intstr',
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'microtime',
  'meta.v1.Duration': 'duration',
  'meta.v1.FieldsV1': 'fields',
  'runtime.RawExtension': 'raw',
  ...Object.fromEntries(anyJsonTypes.map((id) => [id, 'raw'])),
};

/** Resolves Go type expressions to the table's short type names. @throws Error for types that are not known */
function resolve(goType: string, { structs, aliases }: GoTypes): string {
  if (goType in scalarTypes) return scalarTypes[goType] ?? '';
  if (goType.startsWith('[]')) return `[]${resolve(goType.slice(2), { structs, aliases } as GoTypes)}`;
  if (goType.startsWith('map[string]')) {
    const value = goType.slice('map[string]'.length);
    // A named slice as a map value is a message of its own with one repeated field.
    const wrapped = aliases.get(value)?.startsWith('[]') ? 'wrapped:' : '';
    return `map:${wrapped}${resolve(value, { structs, aliases } as GoTypes)}`;
  }
  if (structs.has(goType)) return goType;
  const alias = aliases.get(goType);
  if (alias === undefined) throw new Error(`unknown Go type ${goType}`);
  return resolve(alias, { structs, aliases } as GoTypes);
}

/** The value of a `+default=` marker. */
function defaultOf(field: GoField, packageId: string, types: GoTypes): unknown {
  const text = field.markers.get('default')?.[0];
  if (text === undefined) return undefined;
  const reference = /^ref\((\w+)\)$/.exec(text);
  return reference === null ? JSON.parse(text) : types.constants.get(`${packageId}.${reference[1]}`);
}

/** The enum of a field or of its items, when its Go type is one. */
function enumOf(field: GoField, types: GoTypes): string | undefined {
  const goType = field.goType.replace(/^\[\]/, '');
  return (types.enums.get(goType) ?? []).length > 0 ? goType : undefined;
}

/** The type id by which OpenAPI knows values of a field, or of its list or map, that may be any JSON. */
function definitionOf({ goType }: GoField, { aliases }: GoTypes): string | undefined {
  const value = (aliases.get(goType) ?? goType).replace(/^(\[\]|map\[string\])/, '');
  return anyJsonTypes.find((id) => id === value);
}

function rowOf(field: GoField, packageId: string, types: GoTypes): unknown[] {
  const flags = `${field.pointer ? 'p' : ''}${field.omitEmpty ? 'o' : ''}${field.inline ? 'i' : ''}${field.required ? 'r' : ''}`;
  const extras = {
    patchStrategy: field.patchStrategy,
    patchMergeKey: field.patchMergeKey,
    listType: field.markers.get('listType')?.[0],
    listMapKeys: field.markers.get('listMapKey'),
    mapType: field.markers.get('mapType')?.[0] ?? field.markers.get('structType')?.[0],
    default: defaultOf(field, packageId, types),
    enum: enumOf(field, types),
    definition: definitionOf(field, types),
  };
  const hasExtras = Object.values(extras).some((value) => value !== undefined);
  return [field.name, resolve(field.goType, types), field.number, flags, ...(hasExtras ? [extras] : [])];
}

function readSources(directory: string): GoTypes {
  const types: GoTypes = { structs: new Map(), aliases: new Map(), enums: new Map(), constants: new Map() };
  for (const [path, packageId] of Object.entries(goPackages)) {
    const folder = join(directory, path);
    if (!existsSync(folder)) throw new Error(`missing ${folder}`);
    for (const file of readdirSync(folder)) {
      const isTypes = /^(types|micro_time|time|duration|well_known)\w*\.go$/.test(file);
      if (!isTypes || file.endsWith('_test.go') || file.startsWith('types_swagger')) continue;
      readGoFile(readFileSync(join(folder, file), 'utf8'), packageId, goPackages, types);
    }
  }
  readGoFile(apiRegistrationSource, 'apiregistration.v1', goPackages, types);
  return types;
}

async function main(): Promise<void> {
  const flag = process.argv.indexOf('--sources');
  const types = readSources(flag > 0 ? (process.argv[flag + 1] ?? '') : await fetchGoSources(debianPackages));
  const rows: Record<string, unknown[]> = {};
  const descriptions: Record<string, Record<string, string>> = {};
  const atomic: string[] = [];
  for (const [id, struct] of [...types.structs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const docs: Record<string, string> = { '': struct.doc };
    const fields: unknown[] = [];
    for (const field of struct.fields) {
      try {
        fields.push(rowOf(field, id.slice(0, id.lastIndexOf('.')), types));
      } catch {
        continue; // fields of other packages (OpenAPI, runtime.Object) are not part of the wire types served here
      }
      // Inlined TypeMeta has no name; '' is the type's own text.
      if (field.name !== '') docs[field.name] = field.doc;
    }
    // A type without fields of its own is one all the same: that it is there says something.
    if (fields.length === 0 && (struct.fields.length > 0 || id in scalarTypes)) continue;
    rows[id] = fields;
    descriptions[id] = docs;
    if (struct.markers.get('structType')?.[0] === 'atomic') atomic.push(id);
  }
  const used = new Set(JSON.stringify(rows).match(/(?<="enum":")[^"]+/g) ?? []);
  const enums = [...types.enums].filter(([id]) => used.has(id)).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = (table: Record<string, unknown>): string =>
    `{\n${Object.entries(table)
      .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join(',\n')}\n}\n`;
  const write = (name: string, table: Record<string, unknown>): void =>
    writeFileSync(new URL(`../api/schema/${name}.json`, import.meta.url), lines(table));
  write('types', rows);
  write('traits', { atomic, enums: Object.fromEntries(enums) });
  write('descriptions', descriptions);
  writeSchemaDigest();
  process.stdout.write(`${Object.keys(rows).length} types and ${enums.length} enums written\n`);
}

await main();
