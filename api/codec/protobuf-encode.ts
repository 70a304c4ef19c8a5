// Writes objects as Kubernetes' protobuf (`application/vnd.kubernetes.protobuf`),
// driven by the generated tables: the way back of protobuf.ts.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
import { Writer } from 'protobufjs/minimal.js';
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { parseTime } from '../meta/time.ts';
import { elementType, isType, messageFields } from '../schema/schema.ts';

const magic = Buffer.from('k8s\0');
const wire = { varint: 0, fixed64: 1, bytes: 2 } as const;

/** An object of a known type in the `k8s\0` + runtime.Unknown envelope. */
export function encodeEnvelope(object: JsonObject, typeId: string): Buffer {
  const writer = Writer.create();
  const { apiVersion = '', kind = '' } = object;
  tag(writer, 1, wire.bytes).fork();
  tag(writer, 1, wire.bytes).string(String(apiVersion));
  tag(writer, 2, wire.bytes).string(String(kind));
  writer.ldelim();
  tag(writer, 2, wire.bytes).fork();
  writeMessage(writer, object, typeId);
  writer.ldelim();
  tag(writer, 3, wire.bytes).string('');
  tag(writer, 4, wire.bytes).string('');
  return Buffer.concat([magic, writer.finish()]);
}

/** An event of a watch: its length in four bytes, then a WatchEvent that holds the object's envelope. */
export function encodeWatchFrame(type: string, envelope: Uint8Array): Buffer {
  const writer = Writer.create();
  tag(writer, 1, wire.bytes).string(type);
  tag(writer, 2, wire.bytes).fork();
  tag(writer, 1, wire.bytes).bytes(envelope);
  writer.ldelim();
  const event = writer.finish();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

function tag(writer: Writer, number: number, wireType: number): Writer {
  return writer.uint32((number << 3) | wireType);
}

function writeMessage(writer: Writer, object: JsonObject, typeId: string): void {
  for (const { name, type, number, inline } of messageFields(typeId)) {
    if (number === 0) continue;
    // An inlined struct's fields stand beside its own in JSON, and in a message of their own here.
    const value = inline ? object : object[name];
    if (value === undefined || value === null) continue;
    writeField(writer, number, type, value);
  }
}

function writeField(writer: Writer, number: number, type: string, value: unknown): void {
  const element = elementType(type);
  if (element !== undefined && type.startsWith('[]')) {
    for (const item of Array.isArray(value) ? value : []) writeField(writer, number, element, item);
  } else if (element !== undefined) {
    const isWrapped = type.startsWith('map:wrapped:');
    for (const [key, item] of Object.entries(isJsonObject(value) ? value : {})) {
      tag(writer, number, wire.bytes).fork();
      tag(writer, 1, wire.bytes).string(key);
      if (isWrapped) message(writer, 2, (inner) => writeField(inner, 1, element, item));
      else writeField(writer, 2, element, item);
      writer.ldelim();
    }
  } else if (isType(type))
    message(writer, number, (inner) => writeMessage(inner, isJsonObject(value) ? value : {}, type));
  else writeScalar(writer, number, type, value);
}

function message(writer: Writer, number: number, write: (inner: Writer) => void): void {
  tag(writer, number, wire.bytes).fork();
  write(writer);
  writer.ldelim();
}

function writeScalar(writer: Writer, number: number, type: string, value: unknown): void {
  switch (type) {
    case 'boolean':
      tag(writer, number, wire.varint).bool(value === true);
      return;
    case 'int32':
    case 'int64':
      tag(writer, number, wire.varint).int64(Number(value));
      return;
    case 'double':
      tag(writer, number, wire.fixed64).double(Number(value));
      return;
    case 'bytes':
      tag(writer, number, wire.bytes).bytes(Buffer.from(String(value), 'base64'));
      return;
    case 'quantity':
      message(writer, number, (inner) => tag(inner, 1, wire.bytes).string(String(value)));
      return;
    case 'intstr':
      message(writer, number, (inner) => writeIntOrString(inner, value));
      return;
    case 'time':
    case 'microtime':
      message(writer, number, (inner) => writeTime(inner, String(value)));
      return;
    case 'duration':
      message(writer, number, (inner) => tag(inner, 1, wire.varint).int64(Number.parseFloat(String(value)) * 1e9));
      return;
    case 'fields':
    case 'raw':
      message(writer, number, (inner) => tag(inner, 1, wire.bytes).bytes(Buffer.from(JSON.stringify(value))));
      return;
    default:
      tag(writer, number, wire.bytes).string(String(value));
  }
}

function writeIntOrString(writer: Writer, value: unknown): void {
  const isText = typeof value === 'string';
  tag(writer, 1, wire.varint).int64(isText ? 1 : 0);
  tag(writer, 2, wire.varint).int64(isText ? 0 : Number(value));
  tag(writer, 3, wire.bytes).string(isText ? value : '');
}

/** Seconds and nanoseconds since 1970. */
function writeTime(writer: Writer, text: string): void {
  const timeMs = parseTime(text);
  if (Number.isNaN(timeMs)) return;
  const seconds = Math.floor(timeMs / 1000);
  // Milliseconds are all that a number of JavaScript's holds; micro times have three more digits.
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  tag(writer, 1, wire.varint).int64(seconds);
  tag(writer, 2, wire.varint).int64(Number(fraction.padEnd(9, '0')));
}
