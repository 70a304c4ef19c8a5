// Reads Go struct declarations: fields with their tags and `+markers`, named
// types, and the values of string enums. Just enough Go for the files of the
// Kubernetes API, whose layout gofmt fixes.

export type GoField = {
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
export type GoStruct = { doc: string; markers: Map<string, string[]>; fields: GoField[] };

/** What was found in all files read so far, by `package.Type`. */
export type GoTypes = {
  structs: Map<string, GoStruct>;
  /** Named types that are no structs. */
  aliases: Map<string, string>;
  enums: Map<string, string[]>;
  /** Values of constants, for `+default=ref(NAME)`. */
  constants: Map<string, string>;
};

/** Splits a Go doc comment into prose and its `+marker=value` lines. */
function splitComment(lines: string[]): { doc: string; markers: Map<string, string[]> } {
  const markers = new Map<string, string[]>();
  const prose: string[] = [];
  let inProse = true;
  for (const line of lines) {
    const marker = /^\+([\w.:()]+)(?:=(.*))?$/.exec(line);
    if (marker) markers.set(marker[1] ?? '', [...(markers.get(marker[1] ?? '') ?? []), marker[2] ?? '']);
    else if (line === '---' || line.startsWith('TODO')) inProse = false;
    else if (inProse) prose.push(line);
  }
  return { doc: prose.join(' ').replace(/\s+/g, ' ').trim(), markers };
}

/** Reads one file of the package `packageId`; `packages` maps import paths to package ids. */
export function readGoFile(source: string, packageId: string, packages: Record<string, string>, types: GoTypes): void {
  const imports = importsOf(source, packages);
  let comment: string[] = [];
  let current: GoStruct | undefined;
  for (const rawLine of source.split('\n')) {
    const line = rawLine.trim();
    if (line.startsWith('//')) {
      comment.push(line.slice(2).trim());
      continue;
    }
    if (current === undefined) current = readDeclaration(line, comment, packageId, imports, types);
    else if (line === '}') current = undefined;
    else {
      const field = readField(line, comment, packageId, imports);
      if (field !== undefined) current.fields.push(field);
    }
    comment = [];
  }
}

/** Package ids by the names under which a file imports them. */
function importsOf(source: string, packages: Record<string, string>): Record<string, string> {
  const imports: Record<string, string> = {};
  for (const [, name, path = ''] of source.matchAll(/^\s*(?:import )?(\w+)?\s*"([\w./-]+)"$/gm)) {
    const id = packages[path];
    if (id !== undefined) imports[name ?? path.split('/').at(-1) ?? ''] = id;
  }
  return imports;
}

/** A declaration outside of structs; returns the struct when one begins. */
function readDeclaration(
  line: string,
  comment: string[],
  packageId: string,
  imports: Record<string, string>,
  { structs, aliases, enums, constants }: GoTypes,
): GoStruct | undefined {
  const struct = /^type (\w+) struct ?\{(\})?/.exec(line);
  if (struct) {
    const found: GoStruct = { ...splitComment(comment), fields: [] };
    structs.set(`${packageId}.${struct[1]}`, found);
    return struct[2] === undefined ? found : undefined;
  }
  const alias = /^type (\w+) ((?:\[\]|map\[[\w.]+\])?[\w.]+)$/.exec(line);
  if (alias) {
    const id = `${packageId}.${alias[1]}`;
    aliases.set(id, qualify(alias[2] ?? '', packageId, imports));
    if (splitComment(comment).markers.has('enum')) enums.set(id, []);
  }
  const constant = /^(?:const )?(\w+)\s+([\w.]+)?\s*=\s*"([^"]*)"/.exec(line);
  if (constant) {
    constants.set(`${packageId}.${constant[1]}`, constant[3] ?? '');
    if (constant[2] !== undefined) enums.get(qualify(constant[2], packageId, imports))?.push(constant[3] ?? '');
  }
  return undefined;
}

function readField(
  line: string,
  comment: string[],
  packageId: string,
  imports: Record<string, string>,
): GoField | undefined {
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
  return {
    name: jsonName === '' ? (protobuf.find((part) => part.startsWith('name='))?.slice(5) ?? '') : jsonName,
    goType: qualify(goType.replace(/^\*/, ''), packageId, imports),
    number: Number(protobuf[1] ?? 0),
    pointer: goType.startsWith('*'),
    omitEmpty,
    inline: options.includes('inline') || jsonName === '',
    required: isRequired(markers, omitEmpty),
    doc,
    markers,
    patchStrategy: tag('patchStrategy'),
    patchMergeKey: tag('patchMergeKey'),
  };
}

/** What a marker says goes before what the JSON tag lets one guess, as for kube-openapi. */
function isRequired(markers: GoField['markers'], omitEmpty: boolean): boolean {
  if (markers.has('optional') || markers.has('k8s:optional')) return false;
  return !omitEmpty || markers.has('required') || markers.has('k8s:required');
}

/** Package names that the scalar table knows by their Go names. */
const scalarPackages = new Set(['types', 'resource', 'intstr', 'runtime']);
const builtins = new Set(['string', 'bool', 'int', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float64']);

function qualify(goType: string, packageId: string, imports: Record<string, string>): string {
  if (goType.startsWith('[]') && goType !== '[]byte')
    return `[]${qualify(goType.slice(2).replace(/^\*/, ''), packageId, imports)}`;
  const map = /^map\[([\w.]+)\](.*)$/.exec(goType);
  if (map) return `map[string]${qualify(map[2] ?? '', packageId, imports)}`;
  if (builtins.has(goType) || goType === '[]byte') return goType;
  const [first = '', second] = goType.split('.');
  if (second === undefined) return `${packageId}.${first}`;
  return scalarPackages.has(first) ? goType : `${imports[first] ?? first}.${second}`;
}
