// Generates api/schema/types.json and descriptions.json from the Go sources of
// the Kubernetes API as Debian ships them (golang-k8s-api-dev and
// golang-k8s-apimachinery-dev of sid). The struct tags hold everything that a
// server needs: JSON names, omitempty, protobuf numbers, patch keys, list types.
// Usage: npm run generate -- [--sources DIR]   (DIR holds k8s.io/api and k8s.io/apimachinery)
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const goPackages: Record<string, string> = {
  'k8s.io/api/core/v1': 'core.v1',
  'k8s.io/api/apps/v1': 'apps.v1',
  'k8s.io/api/coordination/v1': 'coordination.v1',
  'k8s.io/api/certificates/v1': 'certificates.v1',
  'k8s.io/api/autoscaling/v1': 'autoscaling.v1',
  'k8s.io/apimachinery/pkg/apis/meta/v1': 'meta.v1',
};

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
};

type Field = {
  name: string;
  goType: string;
  number: number;
  pointer: boolean;
  omitEmpty: boolean;
  inline: boolean;
  required: boolean;
  doc: string;
  markers: Map<string, string[]>;
  patchStrategy?: string | undefined;
  patchMergeKey?: string | undefined;
};
type Struct = { doc: string; fields: Field[] };

/** Splits a Go doc comment into prose and its `+marker=value` lines. */
function splitComment(lines: string[]): { doc: string; markers: Map<string, string[]> } {
  const markers = new Map<string, string[]>();
  const prose: string[] = [];
  for (const line of lines) {
    const marker = /^\+([\w.:()]+)(?:=(.*))?$/.exec(line);
    if (marker) markers.set(marker[1] ?? '', [...(markers.get(marker[1] ?? '') ?? []), marker[2] ?? '']);
    else if (line === '---' || line.startsWith('TODO')) break;
    else prose.push(line);
  }
  return { doc: prose.join(' ').replace(/\s+/g, ' ').trim(), markers };
}

function parseGoFile(
  source: string,
  packageId: string,
  structs: Map<string, Struct>,
  aliases: Map<string, string>,
): void {
  let comment: string[] = [];
  let current: Struct | undefined;
  for (const rawLine of source.split('\n')) {
    const line = rawLine.trim();
    if (line.startsWith('//')) {
      comment.push(line.slice(2).trim());
      continue;
    }
    if (!current) {
      const struct = /^type (\w+) struct \{/.exec(line);
      const alias = /^(?:type )?(\w+) ((?:\[\]|map\[\w+\])?[\w.]+)$/.exec(line);
      if (struct) {
        current = { doc: splitComment(comment).doc, fields: [] };
        structs.set(`${packageId}.${struct[1]}`, current);
      } else if (line.startsWith('type ') && alias) {
        aliases.set(`${packageId}.${alias[1]}`, qualify(alias[2] ?? '', packageId));
      }
    } else if (line === '}') {
      current = undefined;
    } else {
      const field = parseField(line, comment, packageId);
      if (field) current.fields.push(field);
    }
    comment = [];
  }
}

function parseField(line: string, comment: string[], packageId: string): Field | undefined {
  const match = /^(?:(\w+)\s+)?(\S+)\s+`(.*)`/.exec(line);
  if (!match) return undefined;
  const tag = (key: string): string | undefined => new RegExp(`${key}:"([^"]*)"`).exec(match[3] ?? '')?.[1];
  const json = tag('json');
  if (json === undefined || json === '-') return undefined;
  const [jsonName = '', ...options] = json.split(',');
  const protobuf = tag('protobuf')?.split(',') ?? [];
  const { doc, markers } = splitComment(comment);
  const goType = match[2] ?? '';
  const omitEmpty = options.includes('omitempty') || options.includes('omitzero');
  const inline = options.includes('inline') || jsonName === '';
  return {
    name: jsonName === '' ? (protobuf.find((part) => part.startsWith('name='))?.slice(5) ?? '') : jsonName,
    goType: qualify(goType.replace(/^\*/, ''), packageId),
    number: Number(protobuf[1] ?? 0),
    pointer: goType.startsWith('*'),
    omitEmpty,
    inline,
    required: !omitEmpty && !markers.has('optional') && !markers.has('k8s:optional'),
    doc,
    markers,
    patchStrategy: tag('patchStrategy'),
    patchMergeKey: tag('patchMergeKey'),
  };
}

function qualify(goType: string, packageId: string): string {
  if (goType.startsWith('[]') && goType !== '[]byte')
    return `[]${qualify(goType.slice(2).replace(/^\*/, ''), packageId)}`;
  const map = /^map\[([\w.]+)\](.*)$/.exec(goType);
  if (map) return `map[string]${qualify(map[2] ?? '', packageId)}`;
  if (goType in scalarTypes) return goType;
  const importAliases: Record<string, string> = {
    metav1: 'meta.v1',
    corev1: 'core.v1',
    v1: packageId === 'core.v1' ? 'core.v1' : packageId === 'meta.v1' ? 'meta.v1' : 'core.v1',
  };
  const [first = '', second] = goType.split('.');
  if (second === undefined) return `${packageId}.${first}`;
  return `${importAliases[first] ?? first}.${second}`;
}

/** Resolves Go type expressions to the table's short type names. */
function resolve(goType: string, structs: Map<string, Struct>, aliases: Map<string, string>): string {
  if (goType in scalarTypes) return scalarTypes[goType] ?? '';
  if (goType.startsWith('[]')) return `[]${resolve(goType.slice(2), structs, aliases)}`;
  if (goType.startsWith('map[string]')) {
    const value = goType.slice('map[string]'.length);
    // A named slice as a map value is a message of its own with one repeated field.
    const wrapped = aliases.get(value)?.startsWith('[]') ? 'wrapped:' : '';
    return `map:${wrapped}${resolve(value, structs, aliases)}`;
  }
  if (structs.has(goType)) return goType;
  const alias = aliases.get(goType);
  if (alias === undefined) throw new Error(`unknown Go type ${goType}`);
  return resolve(alias, structs, aliases);
}

function fetchSources(): string {
  const work = mkdtempSync(join(tmpdir(), 'skerry-schema-'));
  const configured = execFileSync(
    'sh',
    [
      '-c',
      "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE '[a-z]+://[^ ]*/debian/?( |$)' | head -1",
    ],
    { encoding: 'utf8' },
  ).trim();
  if (configured === '') throw new Error('no Debian mirror in /etc/apt: pass --sources DIR');
  writeFileSync(join(work, 'sid.list'), `deb ${configured} sid main\n`);
  mkdirSync(join(work, 'lists/partial'), { recursive: true });
  mkdirSync(join(work, 'cache/archives/partial'), { recursive: true });
  const options = [
    '-o',
    `Dir::Etc::sourcelist=${work}/sid.list`,
    '-o',
    'Dir::Etc::sourceparts=/dev/null',
    '-o',
    `Dir::State::Lists=${work}/lists`,
    '-o',
    `Dir::Cache=${work}/cache`,
    '-o',
    'Acquire::AllowInsecureRepositories=true',
    '-o',
    'APT::Get::AllowUnauthenticated=true',
  ];
  execFileSync('apt-get', [...options, 'update'], { stdio: 'ignore' });
  execFileSync('apt-get', [...options, 'download', 'golang-k8s-api-dev', 'golang-k8s-apimachinery-dev'], {
    cwd: work,
    stdio: 'ignore',
  });
  for (const file of readdirSync(work))
    if (file.endsWith('.deb')) execFileSync('dpkg-deb', ['-x', join(work, file), join(work, 'x')]);
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  return join(work, 'x/usr/share/gocode/src');
}

function main(): void {
  const flag = process.argv.indexOf('--sources');
  const sources = flag > 0 ? (process.argv[flag + 1] ?? '') : fetchSources();
  const structs = new Map<string, Struct>();
  const aliases = new Map<string, string>();
  for (const [directory, packageId] of Object.entries(goPackages)) {
    const path = join(sources, directory);
    if (!existsSync(path)) throw new Error(`missing ${path}`);
    for (const file of readdirSync(path)) {
      if (
        !/^(types|micro_time|time|duration)\w*\.go$/.test(file) ||
        file.endsWith('_test.go') ||
        file.startsWith('types_swagger')
      )
        continue;
      parseGoFile(readFileSync(join(path, file), 'utf8'), packageId, structs, aliases);
    }
  }
  const types: Record<string, unknown[]> = {};
  const descriptions: Record<string, Record<string, string>> = {};
  for (const [id, struct] of [...structs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const fields: unknown[] = [];
    const docs: Record<string, string> = { '': struct.doc };
    for (const field of struct.fields) {
      let type: string;
      try {
        type = resolve(field.goType, structs, aliases);
      } catch {
        continue; // fields of other packages (OpenAPI, runtime.Object) are not part of the wire types served here
      }
      const flags = `${field.pointer ? 'p' : ''}${field.omitEmpty ? 'o' : ''}${field.inline ? 'i' : ''}${field.required ? 'r' : ''}`;
      const listType = field.markers.get('listType')?.[0];
      const extras = {
        ...(field.patchStrategy === undefined ? {} : { patchStrategy: field.patchStrategy }),
        ...(field.patchMergeKey === undefined ? {} : { patchMergeKey: field.patchMergeKey }),
        ...(listType === undefined ? {} : { listType }),
        ...(field.markers.has('listMapKey') ? { listMapKeys: field.markers.get('listMapKey') } : {}),
      };
      fields.push([field.name, type, field.number, flags, ...(Object.keys(extras).length > 0 ? [extras] : [])]);
      // Inlined TypeMeta has no name; '' is the type's own text.
      if (field.name !== '') docs[field.name] = field.doc;
    }
    if (fields.length === 0) continue;
    types[id] = fields;
    descriptions[id] = docs;
  }
  const lines = (table: Record<string, unknown>): string =>
    `{\n${Object.entries(table)
      .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join(',\n')}\n}\n`;
  writeFileSync(new URL('../api/schema/types.json', import.meta.url), lines(types));
  writeFileSync(new URL('../api/schema/descriptions.json', import.meta.url), lines(descriptions));
  process.stdout.write(`${Object.keys(types).length} types written\n`);
}

main();
