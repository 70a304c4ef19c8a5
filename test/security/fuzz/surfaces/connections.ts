// Hostile connections: WebSocket handshakes for exec, attach and port-forward
// with frames behind them (v4, v5, SPDY in a tunnel), and bytes that are hardly
// HTTP. RFC 6455; https://kubernetes.io/docs/reference/using-api/api-concepts/
import fc, { type Arbitrary } from 'fast-check';
import type { Input, Part } from '../input.ts';
import { encodeInput } from '../input.ts';
import { mutate, mutations } from '../mutation.ts';
import { hostileText } from '../values.ts';
import { escapeAll, type World } from '../world.ts';
import { spdyFrames, tunnelledFrames, webSocketFrames } from './frames.ts';
import { someHeaders } from './headers.ts';
import { query } from './targets.ts';

type Header = readonly [string, string];
/** Somewhere to go, how to ask for it, and what then goes over it. */
type Handshake = { method: string; target: string; headers: readonly Header[]; frames: Arbitrary<readonly Part[]> };

const pod = '/api/v1/namespaces/default/pods/base';
const commandQueries: readonly string[] = [
  'command=sh&stdin=true&stdout=true&stderr=true',
  'command=sh&stdin=true&stdout=true&tty=true',
  'command=sh&command=-c&command=x&stdout=1&stderr=1&container=main',
  'command=&stdout=true',
];
const key = 'AAAAAAAAAAAAAAAAAAAAAA==';

function webSocket(target: string, protocol: string, frames: Arbitrary<readonly Part[]>): Handshake {
  const headers: Header[] = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Key', key],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Protocol', protocol],
  ];
  return { method: 'GET', target, headers, frames };
}

function spdy(target: string, protocol: string): Handshake {
  const headers: Header[] = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'SPDY/3.1'],
    ['X-Stream-Protocol-Version', protocol],
  ];
  return { method: 'POST', target, headers, frames: spdyFrames };
}

/** As kubectl and client libraries begin. */
const handshakes: readonly Handshake[] = [
  ...commandQueries.flatMap((text) => [
    webSocket(`${pod}/exec?${text}`, 'v5.channel.k8s.io', webSocketFrames),
    webSocket(`${pod}/attach?${text}`, 'v4.channel.k8s.io', webSocketFrames),
    webSocket(`${pod}/exec?${text}`, 'v4.base64.channel.k8s.io', webSocketFrames),
    spdy(`${pod}/exec?${text}`, 'v4.channel.k8s.io'),
    spdy(`${pod}/attach?${text}`, 'v2.channel.k8s.io'),
  ]),
  webSocket(`${pod}/portforward`, 'SPDY/3.1+portforward.k8s.io', tunnelledFrames),
  webSocket(`${pod}/portforward`, 'SPDY/3.1+portforward.k8s.io', tunnelledFrames),
  webSocket(`${pod}/portforward?ports=8080`, 'v4.channel.k8s.io', webSocketFrames),
  webSocket(`${pod}/portforward?ports=8080,9090&ports=1`, 'v4.base64.channel.k8s.io', webSocketFrames),
  spdy(`${pod}/portforward`, 'portforward.k8s.io'),
  spdy(`${pod}/portforward`, 'portforward.k8s.io'),
  webSocket('/api/v1/namespaces/default/pods/base:8080/proxy/x', 'x', webSocketFrames),
];

const targets: readonly string[] = [
  `${pod}/exec`,
  `${pod}/exec?command=sh`,
  `${pod}/exec?command=sh&stdout=true&container=none`,
  '/api/v1/namespaces/default/pods/missing/exec?command=sh&stdout=true',
  `${pod}/portforward?ports=0`,
  `${pod}/portforward?ports=80&ports=99999`,
  `${pod}/portforward?ports=x,,80`,
  `${pod}/log?follow=true`,
  `${pod}/proxy/x`,
  '/api/v1/namespaces/default/services/base/proxy/x',
  '/api/v1/nodes/base/proxy/x',
  '/api/v1/namespaces/default/pods?watch=1',
  '/api/v1/namespaces/default/configmaps/base',
  '/healthz',
  '/',
];
const otherHeaders: readonly Header[] = [
  ['Upgrade', 'h2c'],
  ['Upgrade', 'WebSocket'],
  ['Upgrade', 'spdy/3.1'],
  ['Upgrade', 'SPDY/9'],
  ['Connection', 'keep-alive'],
  ['Sec-WebSocket-Key', 'x'],
  ['Sec-WebSocket-Key', 'A'.repeat(5000)],
  ['Sec-WebSocket-Version', '8'],
  ['Sec-WebSocket-Version', 'x'],
  ['Sec-WebSocket-Protocol', ''],
  ['Sec-WebSocket-Protocol', 'v3.channel.k8s.io'],
  ['Sec-WebSocket-Protocol', 'portforward.k8s.io'],
  ['Sec-WebSocket-Protocol', 'SPDY/3.1+portforward.k8s.io, v5.channel.k8s.io'],
  ['Sec-WebSocket-Protocol', 'base64url.bearer.authorization.k8s.io.eA, v5.channel.k8s.io'],
  ['Sec-WebSocket-Protocol', 'base64url.bearer.authorization.k8s.io.%%%'],
  ['Sec-WebSocket-Protocol', 'v5.channel.k8s.io,'.repeat(100)],
  ['Sec-WebSocket-Protocol', ','],
  ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits'],
  ['Sec-WebSocket-Extensions', 'x; y="'],
  ['X-Stream-Protocol-Version', ''],
  ['X-Stream-Protocol-Version', 'v9.channel.k8s.io'],
];

/** Changes of a handshake: another target, another header in the place of one of its own, another method, more headers. */
type Change = { target: string | null; header: Header | null; method: string | null; more: readonly Header[] | null };

export function webSockets(world: World): Arbitrary<Input> {
  const target = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...targets) },
    {
      weight: 1,
      arbitrary: world.subresource
        .chain(([resource, { name }]) => fc.tuple(world.objectPath(resource, name), query))
        .map((parts) => parts.join('')),
    },
    {
      weight: 1,
      arbitrary: hostileText.map(
        (text) => `${pod}/exec?command=${escapeAll(text)}&container=${escapeAll(text)}&stdout=1`,
      ),
    },
  );
  const change: Arbitrary<Change> = fc.record({
    target: fc.option(target, { freq: 1 }),
    header: fc.option(fc.constantFrom(...otherHeaders), { freq: 1 }),
    method: fc.option(fc.constantFrom('POST', 'PUT', 'GET', 'DELETE', 'HEAD'), { freq: 4 }),
    more: fc.option(someHeaders, { freq: 4 }),
  });
  return fc.constantFrom(...handshakes).chain((handshake) =>
    fc
      .record({
        frames: handshake.frames,
        change: fc.option(change, { freq: 2 }),
        isEarly: fc.boolean(),
        identity: fc.constantFrom<Input['identity']>(
          'admin',
          'admin',
          'admin',
          'admin',
          'admin',
          'admin',
          'user',
          'nobody',
        ),
      })
      .map(({ frames, change: changed, isEarly, identity }): Input => {
        const { header = null, more = null } = changed ?? {};
        const headers = handshake.headers.filter(([name]) => name !== header?.[0]);
        const input: Input = {
          surface: 'websocket',
          identity,
          method: changed?.method ?? handshake.method,
          target: changed?.target ?? handshake.target,
          headers: [...headers, ...(header === null ? [] : [header]), ...(more ?? [])],
          frames,
        };
        // Frames that do not wait for the answer arrive with the handshake.
        return isEarly ? { ...input, raw: [encodeInput(input), ...frames] } : input;
      }),
  );
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
