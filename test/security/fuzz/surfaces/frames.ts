// What goes over an upgraded connection: frames of WebSockets with Kubernetes'
// channels in them, and frames of SPDY/3.1, right, out of order and damaged.
// RFC 6455 section 5; https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
import { deflateSync } from 'node:zlib';
import fc, { type Arbitrary } from 'fast-check';
import type { Part } from '../input.ts';
import { mutate, mutations } from '../mutation.ts';
import { hostileText } from '../values.ts';

/** Lengths and masks may lie. */
type Frame = { first: number; isMasked: boolean; length: number; payload: Uint8Array };

function encodeFrame({ first, isMasked, length, payload }: Frame): Buffer {
  const size = length === -1 ? payload.length : length;
  const head = Buffer.alloc(10);
  head.writeUInt8(first, 0);
  const mask = isMasked ? 0x80 : 0;
  let headLength = 2;
  if (size < 126) head.writeUInt8(mask | size, 1);
  else if (size < 65_536) {
    head.writeUInt8(mask | 126, 1);
    head.writeUInt16BE(size, 2);
    headLength = 4;
  } else {
    head.writeUInt8(mask | 127, 1);
    head.writeBigUInt64BE(BigInt(size), 2);
    headLength = 10;
  }
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([head.subarray(0, headLength), Buffer.alloc(isMasked ? 4 : 0), payload]);
}

/** Channels: 0 stdin, 1 and 2 output, 3 error, 4 resize, 255 close. */
const message: Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 127, 255), fc.uint8Array({ maxLength: 30 }))
    .map(([channel, data]) => new Uint8Array([channel, ...data])),
  fc
    .constantFrom(
      '\x04{"Width":80,"Height":24}',
      '\x04{"Width":-1}',
      '\x04{',
      '\x04null',
      '\x04{"Width":1e9,"Height":"x"}',
      '\xff\x00',
      '\xff\x09',
      '\xff',
      '',
      '0aGk=',
      '5',
      '\x00',
    )
    .map((text) => new Uint8Array(Buffer.from(text, 'latin1'))),
  fc.uint8Array({ maxLength: 40 }),
);
const frame: Arbitrary<Frame> = fc.record({
  first: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(0x82, 0x82, 0x82, 0x81, 0x88, 0x89, 0x8a, 0x02, 0x80, 0x00) },
    { weight: 1, arbitrary: fc.nat({ max: 255 }) },
  ),
  isMasked: fc.constantFrom(true, true, true, true, true, true, true, false),
  length: fc.oneof(
    { weight: 12, arbitrary: fc.constant(-1) },
    { weight: 1, arbitrary: fc.constantFrom(0, 125, 126, 65_535, 5 << 20, 0x7fffffff, 2 ** 40) },
  ),
  payload: message,
});

function damaged(bytes: Arbitrary<Buffer>): Arbitrary<readonly Part[]> {
  return fc
    .tuple(bytes, fc.option(mutations, { freq: 2 }))
    .map(([whole, damage]) => [damage === null ? whole : mutate(whole, damage)]);
}

const webSocketBytes = fc.array(frame, { maxLength: 8 }).map((list) => Buffer.concat(list.map(encodeFrame)));

type Spdy =
  | { kind: 'open'; id: number; headers: readonly (readonly [string, string])[]; flags: number }
  | { kind: 'data'; id: number; bytes: Uint8Array; flags: number; length: number }
  | { kind: 'control'; type: number; flags: number; bytes: Uint8Array; length: number }
  | { kind: 'bomb'; id: number; size: number };

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  const texts = headers.flat().map((text) => Buffer.concat([uint32(Buffer.byteLength(text)), Buffer.from(text)]));
  return Buffer.concat([uint32(headers.length), ...texts]);
}

/** A block of deflate that is stored as it is: any number of them go on one stream (RFC 1951 section 3.2.4). */
function stored(bytes: Uint8Array): Buffer {
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16LE(bytes.length, 0);
  lengths.writeUInt16LE(bytes.length ^ 0xffff, 2);
  return Buffer.concat([Buffer.from([0]), lengths, bytes]);
}

function control(type: number, flags: number, bytes: Uint8Array, length = bytes.length): Buffer {
  return Buffer.concat([Buffer.from([0x80, 0x03, 0, type]), uint32((flags << 24) | (length & 0xffffff)), bytes]);
}

function encodeOne(one: Spdy, zlibHead: Uint8Array): Buffer {
  switch (one.kind) {
    case 'open': {
      const block = Buffer.concat([zlibHead, stored(headerBlock(one.headers))]);
      return control(1, one.flags, Buffer.concat([uint32(one.id), uint32(0), Buffer.alloc(2), block]));
    }
    case 'data':
      return Buffer.concat([
        uint32(one.id & 0x7fffffff),
        uint32((one.flags << 24) | (one.length & 0xffffff)),
        one.bytes,
      ]);
    case 'bomb':
      return control(
        1,
        0,
        Buffer.concat([uint32(one.id), uint32(0), Buffer.alloc(2), deflateSync(Buffer.alloc(one.size))]),
      );
    case 'control':
      return control(one.type, one.flags, one.bytes, one.length);
  }
}

/** All header blocks of a connection are one stream of zlib, whose head goes with the first. */
function encodeSpdy(list: readonly Spdy[]): Buffer {
  const first = list.findIndex(({ kind }) => kind === 'open');
  return Buffer.concat(list.map((one, index) => encodeOne(one, Buffer.from(index === first ? [0x78, 0x01] : []))));
}

const streamId = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(1, 3, 5, 7, 9) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2, 4, 0x7fffffff, 0x80000001) },
);
const length = fc.oneof(
  { weight: 8, arbitrary: fc.constant(-1) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 0xffff, 0xfffff, 0xffffff) },
);
const header: Arbitrary<readonly [string, string]> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constant('streamtype'),
      fc.constantFrom('error', 'stdin', 'stdout', 'stderr', 'resize', 'data', 'x', '', '__proto__'),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom('port', 'requestid'),
      fc.constantFrom('80', '8080', '0', '-1', '99999', 'x', '', '1e3', '00'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.oneof(hostileText, fc.constantFrom('__proto__', 'STREAMTYPE', '')), hostileText),
  },
);
const spdyFrame: Arbitrary<Spdy> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      id: streamId,
      headers: fc.array(header, { maxLength: 4 }),
      flags: fc.constantFrom(0, 0, 1, 2, 255),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({
        kind: fc.constant('data' as const),
        id: streamId,
        bytes: fc.uint8Array({ maxLength: 30 }),
        flags: fc.constantFrom(0, 0, 1, 255),
        length,
      })
      .map((one) => ({ ...one, length: one.length === -1 ? one.bytes.length : one.length })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        kind: fc.constant('control' as const),
        type: fc.oneof(fc.constantFrom(1, 2, 3, 4, 6, 7, 8, 9), fc.nat({ max: 255 })),
        flags: fc.constantFrom(0, 1, 255),
        bytes: fc.uint8Array({ maxLength: 24 }),
        length,
      })
      .map((one) => ({ ...one, length: one.length === -1 ? one.bytes.length : one.length })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('bomb' as const),
      id: streamId,
      size: fc.constantFrom(100, 20_000, 4_000_000),
    }),
  },
);

const opened = (id: number, ...headers: [string, string][]): Spdy => ({ kind: 'open', id, headers, flags: 0 });
const command: readonly Spdy[] = [
  opened(1, ['streamtype', 'error']),
  opened(3, ['streamtype', 'stdin']),
  opened(5, ['streamtype', 'stdout']),
  opened(7, ['streamtype', 'stderr']),
  opened(9, ['streamtype', 'resize']),
];
const forward: readonly Spdy[] = [
  opened(1, ['streamtype', 'error'], ['port', '8080'], ['requestid', '0']),
  opened(3, ['streamtype', 'data'], ['port', '8080'], ['requestid', '0']),
];

/** The streams that a client opens first, or some of them, and anything behind. */
const spdyBytes = fc
  .tuple(
    fc.constantFrom(command, command.slice(0, 3), command.slice(0, 4), forward, forward.slice(0, 1), [], []),
    fc.array(spdyFrame, { maxLength: 8 }),
    fc.boolean(),
  )
  .map(([first, more, isMixed]) =>
    encodeSpdy(isMixed ? [...more.slice(0, 2), ...first, ...more.slice(2)] : [...first, ...more]),
  );

/** Messages on the channels of a WebSocket. */
export const webSocketFrames: Arbitrary<readonly Part[]> = damaged(webSocketBytes);

/** SPDY on its own connection. */
export const spdyFrames: Arbitrary<readonly Part[]> = damaged(spdyBytes);

/** SPDY in the messages of a WebSocket, cut anywhere. */
export const tunnelledFrames: Arbitrary<readonly Part[]> = damaged(
  fc.tuple(spdyBytes, fc.nat({ max: 60 })).map(([bytes, at]) => {
    const whole = (payload: Uint8Array): Buffer => encodeFrame({ first: 0x82, isMasked: true, length: -1, payload });
    return Buffer.concat([whole(bytes.subarray(0, at)), whole(bytes.subarray(at))]);
  }),
);
