// Hostile protobuf: the k8s\0 envelope around messages that are built from the
// field numbers of the tables, with wrong wire types, lengths that lie, groups,
// deep nesting and damage. https://protobuf.dev/programming-guides/encoding/
import fc, { type Arbitrary } from 'fast-check';
import { isJsonObject, type JsonObject } from '../../../../api/meta/object.ts';
import { elementType, type FieldSchema, isType, messageFields } from '../../../../api/schema/schema.ts';
import type { Input, Part } from '../input.ts';
import { mutate, mutations } from '../mutation.ts';
import { type Body, pathOf, type Resource, testNamespace, type World } from '../world.ts';
import { objects } from './bodies.ts';

const magic = Buffer.from('k8s\0');

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(Number.isFinite(value) ? value : 0)));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function tag(number: number, wireType: number): Buffer {
  return varint((number << 3) | wireType);
}

function delimited(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([tag(number, 2), varint(bytes.length), bytes]);
}

/** Hostile objects have a toString of their own. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function numberOf(value: unknown): number {
  return Number(textOf(value)) || 0;
}

function encodeScalar(number: number, type: string, value: unknown): Buffer {
  switch (type) {
    case 'int32':
    case 'int64':
      return Buffer.concat([tag(number, 0), varint(numberOf(value))]);
    case 'boolean':
      return Buffer.concat([tag(number, 0), varint(value === true ? 1 : 0)]);
    case 'double': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(numberOf(value));
      return Buffer.concat([tag(number, 1), bytes]);
    }
    case 'bytes':
      return delimited(number, Buffer.from(textOf(value), 'base64'));
    case 'quantity':
    case 'fields':
    case 'raw':
      return delimited(
        number,
        delimited(1, Buffer.from(type === 'quantity' ? textOf(value) : (JSON.stringify(value) ?? ''))),
      );
    case 'intstr':
      return delimited(
        number,
        typeof value === 'number'
          ? Buffer.concat([tag(1, 0), varint(0), tag(2, 0), varint(value)])
          : Buffer.concat([tag(1, 0), varint(1), delimited(3, Buffer.from(textOf(value)))]),
      );
    case 'time':
    case 'microtime':
      return delimited(number, Buffer.concat([tag(1, 0), varint((Date.parse(textOf(value)) || 0) / 1000)]));
    case 'duration':
      return delimited(number, Buffer.concat([tag(1, 0), varint(1e9)]));
    default:
      return delimited(number, Buffer.from(textOf(value)));
  }
}

function encodeField(field: FieldSchema, value: unknown): Buffer {
  const { number, type } = field;
  const element = elementType(type);
  const one = (item: unknown, itemType: string): Buffer =>
    isType(itemType)
      ? delimited(number, encodeMessage(isJsonObject(item) ? item : {}, itemType))
      : encodeScalar(number, itemType, item);
  if (element === undefined) return one(value, type);
  if (type.startsWith('[]'))
    return Buffer.concat((Array.isArray(value) ? value : [value]).map((item) => one(item, element)));
  const entries = Object.entries(isJsonObject(value) ? value : {});
  return Buffer.concat(
    entries.map(([key, item]) =>
      delimited(
        number,
        Buffer.concat([
          delimited(1, Buffer.from(key)),
          encodeField({ ...field, number: 2, type: element, inline: false }, item),
        ]),
      ),
    ),
  );
}

/** A message of a type; what the type has no field for is left out. */
function encodeMessage(object: JsonObject, typeId: string): Buffer {
  const parts: Buffer[] = [];
  for (const field of messageFields(typeId)) {
    if (field.number === 0) continue;
    if (field.inline) parts.push(delimited(field.number, encodeMessage(object, field.type)));
    else if (object[field.name] !== undefined && object[field.name] !== null)
      parts.push(encodeField(field, object[field.name]));
  }
  return Buffer.concat(parts);
}

function envelope({ apiVersion, kind }: Pick<Body, 'apiVersion' | 'kind'>, raw: Uint8Array): Buffer {
  const type = Buffer.concat([delimited(1, Buffer.from(apiVersion)), delimited(2, Buffer.from(kind))]);
  return Buffer.concat([magic, delimited(1, type), delimited(2, raw)]);
}

/** Fields of any number, wire type and length: of which some are the type's own. */
type LooseField = { choice: number; wireType: number; length: number; bytes: Uint8Array };
const looseField: Arbitrary<LooseField> = fc.record({
  choice: fc.nat({ max: 60 }),
  wireType: fc.oneof({ weight: 5, arbitrary: fc.constant(2) }, { weight: 3, arbitrary: fc.nat({ max: 7 }) }),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.constant(-1) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 100, 0x7fffffff, 0xffffffff, 2 ** 53, -2) },
  ),
  bytes: fc.uint8Array({ maxLength: 12 }),
});

function encodeLoose(typeId: string, fields: readonly LooseField[]): Buffer {
  const known = messageFields(typeId);
  return Buffer.concat(
    fields.flatMap(({ choice, wireType, length, bytes }) => {
      const number = known[choice]?.number ?? choice;
      if (wireType !== 2) return [tag(number, wireType), bytes];
      return [tag(number, 2), varint(length === -1 ? bytes.length : length), bytes];
    }),
  );
}

/** Fields of a message that hold a message in which the same can be done again: a walk as deep as wanted. */
function nest(typeId: string, depth: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  // metadata -> managedFields -> fieldsV1 and the like do not recurse; unknown fields and groups may, in a careless reader.
  const number = messageFields(typeId)[0]?.number || 1;
  for (let level = 0; level < depth; level += 1) inner = delimited(number, inner);
  return inner;
}

const tricks: readonly (readonly Part[])[] = [
  [],
  [magic],
  [magic.subarray(0, 3)],
  [magic, new Uint8Array([0x0a])],
  [magic, new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  [magic, new Uint8Array([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
  [magic, ['\x0b', 2000]],
  [magic, ['\x0b', 100_000]],
  [magic, ['\x0b\x0c', 50_000]],
  [magic, ['\x0c', 10]],
  [magic, ['\x0a\x00', 100_000]],
  [magic, ['\x12\x00', 100_000]],
  [magic, ['\x08\x01', 100_000]],
  [magic, new Uint8Array([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80])],
  ['{"kind":"Pod"}'],
];

export function protobufBodies(world: World): Arbitrary<Input> {
  const asProtobuf = (method: string, target: string, body: readonly Part[]): Input => ({
    surface: 'protobuf',
    identity: 'admin',
    method,
    target,
    headers: [['Content-Type', 'application/vnd.kubernetes.protobuf']],
    body,
  });
  const create = (resource: Resource): string => pathOf(resource, testNamespace);
  return fc.oneof(
    {
      weight: 4,
      arbitrary: objects(world).map(({ place, object, resource: { body } }) =>
        asProtobuf(place.method, place.target, [envelope(body, encodeMessage(object, body.typeId))]),
      ),
    },
    {
      weight: 4,
      arbitrary: fc.tuple(objects(world), mutations).map(
        ([
          {
            place,
            object,
            resource: { body },
          },
          list,
        ]) =>
          asProtobuf(place.method, place.target, [mutate(envelope(body, encodeMessage(object, body.typeId)), list)]),
      ),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(world.typed, fc.array(looseField, { maxLength: 8 }))
        .map(([resource, fields]) =>
          asProtobuf('POST', create(resource), [envelope(resource.body, encodeLoose(resource.body.typeId, fields))]),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(world.typed, fc.constantFrom(1, 2, 50, 500, 3000))
        .map(([resource, depth]) =>
          asProtobuf('POST', create(resource), [envelope(resource.body, nest(resource.body.typeId, depth))]),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(world.typed, fc.constantFrom(...tricks))
        .map(([resource, body]) => asProtobuf('POST', create(resource), body)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          world.typed,
          world.typed,
          fc.constantFrom('v1', 'apps/v1', '', 'v1/v1/v1', '__proto__', 'meta.k8s.io/v1'),
          fc.constantFrom('Pod', 'DeleteOptions', 'Status', '', '__proto__', 'PodList', 'constructor'),
        )
        .map(([resource, other, apiVersion, kind]) =>
          asProtobuf('POST', create(resource), [
            envelope({ apiVersion, kind }, encodeMessage({ metadata: { name: 'new-1' } }, other.body.typeId)),
          ]),
        ),
    },
  );
}
