// Reads Kubernetes' protobuf (`application/vnd.kubernetes.protobuf`) into the
// JSON form of the same object, driven by the generated tables.
// Envelope: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
import { Reader } from 'protobufjs/minimal.js';
import type { JsonObject } from '../meta/object.ts';
import { formatMicroTime, formatTime } from '../meta/time.ts';
import { elementType, type FieldSchema, isType, messageFields } from '../schema/schema.ts';
import { isTooDeep, maxDepth } from './depth.ts';

export class ProtobufError extends Error {}

const magic = Buffer.from('k8s\0');

export type Envelope = { apiVersion: string; kind: string; raw: Uint8Array };

/**
 * Opens the `k8s\0` + runtime.Unknown envelope.
 * @throws ProtobufError when the bytes are no envelope
 */
export function readEnvelope(bytes: Uint8Array): Envelope {
  if (!magic.equals(bytes.subarray(0, 4))) throw new ProtobufError('the body does not begin with the bytes "k8s\\0"');
  const envelope: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array() };
  readFields(bytes.subarray(4), (number, reader) => {
    if (number === 2) envelope.raw = reader.bytes();
    else if (number === 1) {
      readFields(reader.bytes(), (inner, innerReader) => {
        if (inner === 1) envelope.apiVersion = innerReader.string();
        else if (inner === 2) envelope.kind = innerReader.string();
        else return false;
        return true;
      });
    } else return false;
    return true;
  });
  return envelope;
}

/**
 * Decodes a message of the given type.
 * @throws ProtobufError when the bytes are damaged
 */
export function decodeMessage(bytes: Uint8Array, typeId: string): JsonObject {
  const output: JsonObject = {};
  const byNumber = new Map(messageFields(typeId).map((field) => [field.number, field]));
  readFields(bytes, (number, reader, wireType) => {
    const field = byNumber.get(number);
    if (field === undefined) return false;
    readField(output, field, reader, wireType);
    return true;
  });
  return output;
}

function readFields(bytes: Uint8Array, visit: (number: number, reader: Reader, wireType: number) => boolean): void {
  try {
    const reader = Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (!visit(tag >>> 3, reader, tag & 7)) reader.skipType(tag & 7);
    }
  } catch (error) {
    if (error instanceof ProtobufError) throw error;
    throw new ProtobufError(`damaged protobuf message: ${(error as Error).message}`, { cause: error });
  }
}

function readField(output: JsonObject, field: FieldSchema, reader: Reader, wireType: number): void {
  const element = elementType(field.type);
  if (field.inline) {
    Object.assign(output, decodeMessage(reader.bytes(), field.type));
  } else if (element !== undefined && field.type.startsWith('[]')) {
    const list = (output[field.name] as unknown[] | undefined) ?? [];
    output[field.name] = list;
    if (wireType === 2 && isVarint(element)) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) list.push(readScalar(element, reader));
    } else list.push(readValue(element, reader));
  } else if (element !== undefined) {
    const map = (output[field.name] as JsonObject | undefined) ?? {};
    output[field.name] = map;
    const [key, value] = readMapEntry(reader.bytes(), element, field.type.startsWith('map:wrapped:'));
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    const value = readValue(field.type, reader);
    // Go's encoder writes zero values of plain fields; JSON's omitempty drops them.
    const isZero = value === 0 || value === '' || value === false || value === undefined;
    if (!isZero || field.pointer || (!field.omitEmpty && value !== undefined)) output[field.name] = value;
  }
}

function readMapEntry(bytes: Uint8Array, element: string, wrapped: boolean): [string, unknown] {
  let key = '';
  let value: unknown = isType(element)
    ? {}
    : element.startsWith('[]')
      ? []
      : ['string', 'bytes'].includes(element)
        ? ''
        : undefined;
  readFields(bytes, (number, reader) => {
    if (number === 1) key = reader.string();
    else if (number === 2) value = wrapped ? readWrappedList(reader.bytes(), element) : readValue(element, reader);
    else return false;
    return true;
  });
  return [key, value];
}

function readWrappedList(bytes: Uint8Array, element: string): unknown[] {
  const items: unknown[] = [];
  readFields(bytes, (number, reader) => {
    if (number !== 1) return false;
    items.push(readValue(elementType(element) ?? 'string', reader));
    return true;
  });
  return items;
}

function isVarint(type: string): boolean {
  return type === 'int32' || type === 'int64' || type === 'boolean';
}

function readValue(type: string, reader: Reader): unknown {
  return isType(type) ? decodeMessage(reader.bytes(), type) : readScalar(type, reader);
}

function readScalar(type: string, reader: Reader): unknown {
  switch (type) {
    case 'int32':
      return reader.int32();
    case 'int64':
      return Number(reader.int64());
    case 'boolean':
      return reader.bool();
    case 'double':
      return reader.double();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'string':
      return reader.string();
    default:
      return readWellKnown(type, reader.bytes());
  }
}

/** Types that are a message in protobuf and a scalar in JSON. */
function readWellKnown(type: string, bytes: Uint8Array): unknown {
  const numbers: Record<number, number> = {};
  const texts: Record<number, Buffer> = {};
  readFields(bytes, (number, reader, wireType) => {
    if (wireType === 2) texts[number] = Buffer.from(reader.bytes());
    else numbers[number] = Number(reader.int64());
    return true;
  });
  switch (type) {
    case 'quantity':
      return texts[1]?.toString() ?? '0';
    case 'intstr':
      return numbers[1] === 1 ? (texts[3]?.toString() ?? '') : (numbers[2] ?? 0);
    case 'time':
    case 'microtime': {
      if (numbers[1] === undefined) return undefined;
      const timeMs = numbers[1] * 1000 + (numbers[2] ?? 0) / 1e6;
      return type === 'time' ? formatTime(timeMs) : formatMicroTime(timeMs);
    }
    case 'duration':
      return `${(numbers[1] ?? 0) / 1e9}s`;
    case 'fields':
    case 'raw':
      return parseEmbeddedJson(texts[1]);
    default:
      throw new ProtobufError(`no protobuf form is known of the type ${type}`);
  }
}

function parseEmbeddedJson(text: Buffer | undefined): unknown {
  if (text === undefined || text.length === 0) return undefined;
  if (isTooDeep(text)) throw new ProtobufError(`an embedded object is nested deeper than ${maxDepth} levels`);
  try {
    return JSON.parse(text.toString());
  } catch (error) {
    throw new ProtobufError('an embedded object is not JSON', { cause: error });
  }
}
