// Kubernetes' protobuf: the envelope byte by byte, and messages as Go's encoder
// writes them, with inlined structs, maps, quantities, times and zero values.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Writer } from 'protobufjs/minimal.js';
import { decodeMessage, ProtobufError, readEnvelope } from './protobuf.ts';

type Field = [number: number, value: string | number | boolean | Uint8Array | Message];
type Message = { fields: Field[] };

/** A message; texts, bytes and messages are length-delimited, numbers and booleans varints. */
const message = (...fields: Field[]): Message => ({ fields });

function encode({ fields }: Message): Uint8Array {
  const writer = Writer.create();
  for (const [number, value] of fields) {
    if (typeof value === 'string') writer.uint32((number << 3) | 2).string(value);
    else if (typeof value === 'number') writer.uint32(number << 3).int64(value);
    else if (typeof value === 'boolean') writer.uint32(number << 3).bool(value);
    else writer.uint32((number << 3) | 2).bytes(value instanceof Uint8Array ? value : encode(value));
  }
  return writer.finish();
}

const entry = (key: string, value: string | Uint8Array | Message): Message => message([1, key], [2, value]);
const quantity = (text: string): Message => message([1, text]);

describe('envelope', () => {
  // k8s\0, then typeMeta (apiVersion "v1", kind "Pod"), raw (2 bytes), contentEncoding "", contentType "".
  const bytes = Buffer.from(['6b387300', '0a09', '0a027631', '1203506f64', '1202abcd', '1a00', '2200'].join(''), 'hex');

  it('is opened', () => {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    assert.deepEqual(
      { apiVersion, kind, raw: Buffer.from(raw).toString('hex') },
      { apiVersion: 'v1', kind: 'Pod', raw: 'abcd' },
    );
  });

  it('may be empty', () => {
    assert.deepEqual(readEnvelope(Buffer.from('6b387300', 'hex')), { apiVersion: '', kind: '', raw: new Uint8Array() });
  });

  for (const [title, damaged] of [
    ['no magic', Buffer.from('{"kind":"Pod"}')],
    ['nothing', Buffer.alloc(0)],
    ['cut off', bytes.subarray(0, 10)],
    ['cut off in the magic', bytes.subarray(0, 3)],
  ] as const)
    it(`is refused: ${title}`, () => assert.throws(() => readEnvelope(damaged), ProtobufError));
});

describe('messages', () => {
  const cases: [title: string, typeId: string, message: Message, value: object][] = [
    ['texts', 'core.v1.EnvVar', message([1, 'A'], [2, 'b']), { name: 'A', value: 'b' }],
    ['zero values of plain fields are dropped', 'core.v1.EnvVar', message([1, 'A'], [2, '']), { name: 'A' }],
    ['but not where JSON keeps them', 'core.v1.EnvVar', message([1, '']), { name: '' }],
    [
      'zero values behind pointers stay',
      'core.v1.PodSpec',
      message([4, 0], [21, false]),
      { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false },
    ],
    ['booleans', 'core.v1.PodSpec', message([11, true], [12, false]), { hostNetwork: true }],
    ['negative numbers', 'core.v1.PodSpec', message([25, -5]), { priority: -5 }],
    ['large numbers', 'meta.v1.ObjectMeta', message([7, 2 ** 40]), { generation: 2 ** 40 }],
    ['lists', 'core.v1.Container', message([3, 'a'], [3, ''], [3, 'c']), { command: ['a', '', 'c'] }],
    [
      'lists of messages',
      'core.v1.Container',
      message([7, message([1, 'A'])], [7, message([1, 'B'])]),
      { env: [{ name: 'A' }, { name: 'B' }] },
    ],
    ['maps', 'core.v1.ConfigMap', message([2, entry('a', '1')], [2, entry('b', '')]), { data: { a: '1', b: '' } }],
    ['map entries without a value', 'core.v1.ConfigMap', message([2, message([1, 'a'])]), { data: { a: '' } }],
    ['bytes', 'core.v1.Secret', message([2, entry('a', new Uint8Array([104, 105]))]), { data: { a: 'aGk=' } }],
    [
      'inlined structs, two deep',
      'core.v1.Probe',
      message([1, message([2, message([1, '/'], [2, message([1, 0], [2, 8080])])])], [4, 10]),
      { httpGet: { path: '/', port: 8080 }, periodSeconds: 10 },
    ],
    [
      'inlined sources of volumes',
      'core.v1.Volume',
      message([1, 'v'], [2, message([2, message()])]),
      { name: 'v', emptyDir: {} },
    ],
    [
      'numbers or texts',
      'core.v1.ServicePort',
      message([3, 80], [4, message([1, 1], [2, 0], [3, 'web'])]),
      { port: 80, targetPort: 'web' },
    ],
    ['a number that is zero', 'core.v1.TCPSocketAction', message([1, message([1, 0], [2, 0])]), { port: 0 }],
    [
      'quantities in maps',
      'core.v1.ResourceRequirements',
      message([1, entry('cpu', quantity('500m'))], [2, entry('memory', quantity('1Gi'))]),
      { limits: { cpu: '500m' }, requests: { memory: '1Gi' } },
    ],
    ['quantities behind pointers', 'core.v1.EmptyDirVolumeSource', message([2, quantity('1Gi')]), { sizeLimit: '1Gi' }],
    [
      'times',
      'meta.v1.ObjectMeta',
      message([9, message([1, 1_714_564_800], [2, 0])]),
      { deletionTimestamp: '2024-05-01T12:00:00Z' },
    ],
    ['no time', 'meta.v1.ObjectMeta', message([1, 'n'], [8, message()]), { name: 'n' }],
    [
      'micro times',
      'coordination.v1.LeaseSpec',
      message([4, message([1, 1_714_564_800], [2, 123_000_000])]),
      { renewTime: '2024-05-01T12:00:00.123000Z' },
    ],
    [
      'embedded JSON',
      'meta.v1.ManagedFieldsEntry',
      message([1, 'kubectl'], [7, message([1, new TextEncoder().encode('{"f:data":{}}')])]),
      { manager: 'kubectl', fieldsV1: { 'f:data': {} } },
    ],
    ['unknown fields are skipped', 'core.v1.EnvVar', message([100, 'x'], [1, 'A'], [101, 7]), { name: 'A' }],
    ['the last of a field wins', 'core.v1.EnvVar', message([1, 'A'], [1, 'B']), { name: 'B' }],
  ];
  for (const [title, typeId, input, value] of cases)
    it(title, () => assert.deepEqual(decodeMessage(encode(input), typeId), value));

  it('__proto__ is a key of a map like any other', () => {
    const { data } = decodeMessage(encode(message([2, entry('__proto__', 'x')])), 'core.v1.ConfigMap');
    assert.deepEqual(Object.keys(data as object), ['__proto__']);
    assert.equal(({} as { x?: string }).x, undefined);
  });
});

describe('damage', () => {
  const bytes = encode(
    message([1, 'name'], [7, message([1, 'A'], [2, 'value'])], [8, message([1, entry('cpu', quantity('1'))])]),
  );

  it('is refused or skipped, never anything else', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      for (const damaged of [
        bytes.subarray(0, length),
        Uint8Array.from(bytes, (byte, at) => (at === length ? byte ^ 0xff : byte)),
      ]) {
        try {
          decodeMessage(damaged, 'core.v1.Container');
        } catch (error) {
          assert.ok(error instanceof ProtobufError, `${length}: ${error}`);
        }
      }
    }
  });

  it('of embedded JSON is refused', () => {
    const broken = message([7, message([1, new TextEncoder().encode('{')])]);
    assert.throws(() => decodeMessage(encode(broken), 'meta.v1.ManagedFieldsEntry'), ProtobufError);
  });
});
