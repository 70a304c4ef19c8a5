// Hostile request targets: paths, query parameters, selectors, continue tokens
// and resource versions.
import fc, { type Arbitrary } from 'fast-check';
import type { Input } from '../input.ts';
import { mutate, mutations } from '../mutation.ts';
import { escapes, hostileText } from '../values.ts';
import {
  escapeAll,
  groupPath,
  hostileSegment,
  namespaces,
  type Resource,
  testNamespace,
  type World,
} from '../world.ts';

type Target = Pick<Input, 'method' | 'target'>;

/** An input that is nothing but its target. */
export function bare(surface: string, { method, target }: Target): Input {
  return { surface, identity: 'admin', method, target, headers: [] };
}

const methods = fc.oneof(
  { weight: 8, arbitrary: fc.constant('GET') },
  { weight: 3, arbitrary: fc.constantFrom('HEAD', 'DELETE', 'OPTIONS') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('POST', 'PUT', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND', 'get', 'PURGE', 'QUERY', 'FOO'),
  },
);

/** Paths that are no resources. */
const documents: readonly string[] = [
  '/',
  '/api',
  '/api/',
  '/apis',
  '/apis/',
  '/api/v1',
  '/api/v2',
  '/apis/apps',
  '/apis/apps/v1',
  '/apis/apps/v9',
  '/apis//v1',
  '/version',
  '/version/',
  '/healthz',
  '/healthz/etcd',
  '/livez?verbose',
  '/livez/ping',
  '/readyz?exclude=etcd&verbose=1',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/apps/v1?hash=0',
  '/openapi/v3/../v2',
  '/logs/',
  '/logs/../../etc/passwd',
  '/debug/pprof/',
  '/.well-known/openid-configuration',
  '/openid/v1/jwks',
  '/apis/metrics.k8s.io/v1beta1/nodes',
  '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/base',
  '/api/v1/watch/pods',
  '/api/v1/watch/namespaces/default/pods/base',
  '/api/v1/proxy/nodes/base',
  '/api/v1/nodes/base/proxy/pods',
  '/api/v1/nodes/base:10250/proxy/../../secrets',
  '/api/v1/namespaces/default/services/https:base:http/proxy/../../x',
  '/api/v1/namespaces/default/pods/base:8080/proxy/%2e%2e/x',
  '/api/v1/namespaces/default',
  '/api/v1/namespaces/default/finalize',
  '/api/v1/namespaces/default/status',
  '/api/v1/namespaces/status',
  '/api/v1/namespaces/finalize/pods',
  '/api/v1/namespaces/default/namespaces/default',
  '/static/../api',
  '/index.html',
  '/favicon.ico',
];

type PathChange = { at: number; segment: string; how: 'insert' | 'replace' | 'append' | 'double' | 'case' };
const pathChange: Arbitrary<PathChange> = fc.record({
  at: fc.nat({ max: 9 }),
  segment: hostileSegment,
  how: fc.constantFrom<PathChange['how']>('insert', 'replace', 'append', 'double', 'case'),
});

function changePath(path: string, { at, segment, how }: PathChange): string {
  const segments = path.split('/');
  const index = 1 + (at % Math.max(1, segments.length - 1));
  if (how === 'append') return `${path}/${segment}`;
  if (how === 'double') segments.splice(index, 0, '');
  else if (how === 'insert') segments.splice(index, 0, segment);
  else segments[index] = how === 'case' ? (segments[index] ?? '').toUpperCase() : segment;
  return segments.join('/');
}

/** Forms of a target that are no path of this server (RFC 9112 section 3.2), and paths that a URL parser may misread. */
function wrapPath(path: string, form: number): string {
  const forms = [
    '',
    'http://hub',
    'https://user:pass@hub:1',
    'hub:443',
    '*',
    '/',
    '//',
    '///',
    '/\\',
    '/http://hub',
    '//hub:x',
  ];
  return (forms[form] ?? '') + path;
}

/** A path to anything, right as it stands. */
function anyPath(world: World): Arbitrary<string> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...documents) },
    { weight: 2, arbitrary: world.resource.chain(world.listPath) },
    { weight: 3, arbitrary: world.resource.chain((resource) => world.objectPath(resource)) },
    { weight: 2, arbitrary: world.subresource.chain(([resource, { name }]) => world.objectPath(resource, name)) },
  );
}

export function paths(world: World): Arbitrary<Input> {
  const changed = fc
    .tuple(anyPath(world), fc.array(pathChange, { maxLength: 3 }))
    .map(([path, changes]) => changes.reduce(changePath, path));
  const target = fc.oneof(
    { weight: 8, arbitrary: changed },
    { weight: 2, arbitrary: fc.tuple(changed, fc.nat({ max: 10 })).map(([path, form]) => wrapPath(path, form)) },
    {
      weight: 1,
      arbitrary: fc.tuple(changed, mutations).map(([path, list]) => mutate(Buffer.from(path), list).toString('latin1')),
    },
  );
  return fc.record({ method: methods, target }).map((input) => bare('path', input));
}

/** What Kubernetes knows as parameters, and what JavaScript does. */
const parameterNames: readonly string[] = [
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'labelSelector',
  'fieldSelector',
  'watch',
  'timeoutSeconds',
  'timeout',
  'sendInitialEvents',
  'allowWatchBookmarks',
  'pretty',
  'dryRun',
  'fieldManager',
  'fieldValidation',
  'force',
  'gracePeriodSeconds',
  'propagationPolicy',
  'orphanDependents',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'includeObject',
  'container',
  'follow',
  'previous',
  'tailLines',
  'sinceSeconds',
  'sinceTime',
  'limitBytes',
  'timestamps',
  'stream',
  'insecureSkipTLSVerifyBackend',
  'command',
  'stdin',
  'stdout',
  'stderr',
  'tty',
  'ports',
  'path',
  'verbose',
  'exclude',
  '__proto__',
  'constructor',
  'toString',
  '',
];
const parameterValues: readonly string[] = [
  'true',
  'false',
  '1',
  '0',
  '-1',
  'TRUE',
  'Exact',
  'NotOlderThan',
  'exact',
  'All',
  'all',
  'Strict',
  'Warn',
  'Ignore',
  'Orphan',
  'Background',
  'Foreground',
  'Object',
  'None',
  'Metadata',
  '1.5',
  '9007199254740993',
  '99999999999999999999',
  '1e3',
  '0x1',
  'base',
];

const parameter: Arbitrary<string> = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...parameterNames) }, { weight: 1, arbitrary: hostileText }),
    fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...parameterValues) }, { weight: 1, arbitrary: hostileText }),
    fc.constantFrom('=', '=', '=', '=', '', '==', '%3d'),
    fc.boolean(),
  )
  .map(([name, value, sign, isEscaped]) => `${isEscaped ? escapeAll(name) : urlSafe(name)}${sign}${escapeAll(value)}`);

/** Leaves a text as it is, but for what ends a request line. */
function urlSafe(text: string): string {
  return [...text].map((character) => (/[\x21-\x7e]/.test(character) ? character : escapeAll(character))).join('');
}

/** Of a path: what may stand behind it. */
export const query: Arbitrary<string> = fc
  .tuple(fc.array(parameter, { minLength: 1, maxLength: 4 }), fc.constantFrom('&', '&', '&', '&&', ';', '?'))
  .map(([parameters, separator]) => `?${parameters.join(separator)}`);

export function queries(world: World): Arbitrary<Input> {
  return fc
    .record({ method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'HEAD', 'DELETE'), path: anyPath(world), query })
    .map((input) => bare('query', { method: input.method, target: input.path + input.query }));
}

const selectorTokens: readonly string[] = [
  'app',
  'base',
  'a.example.com/b',
  '/b',
  'a/',
  '=',
  '==',
  '!=',
  '!',
  ' in ',
  ' notin ',
  '(',
  ')',
  ',',
  ' ',
  '>',
  '<',
  '1',
  '-1',
  'metadata.name',
  'metadata.namespace',
  'spec.nodeName',
  'status.phase',
  'involvedObject.name',
  'type',
  '\\,',
  '\\=',
  '\\',
  '"',
  "'",
  '\u0000',
  'é',
  '__proto__',
  'x'.repeat(64),
  '()'.repeat(50),
  ','.repeat(500),
  'a,'.repeat(1000),
  'a in ('.repeat(100),
  `a in (${'b,'.repeat(1000)}c)`,
  '!'.repeat(200),
];
const selector: Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.array(fc.constantFrom(...selectorTokens), { maxLength: 10 }).map((tokens) => tokens.join('')),
  },
  { weight: 1, arbitrary: hostileText },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('app=base', 'app in (base,other),tier!=x', '!tier', 'metadata.name=base'), mutations)
      .map(([text, list]) => mutate(Buffer.from(text), list).toString('latin1')),
  },
);

export function selectors(world: World): Arbitrary<Input> {
  const path = world.resource.chain(world.listPath);
  return fc
    .tuple(
      fc.constantFrom('GET', 'GET', 'GET', 'DELETE'),
      path,
      fc.constantFrom('labelSelector', 'fieldSelector'),
      selector,
      fc.boolean(),
    )
    .map(([method, target, name, text, isWatch]) =>
      bare('selector', {
        method,
        target: `${target}?${name}=${escapeAll(text)}${isWatch && method === 'GET' ? '&watch=1' : ''}`,
      }),
    );
}

/** Keys that a token may try to begin behind: its own list's, other lists', and none. */
const tokenKeys: readonly string[] = [
  'base',
  'base\u0000',
  '',
  '/',
  '../',
  '../../secrets/default/',
  '/registry/',
  '/registry/core/secrets/default/base',
  '/registry/core/configmaps/other/',
  '\uffff',
  ...escapes.slice(0, 12),
];
const token: Arbitrary<string> = fc
  .record({
    v: fc.constantFrom<unknown>('meta.k8s.io/v1', 'v1', 1, null),
    rv: fc.constantFrom<unknown>(0, 1, 2, 5, 50, -1, 1.5, 1e15, 1e300, '1', null, {}),
    start: fc.constantFrom<unknown>(...tokenKeys, 1, null, ['base'], {}),
    spare: hostileText,
    form: fc.nat({ max: 5 }),
  })
  .map(({ v, rv, start, spare, form }) => {
    const texts = [
      JSON.stringify({ v, rv, start }),
      JSON.stringify({ rv, after: start }),
      JSON.stringify({ rv, after: start, start, v }),
      JSON.stringify(start),
      `{"rv":1,"rv":${JSON.stringify(rv)},"after":`,
      spare,
    ];
    return Buffer.from(texts[form] ?? '').toString('base64url');
  });

export function continues(world: World): Arbitrary<Input> {
  const damaged = fc.tuple(token, mutations).map(([text, list]) => mutate(Buffer.from(text), list).toString('latin1'));
  return fc
    .tuple(
      fc.constantFrom('GET', 'GET', 'GET', 'DELETE'),
      world.resource.chain(world.listPath),
      fc.oneof(
        { weight: 4, arbitrary: token },
        { weight: 1, arbitrary: damaged },
        { weight: 1, arbitrary: hostileText },
      ),
      fc.constantFrom(
        '',
        '&limit=1',
        '&limit=500',
        '&limit=-1',
        '&limit=0',
        '&resourceVersion=1',
        '&labelSelector=app',
      ),
    )
    .map(([method, path, text, rest]) =>
      bare('continue', { method, target: `${path}?continue=${escapeAll(text)}${rest}` }),
    );
}

const revision: Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('', '0', '1', '2', '10', '100', '1000000', '9007199254740991', '9007199254740992'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('-1', '+1', '01', '1.0', ' 1', '1 ', '1e1', '18446744073709551615', 'latest', 'null'),
  },
  { weight: 1, arbitrary: hostileText },
);

export function revisions(world: World): Arbitrary<Input> {
  return fc
    .tuple(
      fc.oneof(
        world.resource.chain(world.listPath),
        world.resource.chain((resource: Resource) => world.objectPath(resource)),
      ),
      revision,
      fc.constantFrom(
        '',
        '&resourceVersionMatch=Exact',
        '&resourceVersionMatch=NotOlderThan',
        '&resourceVersionMatch=x',
        '&resourceVersionMatch=',
      ),
      fc.constantFrom(
        '',
        '&watch=1',
        '&watch=true&sendInitialEvents=true&allowWatchBookmarks=true',
        '&watch=1&timeoutSeconds=1',
        '&limit=2',
        '&sendInitialEvents=false',
      ),
    )
    .map(([path, text, match, rest]) =>
      bare('resourceVersion', { method: 'GET', target: `${path}?resourceVersion=${escapeAll(text)}${match}${rest}` }),
    );
}

/** Names in paths of every verb that writes, and in bodies (surface `names` of bodies.ts makes those). */
export function namesInPaths(world: World): Arbitrary<Input> {
  return fc
    .tuple(world.resource, hostileSegment, hostileSegment, fc.nat({ max: 5 }), fc.constantFrom('GET', 'DELETE', 'HEAD'))
    .map(([resource, first, second, form, method]) => {
      const group = groupPath(resource);
      const forms = [
        `${group}/namespaces/${testNamespace}/${resource.plural}/${first}`,
        `${group}/namespaces/${first}/${resource.plural}/${second}`,
        `${group}/namespaces/${first}/${resource.plural}`,
        `${group}/${resource.plural}/${first}`,
        `${group}/${first}/${second}`,
        `${group}/namespaces/${namespaces[4]}/${resource.plural}/${first}/${second}`,
      ];
      return bare('name', { method, target: forms[form] ?? '' });
    });
}
