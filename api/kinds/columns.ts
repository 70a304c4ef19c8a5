// Columns that several kinds share.
import type { KubeObject } from '../meta/object.ts';
import { humanDuration, parseTime } from '../meta/time.ts';
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

/** A text column. */
export function textColumn(name: string, description: string, value: Column['value'], priority: 0 | 1 = 0): Column {
  return { name, type: 'string', description, value, priority };
}

/** A column of whole numbers. */
export function integerColumn(name: string, description: string, value: Column['value']): Column {
  return { name, type: 'integer', description, value };
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
