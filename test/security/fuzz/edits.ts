// Changes of an object that follow the generated tables: a walk to a field that
// its type has, and there a value of the right type, of a wrong one, or a
// hostile one.
import fc, { type Arbitrary } from 'fast-check';
import { isJsonObject, type JsonObject } from '../../../api/meta/object.ts';
import { elementType, isType, jsonFields } from '../../../api/schema/schema.ts';
import { createSeededRandom, type Random } from '../../../platform/random.ts';
import { hostileJson, hostileNumber, hostileText } from './values.ts';

export type Edit = {
  /** Choices on the way: each is taken modulo what there is to choose from. */
  steps: readonly number[];
  action: 'right' | 'hostile' | 'wrong' | 'null' | 'remove' | 'unknown' | 'repeat';
  /** Seed of a value of the right type. */
  pick: number;
  text: string;
  number: number;
  json: unknown;
};

export const edit: Arbitrary<Edit> = fc.record({
  steps: fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 8 }),
  action: fc.constantFrom<Edit['action']>(
    'right',
    'right',
    'right',
    'hostile',
    'hostile',
    'hostile',
    'wrong',
    'null',
    'remove',
    'unknown',
    'repeat',
  ),
  pick: fc.nat(),
  text: hostileText,
  number: hostileNumber,
  json: hostileJson,
});

/** Counts of things that controllers make one by one: a hub would be right to make as many as it is told. */
const counts = new Set(['replicas', 'parallelism', 'completions', 'maxReplicas', 'minReplicas', 'backoffLimit']);
const smallCount = 2;
const maxDepth = 4;
/** How often a list's item or a map's entry is repeated. */
const repeats = 40;

/** Applies the edits to a copy. */
export function applyEdits(object: JsonObject, typeId: string, edits: readonly Edit[]): JsonObject {
  const result = structuredClone(object);
  for (const one of edits) editStruct(result, typeId, one, 0);
  return result;
}

function choose<T>(items: readonly T[], choice: number): T | undefined {
  return items[choice % Math.max(1, items.length)];
}

function editStruct(target: JsonObject, typeId: string, one: Edit, depth: number): void {
  const step = one.steps[depth] ?? 0;
  const isLast = depth >= one.steps.length - 1;
  const fields = [...jsonFields(typeId).values()];
  const present = fields.filter((field) => Object.hasOwn(target, field.name));
  // Half of the time to what is there already, where the walk can go on.
  const field = choose(step % 2 === 0 && present.length > 0 ? present : fields, step >> 1);
  if (field === undefined || (isLast && one.action === 'unknown')) {
    target[one.text] = structuredClone(one.json);
    return;
  }
  if (isLast && one.action === 'remove') {
    delete target[field.name];
    return;
  }
  target[field.name] = editValue(target[field.name], field.name, field.type, one, depth, isLast);
}

function editValue(current: unknown, name: string, type: string, one: Edit, depth: number, isLast: boolean): unknown {
  if (isLast) return endValue(current, name, type, one);
  if (isType(type)) {
    const struct = isJsonObject(current) ? current : {};
    editStruct(struct, type, one, depth + 1);
    return struct;
  }
  const element = elementType(type);
  if (element === undefined) return endValue(current, name, type, one);
  const step = one.steps[depth + 1] ?? 0;
  const isEnd = depth + 1 >= one.steps.length - 1;
  if (type.startsWith('[]')) {
    const list = Array.isArray(current) ? current : [];
    const index = step % (list.length + 1);
    list[index] = editValue(list[index], name, element, one, depth + 1, isEnd);
    return list;
  }
  const map = isJsonObject(current) ? current : {};
  const key = choose([...Object.keys(map), one.text], step) ?? '';
  const value = editValue(Object.hasOwn(map, key) ? map[key] : undefined, name, element, one, depth + 1, isEnd);
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  return map;
}

function endValue(current: unknown, name: string, type: string, one: Edit): unknown {
  switch (one.action) {
    case 'null':
      return null;
    case 'wrong':
    case 'unknown':
    case 'remove':
      return structuredClone(one.json);
    case 'repeat':
      return repeat(current ?? rightValue(type, name, createSeededRandom(one.pick), 0));
    case 'hostile':
      return hostileValue(type, name, one);
    default:
      return rightValue(type, name, createSeededRandom(one.pick), 0);
  }
}

function repeat(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from({ length: repeats }, () => structuredClone(value[0] ?? {}));
  if (!isJsonObject(value)) return String(value).repeat(repeats);
  const [first] = Object.values(value);
  return Object.fromEntries(Array.from({ length: repeats }, (_, index) => [`k${index}`, structuredClone(first)]));
}

/** Of the type that the field has, and of a content that it should not have. */
function hostileValue(type: string, name: string, one: Edit): unknown {
  if (type === 'int32' || type === 'int64' || type === 'double') return counts.has(name) ? smallCount : one.number;
  if (type === 'intstr') return one.pick % 2 === 0 ? one.text : one.number;
  if (type === 'boolean') return one.pick % 2 === 0;
  if (type === 'raw' || type === 'fields') return structuredClone(one.json);
  const element = elementType(type);
  if (element === undefined && !isType(type)) return one.text;
  if (element === undefined) return {};
  if (type.startsWith('[]')) return [hostileValue(element, name, one), hostileValue(element, name, one)];
  return Object.fromEntries([[one.text, hostileValue(element, name, one)]]);
}

const words = ['a', 'base', 'main', 'data', 'http', 'default', 'ClusterIP', 'TCP', 'Always', 'Never', '1', 'app'];

/** A value of a type, its required fields and a few of the others. */
export function rightValue(type: string, name: string, random: Random, depth: number): unknown {
  const draw = (count: number): number => Math.floor(random.fraction() * count);
  const element = elementType(type);
  if (element !== undefined && type.startsWith('[]')) {
    return depth > maxDepth ? [] : Array.from({ length: draw(3) }, () => rightValue(element, name, random, depth + 1));
  }
  if (element !== undefined) {
    if (depth > maxDepth) return {};
    return Object.fromEntries(
      Array.from({ length: draw(3) }, () => [words[draw(words.length)], rightValue(element, name, random, depth + 1)]),
    );
  }
  if (isType(type)) {
    const result: JsonObject = {};
    for (const field of jsonFields(type).values()) {
      const wanted = field.required || random.fraction() < (depth < 2 ? 0.3 : 0.1);
      if (wanted && depth <= maxDepth) result[field.name] = rightValue(field.type, field.name, random, depth + 1);
    }
    return result;
  }
  switch (type) {
    case 'int32':
    case 'int64':
    case 'double':
      return counts.has(name) ? draw(smallCount + 1) : draw(100);
    case 'boolean':
      return draw(2) === 0;
    case 'bytes':
      return 'AAEC';
    case 'quantity':
      return `${draw(1000)}Mi`;
    case 'intstr':
      return draw(2) === 0 ? draw(100) : 'http';
    case 'time':
    case 'microtime':
      return '2026-01-01T00:00:00Z';
    case 'duration':
      return '1m0s';
    case 'fields':
    case 'raw':
      return { a: draw(10) };
    default:
      return words[draw(words.length)];
  }
}
