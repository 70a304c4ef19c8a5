// Turns a JSON value that a client sent into an object of a known type: wrong
// types are refused with the path and what was expected, unknown fields are
// reported, nulls are dropped, quantities are in their canonical form, and what
// Go always writes is there, as with Kubernetes' strict decoder.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { canonicalQuantity, quantityFormatMessage } from '../meta/quantity.ts';
import { parseTime } from '../meta/time.ts';
import { elementType, isType, jsonFields, scalarZero } from './schema.ts';

export class DecodeError extends Error {}

export type Decoded = { value: JsonObject; unknownFields: string[] };

/** Nothing in Kubernetes' types nests deeper than about 20; this bounds hostile input. */
const maxDepth = 64;

/**
 * Decodes `input` as the type `typeId`.
 * @throws DecodeError naming the field's path, what was found and what was expected
 */
export function decodeType(input: unknown, typeId: string): Decoded {
  const unknownFields: string[] = [];
  if (!isJsonObject(input)) throw new DecodeError(`expected a JSON object, found ${describe(input)}`);
  return { value: decodeStruct(input, typeId, '', unknownFields, 0), unknownFields };
}

function decodeStruct(
  input: JsonObject,
  typeId: string,
  path: string,
  unknownFields: string[],
  depth: number,
): JsonObject {
  if (depth > maxDepth) throw new DecodeError(`${path}: nested deeper than ${maxDepth} levels`);
  const fields = jsonFields(typeId);
  const output: JsonObject = {};
  for (const [name, value] of Object.entries(input)) {
    const fieldPath = path === '' ? name : `${path}.${name}`;
    const field = fields.get(name);
    if (field === undefined) unknownFields.push(fieldPath);
    else if (value !== null && value !== undefined) {
      const decoded = decodeValue(value, field.type, fieldPath, unknownFields, depth);
      // As Go's omitempty: `annotations: {}` and `taints: []` are the same as nothing.
      if (!field.omitEmpty || field.pointer || !isEmpty(decoded, field.type)) output[name] = decoded;
    }
  }
  for (const [name, type] of alwaysWritten(typeId))
    if (!Object.hasOwn(output, name))
      output[name] = isType(type) ? decodeStruct({}, type, name, unknownFields, depth + 1) : scalarZero(type);
  return output;
}

const alwaysWrittenCache = new Map<string, (readonly [name: string, type: string])[]>();

/**
 * The fields that are in the JSON of every value of the type, set or not: Go drops only what has `omitempty`. So a
 * check finds an empty text where nothing was given. Lists, maps and times that nobody set are null in Go; here they
 * stay out, as null does everywhere.
 */
function alwaysWritten(typeId: string): (readonly [name: string, type: string])[] {
  let fields = alwaysWrittenCache.get(typeId);
  if (fields === undefined) {
    fields = [...jsonFields(typeId)]
      .filter(([, field]) => !field.pointer && !field.omitEmpty)
      .map(([name, { type }]) => [name, type] as const)
      .filter(([, type]) => isType(type) || scalarZero(type) !== undefined);
    alwaysWrittenCache.set(typeId, fields);
  }
  return fields;
}

/** Whether Go would call the value empty; structs (quantities and intstr among them) never are. */
function isEmpty(value: unknown, type: string): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (type.startsWith('map:')) return Object.keys(value as JsonObject).length === 0;
  if (type === 'intstr' || type === 'quantity' || type === 'raw') return false;
  return value === '' || value === 0 || value === false;
}

function decodeValue(value: unknown, type: string, path: string, unknownFields: string[], depth: number): unknown {
  const element = elementType(type);
  if (element !== undefined && type.startsWith('[]')) {
    if (!Array.isArray(value)) throw mismatch(path, value, 'array');
    return value.map((item, index) => {
      if (item === null) throw mismatch(`${path}[${index}]`, item, expectation(element));
      return decodeValue(item, element, `${path}[${index}]`, unknownFields, depth + 1);
    });
  }
  if (element !== undefined) {
    if (!isJsonObject(value)) throw mismatch(path, value, 'object');
    const decodeItem = (item: unknown, key: string): unknown =>
      item === null && element === 'string'
        ? ''
        : decodeValue(item, element, `${path}.${key}`, unknownFields, depth + 1);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decodeItem(item, key)]));
  }
  if (isType(type)) {
    if (!isJsonObject(value)) throw mismatch(path, value, 'object');
    return decodeStruct(value, type, path, unknownFields, depth + 1);
  }
  return decodeScalar(value, type, path);
}

function decodeScalar(value: unknown, type: string, path: string): unknown {
  switch (type) {
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(path, value, 'boolean');
      return value;
    case 'int32':
    case 'int64':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(path, value, 'integer');
      if (type === 'int32' && (value > 0x7fffffff || value < -0x80000000))
        throw new DecodeError(`${path}: ${value} does not fit into a 32-bit integer`);
      return value;
    case 'double':
      if (typeof value !== 'number') throw mismatch(path, value, 'number');
      return value;
    case 'intstr':
      if (typeof value !== 'string' && !(typeof value === 'number' && Number.isInteger(value)))
        throw mismatch(path, value, 'integer or string');
      return value;
    case 'quantity':
      return decodeQuantity(value, path);
    case 'time':
    case 'microtime':
      if (typeof value !== 'string' || Number.isNaN(parseTime(value))) {
        throw new DecodeError(
          `${path}: expected a time in RFC 3339 form such as 2006-01-02T15:04:05Z, found ${JSON.stringify(value)}`,
        );
      }
      return value;
    case 'bytes':
      if (typeof value !== 'string') throw mismatch(path, value, 'base64 string');
      if (!/^[A-Za-z0-9+/\r\n]*={0,2}$/.test(value) || value.replace(/[\r\n]/g, '').length % 4 !== 0) {
        throw new DecodeError(`${path}: illegal base64 data`);
      }
      return value;
    case 'raw':
    case 'fields':
      return value;
    default:
      if (typeof value !== 'string') throw mismatch(path, value, 'string');
      return value;
  }
}

function decodeQuantity(value: unknown, path: string): string {
  const text = typeof value === 'string' || typeof value === 'number' ? canonicalQuantity(value) : undefined;
  if (text === undefined)
    throw new DecodeError(`${path}: invalid quantity ${JSON.stringify(value)}: ${quantityFormatMessage}`);
  return text;
}

function expectation(type: string): string {
  return isType(type) ? 'object' : type;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function mismatch(path: string, value: unknown, expected: string): DecodeError {
  return new DecodeError(`${path}: cannot unmarshal ${describe(value)} into a field of type ${expected}`);
}
