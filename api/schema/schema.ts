// Access to the generated tables: which fields a Kubernetes type has, how they
// are named in JSON, numbered in protobuf and merged by patches.
import traitTable from './traits.json' with { type: 'json' };
import typeTable from './types.json' with { type: 'json' };

export type FieldSchema = {
  /** JSON name; for inlined structs the protobuf name. */
  name: string;
  /** A scalar (string, boolean, int32, int64, double, bytes, quantity, intstr, time, microtime, duration, fields, raw), `[]T`, `map:T`, or a type id. */
  type: string;
  /** Protobuf field number; 0 when the field is not in the message. */
  number: number;
  /** A pointer in Go: set means present, even when it holds the zero value. */
  pointer: boolean;
  /** Dropped from JSON when empty. */
  omitEmpty: boolean;
  /** Its fields stand in the parent in JSON, and in a message of their own in protobuf. */
  inline: boolean;
  required: boolean;
  patchStrategy?: string;
  patchMergeKey?: string;
  listType?: string;
  listMapKeys?: string[];
  /** `atomic` or `granular`, for maps and structs. */
  mapType?: string;
  /** What server-side apply and defaulting take an absent value for. */
  default?: unknown;
  /** Id of the enum that its strings, or its items, belong to. */
  enum?: string;
  /** Type id under which OpenAPI knows a value, or the values of a list or map, that may be any JSON. */
  definition?: string;
};

type Extras = Pick<
  FieldSchema,
  'patchStrategy' | 'patchMergeKey' | 'listType' | 'listMapKeys' | 'mapType' | 'default' | 'enum' | 'definition'
>;
type Row = [name: string, type: string, number: number, flags: string, extras?: Extras];

const table = typeTable as unknown as Record<string, Row[]>;
const enums = Object.fromEntries(
  Object.entries(traitTable.enums).map(([id, words]) => [id, [...words].sort()]),
) as Record<string, readonly string[]>;
const atomicTypes = new Set(traitTable.atomic);
const fieldCache = new Map<string, FieldSchema[]>();
const jsonCache = new Map<string, Map<string, FieldSchema>>();

/** Whether the tables know this type id, such as `core.v1.Pod`. */
export function isType(typeId: string): boolean {
  return Object.hasOwn(table, typeId);
}

/** The words of an enum, sorted; undefined when there is no such enum. */
export function enumValues(id: string): readonly string[] | undefined {
  return enums[id];
}

/** Whether server-side apply takes values of this type as a whole. */
export function isAtomicType(typeId: string): boolean {
  return atomicTypes.has(typeId);
}

/** The fields of a type as in its protobuf message; inlined structs are one field. */
export function messageFields(typeId: string): FieldSchema[] {
  let fields = fieldCache.get(typeId);
  if (fields === undefined) {
    fields = (table[typeId] ?? []).map(([name, type, number, flags, extras]) => ({
      name,
      type,
      number,
      pointer: flags.includes('p'),
      omitEmpty: flags.includes('o'),
      inline: flags.includes('i'),
      required: flags.includes('r'),
      ...extras,
    }));
    fieldCache.set(typeId, fields);
  }
  return fields;
}

/** The fields of a type as in JSON, by name: inlined structs are flattened. */
export function jsonFields(typeId: string): Map<string, FieldSchema> {
  let fields = jsonCache.get(typeId);
  if (fields === undefined) {
    fields = new Map();
    for (const field of messageFields(typeId)) {
      if (!field.inline) fields.set(field.name, field);
      else for (const [name, inner] of jsonFields(field.type)) fields.set(name, inner);
    }
    jsonCache.set(typeId, fields);
  }
  return fields;
}

/** The element type of `[]T` and `map:T`, or undefined for other types. */
export function elementType(type: string): string | undefined {
  if (type.startsWith('[]')) return type.slice(2);
  if (type.startsWith('map:')) return type.slice(4).replace(/^wrapped:/, '');
  return undefined;
}

/** What Go writes for a scalar that nobody set; undefined for types that have none but null. */
export function scalarZero(type: string): unknown {
  switch (type) {
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'intstr':
      return 0;
    case 'quantity':
      return '0';
    case 'string':
      return '';
    default:
      return undefined;
  }
}
