// Columns that several kinds share.
import { isJsonObject, type KubeObject } from '../meta/object.ts';
import { formatTime, humanDuration, parseTime } from '../meta/time.ts';
import type { Column } from './kind.ts';

/** Time since `text` as kubectl shows it. */
export function ageOf(text: string | undefined, nowMs: number): string {
  const timeMs = parseTime(text);
  return Number.isNaN(timeMs) ? '<unknown>' : humanDuration(nowMs - timeMs);
}

export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  value: (object, nowMs) => ageOf(object.metadata.creationTimestamp, nowMs),
};

/** The one column of kinds without columns of their own. */
export const createdAtColumn: Column = {
  name: 'Created At',
  type: 'date',
  description: 'When the object was created.',
  value: (object) => formatTime(parseTime(object.metadata.creationTimestamp)),
};

/** A text column. */
export function textColumn(name: string, description: string, value: Column['value'], priority: 0 | 1 = 0): Column {
  return { name, type: 'string', description, value, priority };
}

/** A column of whole numbers. */
export function integerColumn(name: string, description: string, value: Column['value']): Column {
  return { name, type: 'integer', description, value };
}

/** The value at a dotted path of field names; undefined where the path ends early. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const field of path.split('.')) value = isJsonObject(value) ? value[field] : undefined;
  return value;
}

/** How many items or keys stand at a path. */
export function countAt(object: unknown, path: string): number {
  const value = valueAt(object, path);
  if (Array.isArray(value)) return value.length;
  return isJsonObject(value) ? Object.keys(value).length : 0;
}

/** A text column of the scalar at a path. */
export function textAt(
  name: string,
  path: string,
  description: string,
  { missing = '', priority = 0 }: { missing?: string; priority?: 0 | 1 } = {},
): Column {
  const value = (object: KubeObject): string => String(valueAt(object, path) || missing);
  return textColumn(name, description, value, priority);
}

/** A column of the whole number at a path, 0 where there is none. */
export function integerAt(name: string, path: string, description: string): Column {
  return integerColumn(name, description, (object) => Number(valueAt(object, path) ?? 0));
}

/** A column of the truth value at a path. */
export function booleanAt(name: string, path: string, description: string, missing = false): Column {
  return { name, type: 'boolean', description, value: (object) => Boolean(valueAt(object, path) ?? missing) };
}

type Templated = { spec?: { template?: { spec?: { containers?: { name: string; image?: string }[] } } } };

/** The wide columns of everything that has a pod template. */
export const templateColumns: Column[] = [
  textColumn(
    'Containers',
    'Names of the containers in the template.',
    (object) =>
      containersOf(object)
        .map((container) => container.name)
        .join(','),
    1,
  ),
  textColumn(
    'Images',
    'Images of the containers in the template.',
    (object) =>
      containersOf(object)
        .map((container) => container.image ?? '')
        .join(','),
    1,
  ),
];

function containersOf(object: KubeObject): { name: string; image?: string }[] {
  return (object as Templated).spec?.template?.spec?.containers ?? [];
}

type Scale = { spec?: { replicas?: number }; status?: { replicas?: number } };

/** Of autoscaling/v1 Scale, the body of scale subresources. */
export const scaleColumns: Column[] = [
  integerColumn('Desired', 'Number of desired pods.', (object) => (object as Scale).spec?.replicas ?? 0),
  integerColumn('Available', 'Number of pods that exist.', (object) => (object as Scale).status?.replicas ?? 0),
  ageColumn,
];
