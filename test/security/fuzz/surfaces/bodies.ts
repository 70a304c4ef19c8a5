// Hostile bodies of creates, updates and deletes: JSON and YAML, nearly right
// objects and nonsense, bombs, and names that try to leave their key.
import fc, { type Arbitrary } from 'fast-check';
import { stringify } from 'yaml';
import type { JsonObject } from '../../../../api/meta/object.ts';
import { applyEdits, edit } from '../edits.ts';
import type { Input, Part } from '../input.ts';
import { manifest } from '../manifests.ts';
import { mutate, mutations } from '../mutation.ts';
import { escapes, hostileJson, hostileText, objectOf } from '../values.ts';
import {
  type Body,
  baseObject,
  escapeAll,
  groupPath,
  nameOfBase,
  pathOf,
  type Resource,
  testNamespace,
  type World,
} from '../world.ts';
import { query } from './targets.ts';

type Typed = Resource & { body: Body };
/** Where an object goes, and under which name. */
type Destination = { method: string; target: string; name: string };

const options: Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '?dryRun=All',
      '?fieldValidation=Strict',
      '?fieldValidation=Ignore',
      '?fieldManager=fuzz',
    ),
  },
  { weight: 1, arbitrary: query },
);

function destination(resource: Typed): Arbitrary<Destination> {
  const name = nameOfBase(resource);
  const status = resource.subresources.find((subresource) => subresource.name === 'status');
  const places: Destination[] = [
    { method: 'POST', target: pathOf(resource, testNamespace), name: 'new-1' },
    { method: 'POST', target: pathOf(resource, testNamespace), name: 'new-2' },
    { method: 'PUT', target: pathOf(resource, testNamespace, name), name },
    { method: 'PUT', target: pathOf(resource, testNamespace, name, status?.name), name },
  ];
  return fc
    .tuple(fc.constantFrom(...places), options)
    .map(([place, text]) => ({ ...place, target: place.target + text }));
}

/** Nearly right objects, and where they go. */
export function objects(world: World): Arbitrary<{ place: Destination; object: JsonObject; resource: Typed }> {
  return world.typed.chain((resource) =>
    fc
      .record({ place: destination(resource), edits: fc.array(edit, { minLength: 1, maxLength: 4 }) })
      .map(({ place, edits }) => ({
        place,
        resource,
        object: applyEdits(baseObject(resource, place.name), resource.body.typeId, edits),
      })),
  );
}

function withBody(
  surface: string,
  { method, target }: Pick<Input, 'method' | 'target'>,
  contentType: string,
  body: readonly Part[],
): Input {
  return { surface, identity: 'admin', method, target, headers: [['Content-Type', contentType]], body };
}

/** Texts that are deep, wide or long, around a text that is there so many times. */
function bombs(depths: readonly number[]): Arbitrary<readonly Part[]> {
  const shapes = (times: number): readonly (readonly Part[])[] => [
    [
      ['[', times],
      [']', times],
    ],
    [['[', times]],
    [['{"a":', times], '1', ['}', times]],
    [['{"metadata":', times]],
    [
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"data":',
      ['{"a":', times],
      '1',
      ['}', times],
      '}',
    ],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"unknown":', ['[', times], [']', times], '}'],
    [
      '{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"new-1"},"revision":1,"data":',
      ['{"a":', times],
      '1',
      ['}', times],
      '}',
    ],
    [
      '{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"new-1"},"revision":1,"data":{"a":',
      ['[', times],
      [']', times],
      '}}',
    ],
    [
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1","managedFields":[{"fieldsV1":',
      ['{"f:a":', times],
      '{}',
      ['}', times],
      '}]}}',
    ],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"data":{"a":"', ['x', times], '"}}'],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"', ['a', times], '"}}'],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"data":{"', ['a', times], '":"b"}}'],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1","labels":{"a":"', ['a.', times], '"}}}'],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1","finalizers":["a/b"', [',"a/b"', times], ']}}'],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1","ownerReferences":[{}', [',{}', times], ']}}'],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"a":1', [',"a":1', times], '}'],
    [
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"new-1"},"spec":{"containers":[{"name":"a"}',
      [',{"name":"a"}', times],
      ']}}',
    ],
    ['{"apiVersion":"v1","kind":"Pod","metadata":{"name":"new-1"},"spec":{"containers":[{}', [',{}', times], ']}}'],
    [
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"new-1"},"spec":{"containers":[{"name":"a","image":"b","env":[{"name":"a","value":"$(a)"}',
      [',{"name":"a","value":"$(a)$(b)"}', times],
      ']}]}}',
    ],
    [
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"new-1"},"spec":{"containers":[{"name":"a","image":"b"}],"volumes":[{"name":"a"}',
      [',{"name":"a"}', times],
      ']}}',
    ],
    [
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"new-1"},"spec":{"ports":[{"port":1}',
      [',{"port":1}', times],
      ']}}',
    ],
    ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-1"},"data":{"a":"', ['\\u0000', times], '"}}'],
    [['\ufeff', times], '{}'],
    [[' ', times], '{}'],
    ['1', ['0', times]],
    ['{"apiVersion":"v1","kind":"Event","metadata":{"name":"new-1"},"involvedObject":{},"count":', ['9', times], '}'],
  ];
  return fc
    .tuple(fc.constantFrom(...depths), fc.nat({ max: shapes(1).length - 1 }))
    .map(([times, index]) => shapes(times)[index] ?? []);
}

const nonsense: Arbitrary<readonly Part[]> = fc.oneof(
  hostileJson.map((value) => [JSON.stringify(value) ?? '']),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => [bytes]),
  fc
    .constantFrom(
      '',
      ' ',
      'null',
      '[]',
      '{}',
      '""',
      '0',
      '{',
      '{"kind":"List","apiVersion":"v1","items":[]}',
      '{"kind":"Status"}',
      '\ufeff{}',
    )
    .map((text) => [text]),
);
/** Mostly of a size that says something about the code and not about the machine. */
const depths = [10, 60, 70, 200, 1000, 5000];
/** Bodies near the limit of 3 MiB, and beyond it. */
const hugeDepths = [20_000, 100_000, 300_000, 1_500_000, 3_200_000];

function jsonTarget(world: World): Arbitrary<Pick<Input, 'method' | 'target'>> {
  return world.typed.chain(destination);
}

export function jsonBodies(world: World): Arbitrary<Input> {
  const asJson = (place: Destination, body: readonly Part[]): Input =>
    withBody('json', place, 'application/json', body);
  return fc.oneof(
    { weight: 10, arbitrary: objects(world).map(({ place, object }) => asJson(place, [JSON.stringify(object)])) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(objects(world), mutations)
        .map(([{ place, object }, list]) => asJson(place, [mutate(Buffer.from(JSON.stringify(object)), list)])),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(jsonTarget(world), nonsense)
        .map(([place, body]) => withBody('json', place, 'application/json', body)),
    },
  );
}

/** Where the bombs go off: in the objects that they are of. */
const bombPlaces: readonly string[] = [
  '/api/v1/namespaces/default/configmaps',
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/services',
  '/api/v1/namespaces/default/events',
  '/apis/apps/v1/namespaces/default/controllerrevisions',
];

export function bombBodies(_world: World, isHuge: boolean): Arbitrary<Input> {
  return fc
    .tuple(
      bombs(isHuge ? hugeDepths : depths),
      fc.nat({ max: 9 }),
      fc.constantFrom('application/json', 'application/json', 'application/yaml'),
    )
    .map(([body, at, contentType]) => {
      const text = body.map((part) => (typeof part === 'string' ? part : '')).join('');
      const kind = /"kind":"(\w+)"/.exec(text)?.[1]?.toLowerCase();
      const target =
        bombPlaces.find((path) => kind !== undefined && path.endsWith(`/${kind}s`)) ??
        bombPlaces[at % bombPlaces.length] ??
        '';
      // YAML is read far more slowly: what is huge is left to JSON, but for the deep ones.
      const isYaml = contentType === 'application/yaml' && (!isHuge || at === 0);
      return withBody(
        isHuge ? 'huge' : 'bomb',
        { method: 'POST', target },
        isYaml ? contentType : 'application/json',
        body,
      );
    });
}

const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: new-1\n';
/** YAML's own ways to be more than it looks, or something else. https://yaml.org/spec/1.2.2/ */
const yamlTricks: readonly (readonly Part[])[] = [
  // Ten lists of ten of the one before: ten thousand million in a few lines.
  [
    'a: &a ["x","x","x","x","x","x","x","x","x","x"]\n',
    ...[...'bcdefghij'].map(
      (to, index) => `${to}: &${to} [${Array.from({ length: 10 }, () => `*${'abcdefghi'[index]}`).join(',')}]\n`,
    ),
  ],
  [
    'a: &a {x: 1}\n',
    ...[...'bcdefghij'].map(
      (to, index) =>
        `${to}: &${to}\n${Array.from({ length: 9 }, (_, item) => `  k${item}: *${'abcdefghi'[index]}\n`).join('')}`,
    ),
  ],
  [`${head}data: &a\n  x: *a\n`],
  ['&a [*a]'],
  ['&a {a: *a}'],
  ['&a a: &a b\n*a : c'],
  [`${head}data: {<<: &b {a: b}, <<: *b}`],
  [`${head}<<: [{a: 1}, {b: 2}]\n`],
  [`${head}data:\n  <<: 1\n`],
  [`${head}data:\n  a: b\n  a: c\n`],
  [`${head}${head}`],
  [`${head}---\n${head}`],
  ['---\n...\n---\n{}'],
  ['%YAML 1.1\n---\n{}'],
  ['%YAML 9.9\n---\n{}'],
  ['%TAG ! tag:example.com,2000:\n---\n!x {}'],
  ['!!js/function "function(){}"'],
  ['!!python/object/apply:os.system ["true"]'],
  [`${head}data:\n  a: !!binary AAEC\n  b: !!set {x, y}\n  c: !!omap [a: 1]\n`],
  [`${head}data: !!map {a: !!str 1, b: !!int "2", c: !!float .inf, d: !!null x}\n`],
  [`${head}data:\n  a: .nan\n  b: -.inf\n  c: 0o17\n  d: 0x1F\n  e: 1_000\n  f: 2026-01-01\n  g: yes\n  h: ~\n`],
  [`${head}data:\n  ? [a, b]\n  : c\n  ? {d: e}\n  : f\n`],
  [`${head}data:\n  __proto__: x\n  constructor: {prototype: {a: 1}}\n`],
  ['__proto__: {polluted: true}\n', head],
  [`${head}data:\n\ta: b\n`],
  [`${head}data: |+9\n  a\n`],
  [`${head}data: >-\n`, ['  a\n', 3000]],
  [['- ', 2000], 'a'],
  [['a:\n ', 5], 'b'],
  [['[', 800]],
  [['{a: ', 800]],
  [['{? ', 1000]],
  [['"', 801]],
  [['&a ', 500], '1'],
  [['!!str ', 500], '1'],
  [['*a ', 500]],
  [['# comment\n', 800], '{}'],
  [['--- \n', 1000]],
  [['a: ', 300], '1'],
  [['? ', 500]],
  ['a: "', ['\\x41', 2000], '"'],
  ['\u0000'],
  ['a: \u0007'],
  [new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0])],
  [new Uint8Array([0xc3, 0x28])],
];

export function yamlBodies(world: World): Arbitrary<Input> {
  const asYaml = (place: Pick<Input, 'method' | 'target'>, body: readonly Part[]): Input =>
    withBody('yaml', place, 'application/yaml', body);
  const configMaps = { method: 'POST', target: '/api/v1/namespaces/default/configmaps' };
  return fc.oneof(
    { weight: 3, arbitrary: objects(world).map(({ place, object }) => asYaml(place, [stringify(object)])) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(objects(world), mutations)
        .map(([{ place, object }, list]) => asYaml(place, [mutate(Buffer.from(stringify(object)), list)])),
    },
    { weight: 2, arbitrary: fc.constantFrom(...yamlTricks).map((body) => asYaml(configMaps, body)) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom(...yamlTricks), mutations).map(([body, list]) =>
        asYaml(
          configMaps,
          body.map((part) => (typeof part === 'string' ? mutate(Buffer.from(part), list) : part)),
        ),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(jsonTarget(world), nonsense).map(([place, body]) => asYaml(place, body)) },
  );
}

/** Objects whose name, namespace or generateName is not one. */
export function namesInBodies(world: World): Arbitrary<Input> {
  const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...escapes) }, { weight: 1, arbitrary: hostileText });
  return fc.tuple(world.typed, text, text, fc.nat({ max: 7 })).map(([resource, first, second, form]) => {
    const object = baseObject(resource);
    const metadata: JsonObject =
      [
        { name: first },
        { name: first, namespace: second },
        { name: 'new-1', namespace: first },
        { generateName: first },
        { generateName: first, name: second },
        { name: first, labels: objectOf([[second, first]]), annotations: objectOf([[first, second]]) },
        { name: 'new-1', uid: first, resourceVersion: second, selfLink: first, generation: -1 },
        {
          name: first,
          finalizers: [second],
          ownerReferences: [{ apiVersion: first, kind: second, name: first, uid: second }],
        },
      ][form] ?? {};
    const namespace = form === 1 || form === 2 ? escapeAll(form === 1 ? second : first) : testNamespace;
    const isPut = form === 0 && second.length % 3 === 0;
    const target = isPut
      ? `${groupPath(resource)}/namespaces/default/${resource.plural}/${escapeAll(first)}`
      : pathOf(resource, namespace);
    return withBody('name', { method: isPut ? 'PUT' : 'POST', target }, 'application/json', [
      JSON.stringify({ ...object, metadata }),
    ]);
  });
}

/** Delete options in the query and in the body, and preconditions. */
export function deletes(world: World): Arbitrary<Input> {
  const body = fc.tuple(fc.array(edit, { maxLength: 3 }), fc.constantFrom('DeleteOptions', 'DeleteOptions', 'Pod')).map(
    ([edits, kind]): JsonObject => ({
      ...applyEdits(manifest('v1', 'DeleteOptions', {}), 'meta.v1.DeleteOptions', edits),
      kind,
    }),
  );
  const contentType = fc.constantFrom(
    'application/json',
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
  );
  return fc
    .tuple(
      fc.oneof(
        { weight: 6, arbitrary: world.resource.chain((resource) => world.objectPath(resource)) },
        { weight: 1, arbitrary: world.resource.chain(world.listPath) },
      ),
      fc.oneof(fc.constant(''), query),
      fc.oneof(
        body.map((value) => JSON.stringify(value)),
        hostileJson.map((value) => JSON.stringify(value) ?? ''),
      ),
      contentType,
    )
    .map(([path, text, options_, type]) =>
      withBody('delete', { method: 'DELETE', target: path + text }, type, [options_]),
    );
}

/** Bodies of subresources: the right kind, another one, or damaged. */
export function subresources(world: World): Arbitrary<Input> {
  return world.subresource.chain(([resource, { name, verbs, body }]) => {
    const kind = body ?? { apiVersion: 'v1', kind: 'Pod', typeId: 'core.v1.Pod' };
    return fc
      .record({
        path: world.objectPath(resource, name),
        edits: fc.array(edit, { maxLength: 3 }),
        verb: fc.constantFrom(...verbs, 'create', 'update', 'get'),
        text: options,
        isWrong: fc.nat({ max: 9 }),
      })
      .map(({ path, edits, verb, text, isWrong }): Input => {
        const method = { create: 'POST', update: 'PUT', get: 'GET', patch: 'PATCH' }[verb] ?? 'GET';
        const own =
          name === 'status' || name === 'approval'
            ? baseObject(resource)
            : manifest(kind.apiVersion, kind.kind, { name: 'base', namespace: testNamespace });
        const object = applyEdits(isWrong === 0 ? baseObject(resource) : own, kind.typeId, edits);
        const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
        const target = path + text;
        if (method === 'GET') return { surface: 'subresource', identity: 'admin', method, target, headers: [] };
        return withBody('subresource', { method, target }, type, [JSON.stringify(object)]);
      });
  });
}
