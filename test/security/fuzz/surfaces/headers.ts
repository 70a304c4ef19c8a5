// Hostile headers on requests that are otherwise right: what the client takes,
// what it sends, who it says it is, and how long the message is.
import { gzipSync } from 'node:zlib';
import fc, { type Arbitrary } from 'fast-check';
import { type Input, joinParts } from '../input.ts';
import { hostileText } from '../values.ts';
import { baseObject, pathOf, testNamespace, type World } from '../world.ts';

type Header = readonly [name: string, value: string];

const accepts: readonly string[] = [
  '',
  '*/*',
  '*',
  'application/json',
  'application/yaml',
  'application/cbor',
  'application/vnd.kubernetes.protobuf',
  'application/vnd.kubernetes.protobuf;stream=watch',
  'application/vnd.kubernetes.protobuf,application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=Table;v=v1beta1;g=meta.k8s.io',
  'application/json;as=Table;v=v9;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/yaml;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=;v=;g=',
  'application/json;as=Table;as=Table',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  'text/html',
  'text/plain;version=0.0.4',
  'application/json;q=0',
  'application/json;q=abc, application/yaml;q=0.5',
  'application/json;'.repeat(200),
  'a/b,'.repeat(1000),
  ',,,;;;===',
];
const contentTypes: readonly string[] = [
  'application/json',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
  'application/yaml',
  'application/x-yaml',
  'text/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'application/json;;;;',
  'application/',
  '/',
  'json',
  '',
];
const tokens: readonly string[] = [
  'Bearer',
  'Bearer ',
  'Bearer x',
  'Bearer x y',
  `Bearer ${'a'.repeat(5000)}`,
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06YWRtaW4iLCJncm91cHMiOlsic3lzdGVtOm1hc3RlcnMiXX0.',
  'Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMuY2x1c3Rlci5sb2NhbCJ9.AAAA',
  'Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLy4uLyIsImp3ayI6e319.e30.AAAA',
  'Bearer ..',
  'Bearer %00.%00.%00',
  'bearer x',
  'Basic YWRtaW46YWRtaW4=',
  'Basic !!!',
  'Negotiate x',
  'Digest username="admin"',
];
const users: readonly string[] = [
  'fuzz',
  '',
  'system:admin',
  'system:anonymous',
  'system:node:base',
  'system:serviceaccount:default:default',
  'system:serviceaccount:::',
  'system:serviceaccount:default:../x',
  '__proto__',
  'constructor',
  '\u00e9',
  'a b',
];

const header: Arbitrary<Header> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...accepts).map((value): Header => ['Accept', value]) },
  { weight: 3, arbitrary: fc.constantFrom(...contentTypes).map((value): Header => ['Content-Type', value]) },
  { weight: 3, arbitrary: fc.constantFrom(...tokens).map((value): Header => ['Authorization', value]) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'Impersonate-User',
          'Impersonate-User',
          'Impersonate-Group',
          'Impersonate-Uid',
          'Impersonate-Extra-scopes',
          'Impersonate-Extra-__proto__',
          'Impersonate-Extra-a%2fb',
          'Impersonate-Extra-%zz',
          'Impersonate-Extra-',
          'Impersonate-Other',
        ),
        fc.oneof(fc.constantFrom(...users), hostileText),
      )
      .map(([name, value]): Header => [name, value]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('Accept-Encoding', 'Content-Encoding'),
        fc.constantFrom('gzip', 'br', 'deflate', 'identity', 'gzip;q=0', '*', 'zstd', 'gzip, gzip', 'x'),
      )
      .map(([name, value]): Header => [name, value]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'If-Match',
          'If-None-Match',
          'If-Modified-Since',
          'Range',
          'Origin',
          'Referer',
          'User-Agent',
          'Cookie',
          'Forwarded',
          'X-Forwarded-For',
          'X-Remote-User',
          'X-Remote-Group',
          'X-Remote-Extra-a',
          'X-HTTP-Method-Override',
          'X-Original-URL',
          'X-Stream-Protocol-Version',
          'Audit-ID',
          'traceparent',
          'Sec-WebSocket-Protocol',
          'Kubectl-Command',
          'Last-Event-ID',
          '__proto__',
          'constructor',
        ),
        hostileText,
      )
      .map(([name, value]): Header => [name, value]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Header>(
      ['Host', ''],
      ['Host', 'a b'],
      ['Host', '[::1'],
      ['Host', 'evil.example/../'],
      ['Connection', 'close'],
      ['Connection', 'upgrade'],
      ['Connection', 'keep-alive, x'],
      ['Upgrade', 'h2c'],
      ['Upgrade', 'websocket'],
      ['Expect', '100-continue'],
      ['Expect', '200-ok'],
      ['TE', 'trailers'],
      ['Transfer-Encoding', 'chunked'],
      ['Transfer-Encoding', 'gzip, chunked'],
      ['Transfer-Encoding', 'identity'],
      ['Content-Length', '-1'],
      ['Content-Length', '99999999999999999999'],
      ['Content-Length', '0'],
      ['X-Padding', 'a'.repeat(9000)],
      ['X-Padding', 'a'.repeat(70_000)],
    ),
  },
);

/** Without what would end the line: that is what the surface `connection` is for. */
function clean([name, value]: Header): Header {
  return [name, [...value].filter((character) => /[\t\x20-\x7e\u0080-\u{10ffff}]/u.test(character)).join('')];
}

/** Some hostile headers. */
export const someHeaders: Arbitrary<readonly Header[]> = fc
  .array(header, { minLength: 1, maxLength: 4 })
  .map((list) => list.map(clean));

export function headers(world: World): Arbitrary<Input> {
  const request = fc.oneof(
    fc.tuple(
      fc.constantFrom('GET', 'GET', 'HEAD', 'DELETE'),
      fc.oneof(
        world.resource.chain(world.listPath),
        world.resource.chain((resource) => world.objectPath(resource)),
        fc.constantFrom(
          '/api',
          '/apis',
          '/api/v1',
          '/apis/apps/v1',
          '/version',
          '/openapi/v2',
          '/openapi/v3/apis/apps/v1',
          '/metrics',
          '/healthz',
        ),
        world.resource.chain(world.listPath).map((path) => `${path}?watch=1`),
      ),
      fc.constant(undefined),
      fc.constant(false),
    ),
    fc
      .tuple(
        fc.constantFrom('POST', 'PUT', 'PATCH'),
        world.typed.map((resource) => ({
          path: pathOf(resource, testNamespace),
          object: baseObject(resource, 'new-1'),
        })),
        fc.constantFrom('', '/new-1', '/new-1/status'),
        fc.boolean(),
      )
      .map(
        ([method, { path, object }, name, isZipped]) =>
          [method, path + name, JSON.stringify(object), isZipped] as const,
      ),
  );
  return fc
    .tuple(
      request,
      someHeaders,
      fc.constantFrom<Input['identity']>('admin', 'admin', 'admin', 'node', 'user', 'nobody'),
    )
    .map(([[method, target, body, isZipped], list, identity]) => ({
      surface: 'header',
      identity,
      method,
      target,
      headers: list,
      ...(body === undefined ? {} : { body: isZipped ? [gzipSync(joinParts([body]))] : [body] }),
    }));
}
