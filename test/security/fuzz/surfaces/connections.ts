// Hostile connections: WebSocket handshakes for exec, attach and port-forward
// with frames behind them (v4, v5, SPDY in a tunnel), and bytes that are hardly
// HTTP. RFC 6455; https://kubernetes.io/docs/reference/using-api/api-concepts/
import fc, { type Arbitrary } from 'fast-check';
import type { Input, Part } from '../input.ts';
import { encodeInput } from '../input.ts';
import { mutate, mutations } from '../mutation.ts';
import { hostileText } from '../values.ts';
import { escapeAll, type World } from '../world.ts';
import { someHeaders } from './headers.ts';
import { query } from './targets.ts';

const protocols: readonly string[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.channel.k8s.io, v5.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'portforward.k8s.io',
  'v2.portforward.k8s.io',
  'SPDY/3.1+portforward.k8s.io',
  'SPDY/3.1+portforward.k8s.io, v5.channel.k8s.io',
  'SPDY/3.1',
  'base64url.bearer.authorization.k8s.io.eA, v5.channel.k8s.io',
  'base64url.bearer.authorization.k8s.io.%%%',
  'x',
  '',
  'v5.channel.k8s.io,'.repeat(100),
];
const paths: readonly string[] = [
  '/api/v1/namespaces/default/pods/base/exec?command=sh&stdin=true&stdout=true&tty=true',
  '/api/v1/namespaces/default/pods/base/exec?command=sh&command=-c&command=x&stdout=1&stderr=1',
  '/api/v1/namespaces/default/pods/base/exec',
  '/api/v1/namespaces/default/pods/base/exec?command=&container=none',
  '/api/v1/namespaces/default/pods/missing/exec?command=sh&stdout=true',
  '/api/v1/namespaces/default/pods/base/attach?stdin=true&stdout=true',
  '/api/v1/namespaces/default/pods/base/portforward',
  '/api/v1/namespaces/default/pods/base/portforward?ports=80&ports=99999',
  '/api/v1/namespaces/default/pods/base/log?follow=true',
  '/api/v1/namespaces/default/pods/base/proxy/x',
  '/api/v1/namespaces/default/services/base/proxy/x',
  '/api/v1/nodes/base/proxy/x',
  '/api/v1/namespaces/default/pods?watch=1',
  '/api/v1/namespaces/default/configmaps/base',
  '/healthz',
  '/',
];
const keys: readonly string[] = ['AAAAAAAAAAAAAAAAAAAAAA==', 'x', '', 'A'.repeat(5000), '%%%%', 'AAAA'];

/** A frame of RFC 6455 section 5.2; lengths and masks may lie. */
type Frame = { first: number; isMasked: boolean; length: number; payload: Uint8Array };
const frame: Arbitrary<Frame> = fc.record({
  first: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0x82, 0x81, 0x88, 0x89, 0x8a, 0x02, 0x80, 0x00) },
    { weight: 1, arbitrary: fc.nat({ max: 255 }) },
  ),
  isMasked: fc.constantFrom(true, true, true, false),
  length: fc.oneof(
    { weight: 5, arbitrary: fc.constant(-1) },
    { weight: 1, arbitrary: fc.constantFrom(0, 125, 126, 65_535, 0x7fffffff, 2 ** 40) },
  ),
  payload: fc.oneof(
    // Channels: 0 stdin, 1 and 2 output, 3 error, 4 resize, 255 close; and SPDY's SYN_STREAM, DATA, RST_STREAM, SETTINGS, PING, GOAWAY.
    fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 4, 5, 127, 255), fc.uint8Array({ maxLength: 30 }))
      .map(([channel, data]) => new Uint8Array([channel, ...data])),
    fc
      .constantFrom('\x04{"Width":80,"Height":24}', '\x04{"Width":-1}', '\x04{', '\x04null', '\xff\x00', '\xff', '')
      .map((text) => new Uint8Array(Buffer.from(text, 'latin1'))),
    fc
      .tuple(
        fc.nat({ max: 9 }),
        fc.nat({ max: 255 }),
        fc.constantFrom(0, 1, 10, 0xffffff),
        fc.uint8Array({ maxLength: 24 }),
      )
      .map(
        ([type, flags, length, data]) =>
          new Uint8Array([
            0x80,
            0x03,
            0,
            type,
            flags,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
            ...data,
          ]),
      ),
    fc.uint8Array({ maxLength: 40 }),
  ),
});

function encodeFrame({ first, isMasked, length, payload }: Frame): Uint8Array {
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

const frames: Arbitrary<readonly Part[]> = fc
  .tuple(fc.array(frame, { maxLength: 5 }), fc.option(mutations, { freq: 3 }))
  .map(([list, damage]) => {
    const bytes = Buffer.concat(list.map(encodeFrame));
    return [damage === null ? bytes : mutate(bytes, damage)];
  });

type Header = readonly [string, string];

export function webSockets(world: World): Arbitrary<Input> {
  const path = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...paths) },
    {
      weight: 1,
      arbitrary: world.subresource
        .chain(([resource, { name }]) => fc.tuple(world.objectPath(resource, name), query))
        .map((parts) => parts.join('')),
    },
    {
      weight: 1,
      arbitrary: hostileText.map(
        (text) =>
          `/api/v1/namespaces/default/pods/base/exec?command=${escapeAll(text)}&container=${escapeAll(text)}&stdout=1`,
      ),
    },
  );
  return fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'POST', 'PUT'),
      target: path,
      upgrade: fc.constantFrom('websocket', 'websocket', 'websocket', 'WebSocket', 'SPDY/3.1', 'h2c', 'x'),
      protocol: fc.constantFrom(...protocols),
      key: fc.constantFrom('AAAAAAAAAAAAAAAAAAAAAA==', ...keys),
      version: fc.constantFrom('13', '13', '13', '8', '', 'x'),
      extra: fc.option(someHeaders, { freq: 4 }),
      frames,
      isEarly: fc.boolean(),
      identity: fc.constantFrom<Input['identity']>('admin', 'admin', 'admin', 'admin', 'user', 'nobody'),
    })
    .map(({ method, target, upgrade, protocol, key, version, extra, frames: behind, isEarly, identity }): Input => {
      const headers: Header[] = [
        ['Connection', 'Upgrade'],
        ['Upgrade', upgrade],
        ['Sec-WebSocket-Key', key],
        ['Sec-WebSocket-Version', version],
        ...(protocol === '' ? [] : [['Sec-WebSocket-Protocol', protocol] as Header]),
        ...(extra ?? []),
      ];
      const input: Input = { surface: 'websocket', identity, method, target, headers, frames: behind };
      // Frames that do not wait for the answer arrive with the handshake.
      return isEarly ? { ...input, raw: [encodeInput(input), ...behind] } : input;
    });
}

const requests: readonly string[] = [
  'GET /api/v1/namespaces/default/configmaps/base HTTP/1.1\r\nHost: hub\r\nAccept: application/json\r\n\r\n',
  'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: 81\r\n\r\n{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"data":{"a":""}}',
  'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"ap\r\n3;x=y\r\niVe\r\n0\r\nX: y\r\n\r\n',
  'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET /api HTTP/1.1\r\nHost: hub\r\nExpect: 100-continue\r\n\r\n',
  'PUT /api/v1/namespaces/default/configmaps/base HTTP/1.1\r\nHost: hub\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: hub\r\n\r\n',
  'CONNECT hub:443 HTTP/1.1\r\nHost: hub\r\n\r\n',
  'GET /api HTTP/1.1\r\nHost: hub\r\n\r\nGET /apis HTTP/1.1\r\nHost: hub\r\n\r\nGET /version HTTP/1.1\r\nHost: hub\r\n\r\n',
  'DELETE /api/v1/namespaces/default/configmaps/new-1 HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n\r\n',
];
const longRequests: readonly (readonly Part[])[] = [
  ['GET /', ['a', 20_000], ' HTTP/1.1\r\nHost: hub\r\n\r\n'],
  ['GET / HTTP/1.1\r\nHost: hub\r\n', ['A: b\r\n', 3000], '\r\n'],
  ['GET / HTTP/1.1\r\nHost: hub\r\nA: ', ['b', 100_000], '\r\n\r\n'],
  [
    'POST /api/v1/namespaces HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n',
    ['1\r\na\r\n', 5000],
    '0\r\n\r\n',
  ],
  ['POST /api/v1/namespaces HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n', ['1;', 9000], '\r\n'],
  [['GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n', 50]],
  [['\r\n', 5000], 'GET / HTTP/1.1\r\nHost: hub\r\n\r\n'],
];

export function connections(): Arbitrary<Input> {
  const asRaw = (raw: readonly Part[]): Input => ({
    surface: 'connection',
    identity: 'admin',
    method: 'GET',
    target: '/',
    headers: [],
    raw,
  });
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...requests), mutations)
        .map(([text, list]) => asRaw([mutate(Buffer.from(text), list)])),
    },
    { weight: 1, arbitrary: fc.constantFrom(...requests).map((text) => asRaw([text])) },
    { weight: 1, arbitrary: fc.constantFrom(...longRequests).map(asRaw) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => asRaw([bytes])) },
  );
}
