// Hostile patches: JSON patches with odd pointers and copies that double,
// merge and strategic merge patches with directives in the wrong places,
// applied configurations with managed fields that lie.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
import fc, { type Arbitrary } from 'fast-check';
import { stringify } from 'yaml';
import { isJsonObject, type JsonObject } from '../../../../api/meta/object.ts';
import { type FieldSchema, jsonFields } from '../../../../api/schema/schema.ts';
import { applyEdits, type Edit, edit } from '../edits.ts';
import type { Input, Part } from '../input.ts';
import { mutate, mutations } from '../mutation.ts';
import { hostileJson, hostileText, objectOf } from '../values.ts';
import { type Body, baseObject, nameOfBase, pathOf, type Resource, testNamespace, type World } from '../world.ts';
import { query } from './targets.ts';

type Typed = Resource & { body: Body };

function patchOf(target: string, contentType: string, body: readonly Part[]): Input {
  return {
    surface: 'patch',
    identity: 'admin',
    method: 'PATCH',
    target,
    headers: [['Content-Type', contentType]],
    body,
  };
}

const options: Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('?dryRun=All', '?fieldValidation=Strict', '?fieldManager=fuzz', '?force=true'),
  },
  { weight: 1, arbitrary: query },
);

function place(world: World, resource: Resource): Arbitrary<string> {
  const scopes = ['', '', '', 'status', 'scale'].filter(
    (name) => name === '' || resource.subresources.some((subresource) => subresource.name === name),
  );
  return fc
    .tuple(
      fc.constantFrom(...scopes).chain((name) => {
        const own = fc.constant(pathOf(resource, testNamespace, nameOfBase(resource), name === '' ? undefined : name));
        return fc.oneof({ weight: 9, arbitrary: own }, { weight: 1, arbitrary: world.objectPath(resource) });
      }),
      options,
    )
    .map(([path, text]) => path + text);
}

/** Pointers into most objects, out of them, and into what JavaScript has on its own. RFC 6901. */
const pointers: readonly string[] = [
  '',
  '/',
  '/metadata',
  '/metadata/name',
  '/metadata/namespace',
  '/metadata/uid',
  '/metadata/resourceVersion',
  '/metadata/labels',
  '/metadata/labels/app',
  '/metadata/labels/a~1b',
  '/metadata/labels/a~0b',
  '/metadata/annotations',
  '/metadata/annotations/x',
  '/metadata/finalizers/-',
  '/metadata/finalizers/0',
  '/metadata/ownerReferences/-',
  '/metadata/managedFields',
  '/metadata/managedFields/0/fieldsV1',
  '/metadata/deletionTimestamp',
  '/kind',
  '/apiVersion',
  '/spec',
  '/spec/containers',
  '/spec/containers/0',
  '/spec/containers/-',
  '/spec/containers/-1',
  '/spec/containers/01',
  '/spec/containers/1e0',
  '/spec/containers/4294967296',
  '/spec/containers/length',
  '/spec/containers/0/env/-',
  '/spec/replicas',
  '/spec/template/spec/containers/0/image',
  '/spec/ports/0/port',
  '/data',
  '/data/key',
  '/status',
  '/status/conditions/-',
  '/__proto__',
  '/__proto__/polluted',
  '/constructor/prototype/polluted',
  '/metadata/__proto__/polluted',
  '/metadata/labels/__proto__',
  '/metadata/toString',
  '/metadata/~2',
  '/metadata/~',
  'metadata',
  '//',
  '/missing/deep/path',
  '/spec/containers/0/name/x',
  '#/metadata',
];
const pointer: Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...pointers) },
  { weight: 1, arbitrary: hostileText.map((text) => `/${text}`) },
  { weight: 1, arbitrary: hostileJson },
);
const operation: Arbitrary<unknown> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        op: fc.constantFrom<unknown>(
          'add',
          'add',
          'remove',
          'replace',
          'replace',
          'move',
          'copy',
          'copy',
          'test',
          'ADD',
          'x',
          1,
          null,
        ),
        path: pointer,
        from: pointer,
        value: fc.oneof(hostileJson, fc.constantFrom<unknown>('a', { a: 'b' }, ['a'], null, 1)),
        missing: fc.constantFrom('', '', '', 'value', 'from', 'path', 'op'),
      })
      .map(({ missing, ...rest }) => Object.fromEntries(Object.entries(rest).filter(([key]) => key !== missing))),
  },
  { weight: 1, arbitrary: hostileJson },
);

/** Copies of an object into itself: each doubles what there is. */
function doubling(times: number, from: string): unknown[] {
  return [
    { op: 'add', path: from, value: { a: 'x' } },
    ...Array.from({ length: times }, (_, index) => ({ op: 'copy', from, path: `${from}/k${index}` })),
  ];
}

function jsonPatches(world: World): Arbitrary<Input> {
  const type = 'application/json-patch+json';
  const body = fc.oneof(
    { weight: 12, arbitrary: fc.array(operation, { maxLength: 4 }).map((list) => [JSON.stringify(list)]) },
    { weight: 1, arbitrary: hostileJson.map((value) => [JSON.stringify(value) ?? '']) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(3, 10, 18, 24, 40, 200), fc.constantFrom('/data', '/spec', '/metadata/annotations', ''))
        .map(([times, from]) => [JSON.stringify(doubling(times, from))]),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(10, 1000, 9999, 10_001)
        .map((times): Part[] => [
          '[{"op":"test","path":"/kind","value":"x"}',
          [',{"op":"add","path":"/metadata/finalizers","value":[]}', times],
          ']',
        ]),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(10, 500, 5000), fc.constantFrom('/a', '/metadata', '/-', '/0'))
        .map(([times, step]): Part[] => ['[{"op":"add","value":1,"path":"', [step, times], '"}]']),
    },
  );
  return world.resource.chain((resource) =>
    fc.tuple(place(world, resource), body).map(([target, parts]) => patchOf(target, type, parts)),
  );
}

/** Only what the edits touch, as a patch would have it: the rest of the base object goes. */
function sparse(resource: Typed, edits: readonly Edit[]): JsonObject {
  return applyEdits({}, resource.body.typeId, edits);
}

function mergePatches(world: World): Arbitrary<Input> {
  const type = 'application/merge-patch+json';
  return world.typed.chain((resource) =>
    fc
      .tuple(
        place(world, resource),
        fc.oneof(
          {
            weight: 6,
            arbitrary: fc
              .array(edit, { minLength: 1, maxLength: 3 })
              .map((edits) => [JSON.stringify(sparse(resource, edits))]),
          },
          { weight: 2, arbitrary: hostileJson.map((value) => [JSON.stringify(value) ?? '']) },
          {
            weight: 1,
            arbitrary: fc
              .tuple(fc.constantFrom('a', 'metadata', 'spec', '__proto__'), fc.constantFrom(10, 100, 3000))
              .map(([key, times]): Part[] => [[`{"${key}":`, times], '1', ['}', times]]),
          },
        ),
      )
      .map(([target, parts]) => patchOf(target, type, parts)),
  );
}

type Directive = { at: readonly number[]; key: string; value: unknown };
const directive: Arbitrary<Directive> = fc.record({
  at: fc.array(fc.nat({ max: 50 }), { maxLength: 5 }),
  key: fc.constantFrom(
    '$patch',
    '$patch',
    '$patch',
    '$retainKeys',
    '$setElementOrder/containers',
    '$setElementOrder/ports',
    '$setElementOrder/',
    '$setElementOrder/__proto__',
    '$deleteFromPrimitiveList/finalizers',
    '$deleteFromPrimitiveList/containers',
    '$deleteFromPrimitiveList/__proto__',
    '$unknown',
  ),
  value: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<unknown>('delete', 'replace', 'merge', 'DELETE', '') },
    {
      weight: 3,
      arbitrary: fc.constantFrom<unknown>(
        [],
        ['name'],
        [{ name: 'main' }],
        [{ name: 'x' }, { name: 'main' }],
        ['app', 'app'],
        [[]],
        [null],
        [{}],
        [1],
      ),
    },
    { weight: 2, arbitrary: hostileJson },
  ),
});

/** Puts a directive into an object or a list somewhere inside. */
function plant(target: unknown, { at, key, value }: Directive, depth = 0): void {
  if (Array.isArray(target)) {
    const item: unknown = target[(at[depth] ?? 0) % Math.max(1, target.length)];
    if (depth >= at.length || item === undefined) target.push(objectOf([[key, structuredClone(value)]]));
    else plant(item, { at, key, value }, depth + 1);
    return;
  }
  if (!isJsonObject(target)) return;
  const keys = Object.keys(target);
  const inner = target[keys[(at[depth] ?? 0) % Math.max(1, keys.length)] ?? ''];
  if (depth < at.length && typeof inner === 'object' && inner !== null) plant(inner, { at, key, value }, depth + 1);
  else target[key] = structuredClone(value);
}

/** Patches of lists that are merged by key, with keys that are there, missing, null, or of a wrong type. */
function keyedLists(typeId: string, text: string): JsonObject {
  const patch: JsonObject = {};
  for (const field of jsonFields(typeId).values()) {
    if (field.patchMergeKey !== undefined) patch[field.name] = keyedItems(field, text);
  }
  return patch;
}

function keyedItems({ patchMergeKey = '' }: FieldSchema, text: string): unknown[] {
  const items: unknown[] = [
    { [patchMergeKey]: text },
    { [patchMergeKey]: null },
    {},
    text,
    null,
    { [patchMergeKey]: { a: 1 } },
  ];
  return items.slice(text.length % 3, 1 + (text.length % 6));
}

function strategicPatches(world: World): Arbitrary<Input> {
  const type = 'application/strategic-merge-patch+json';
  return world.typed.chain((resource) =>
    fc
      .record({
        target: place(world, resource),
        edits: fc.array(edit, { maxLength: 3 }),
        directives: fc.array(directive, { maxLength: 3 }),
        isWhole: fc.boolean(),
        text: hostileText,
        form: fc.nat({ max: 5 }),
      })
      .map(({ target, edits, directives, isWhole, text, form }) => {
        const patch = isWhole ? applyEdits(baseObject(resource), resource.body.typeId, edits) : sparse(resource, edits);
        if (form === 0) {
          patch.spec = {
            ...keyedLists('core.v1.PodSpec', text),
            template: { spec: keyedLists('core.v1.PodSpec', text) },
            ports: keyedItems({ patchMergeKey: 'port' } as FieldSchema, text),
          };
        }
        const planted = structuredClone(patch);
        for (const one of directives) plant(planted, one);
        return patchOf(target, type, [JSON.stringify(planted)]);
      }),
  );
}

/** Managed fields as nobody's manager would write them. https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
const managedFields: Arbitrary<unknown> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        manager: fc.oneof(fc.constantFrom('fuzz', '', 'kubectl'), hostileText),
        operation: fc.constantFrom<unknown>('Apply', 'Update', 'x', null),
        apiVersion: fc.constantFrom<unknown>('v1', 'apps/v1', '', '__proto__', 1),
        time: fc.constantFrom<unknown>('2026-01-01T00:00:00Z', 'x', null),
        fieldsType: fc.constantFrom<unknown>('FieldsV1', 'FieldsV2', ''),
        fieldsV1: fc.oneof(
          hostileJson,
          fc.constantFrom<unknown>(
            { 'f:metadata': { 'f:labels': { 'f:app': {} } } },
            { 'f:spec': { 'f:containers': { 'k:{"name":"main"}': { '.': {}, 'f:image': {} } } } },
            { 'f:spec': { 'f:containers': { 'k:{"name":': {}, 'i:0': {}, 'i:-1': {}, 'v:"x"': {}, 'v:{': {} } } },
            { 'x:y': {}, '': {}, f: {}, 'f:': {}, '.': 1 },
            { 'f:__proto__': { 'f:polluted': {} } },
          ),
        ),
        subresource: fc.constantFrom<unknown>('', 'status', '../', null),
      }),
    },
    { weight: 1, arbitrary: hostileJson },
  ),
  { maxLength: 3 },
);

function applies(world: World): Arbitrary<Input> {
  return world.typed.chain((resource) =>
    fc
      .record({
        path: place(world, resource),
        isNew: fc.boolean(),
        manager: fc.oneof(
          {
            weight: 4,
            arbitrary: fc.constantFrom(
              'fieldManager=fuzz',
              'fieldManager=other&force=true',
              'fieldManager=fuzz&dryRun=All',
            ),
          },
          { weight: 1, arbitrary: query.map((text) => text.slice(1)) },
        ),
        edits: fc.array(edit, { maxLength: 3 }),
        managed: fc.option(managedFields, { freq: 3 }),
        damage: fc.option(mutations, { freq: 4 }),
        type: fc.constantFrom(
          'application/apply-patch+yaml',
          'application/apply-patch+yaml',
          'application/apply-patch+yaml',
          'application/apply-patch+cbor',
        ),
        isJson: fc.boolean(),
      })
      .map(({ path, isNew, manager, edits, managed, damage, type, isJson }) => {
        const name = isNew ? 'new-3' : nameOfBase(resource);
        const object = applyEdits(baseObject(resource, name), resource.body.typeId, edits);
        if (managed !== null && isJsonObject(object.metadata)) object.metadata.managedFields = managed;
        const text = isJson ? JSON.stringify(object) : stringify(object);
        const target = isNew ? pathOf(resource, testNamespace, name) : (path.split('?')[0] ?? path);
        return patchOf(`${target}?${manager}`, type, [damage === null ? text : mutate(Buffer.from(text), damage)]);
      }),
  );
}

export function patches(world: World): Arbitrary<Input> {
  const whole = fc.oneof(
    { weight: 4, arbitrary: jsonPatches(world) },
    { weight: 2, arbitrary: mergePatches(world) },
    { weight: 4, arbitrary: strategicPatches(world) },
    { weight: 4, arbitrary: applies(world) },
  );
  const damaged = fc
    .tuple(whole, mutations)
    .map(([input, list]): Input => ({ ...input, body: [mutate(Buffer.from(String(input.body?.[0] ?? '')), list)] }));
  return fc.oneof({ weight: 6, arbitrary: whole }, { weight: 1, arbitrary: damaged });
}
