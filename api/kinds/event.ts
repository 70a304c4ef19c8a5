// Event: v1 is stored, events.k8s.io/v1 is the same under newer names.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
import { dnsSubdomainError } from '../meta/names.ts';
import type { JsonObject, KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, required } from '../meta/status.ts';
import { ageOf, textColumn } from './columns.ts';
import { defineKind, type Kind } from './kind.ts';
import { unchangedAt } from './validation.ts';

type EventFields = {
  involvedObject?: {
    kind?: string;
    name?: string;
    namespace?: string;
    uid?: string;
    fieldPath?: string;
    apiVersion?: string;
    resourceVersion?: string;
  };
  reason?: string;
  message?: string;
  type?: string;
  count?: number;
  source?: { component?: string; host?: string };
  reportingComponent?: string;
  firstTimestamp?: string;
  lastTimestamp?: string;
  eventTime?: string;
  series?: { lastObservedTime?: string; count?: number };
};
const asEvent = (object: KubeObject): EventFields => object as EventFields;

export const eventKind: Kind = defineKind({
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  typeId: 'core.v1.Event',
  nameError: dnsSubdomainError,
  validate: (object) => {
    const involved = asEvent(object).involvedObject;
    const errors: FieldError[] = [];
    if (involved === undefined) errors.push(required('involvedObject'));
    else if ((involved.namespace || 'default') !== object.metadata.namespace) {
      errors.push(invalidValue('involvedObject.namespace', involved.namespace ?? '', 'does not match event.namespace'));
    }
    return errors;
  },
  selectableFields: (object) => {
    const { involvedObject = {}, reason = '', type = '', source = {}, reportingComponent } = asEvent(object);
    return {
      'involvedObject.kind': involvedObject.kind ?? '',
      'involvedObject.namespace': involvedObject.namespace ?? '',
      'involvedObject.name': involvedObject.name ?? '',
      'involvedObject.uid': involvedObject.uid ?? '',
      'involvedObject.apiVersion': involvedObject.apiVersion ?? '',
      'involvedObject.resourceVersion': involvedObject.resourceVersion ?? '',
      'involvedObject.fieldPath': involvedObject.fieldPath ?? '',
      reason,
      type,
      reportingComponent: reportingComponent ?? '',
      source: source.component || reportingComponent || '',
    };
  },
  columns: [
    textColumn('Last Seen', 'Time since the event was last seen.', (object, nowMs) => {
      const { series, lastTimestamp, eventTime } = asEvent(object);
      return ageOf(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? object.metadata.creationTimestamp, nowMs);
    }),
    textColumn('Type', 'Normal or Warning.', (object) => asEvent(object).type ?? ''),
    textColumn('Reason', 'Short reason, for machines.', (object) => asEvent(object).reason ?? ''),
    textColumn('Object', 'The object that the event is about.', (object) => {
      const involved = asEvent(object).involvedObject;
      return `${(involved?.kind ?? '').toLowerCase()}/${involved?.name ?? ''}`;
    }),
    textColumn('Subobject', 'Part of the object.', (object) => asEvent(object).involvedObject?.fieldPath ?? '', 1),
    textColumn(
      'Source',
      'Who reported it.',
      (object) => {
        const { source, reportingComponent } = asEvent(object);
        return [source?.component || reportingComponent || '', source?.host ?? '']
          .filter((item) => item !== '')
          .join(', ');
      },
      1,
    ),
    textColumn('Message', 'What happened.', (object) => (asEvent(object).message ?? '').trim()),
    textColumn(
      'First Seen',
      'Time since the event was first seen.',
      (object, nowMs) => ageOf(asEvent(object).firstTimestamp ?? asEvent(object).eventTime, nowMs),
      1,
    ),
    textColumn(
      'Count',
      'How often it was seen.',
      (object) => String(asEvent(object).series?.count ?? asEvent(object).count ?? 1),
      1,
    ),
    textColumn('Name', 'Name of the event.', (object) => object.metadata.name, 1),
  ],
});

/** Fields of v1 by their names in events.k8s.io/v1. */
const renamed: Record<string, string> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};
const renamedBack = Object.fromEntries(Object.entries(renamed).map(([now, before]) => [before, now]));

function rename(object: KubeObject, names: Record<string, string>): KubeObject {
  return Object.fromEntries(
    Object.entries(object).map(([field, value]) => [names[field] ?? field, value]),
  ) as KubeObject;
}

/** events.k8s.io/v1 also asks for who reports, what was done and when. */
function newEventErrors(object: KubeObject): FieldError[] {
  const { eventTime, reportingController, reportingInstance, action, reason } = object as JsonObject;
  if (eventTime === undefined || eventTime === null) return eventKind.validate?.(rename(object, renamed)) ?? [];
  const fields = { reportingController, reportingInstance, action, reason };
  return [
    ...Object.entries(fields).flatMap(([field, value]) => (value ? [] : [required(field)])),
    ...(eventKind.validate?.(rename(object, renamed)) ?? []),
  ];
}

/** By events.k8s.io/v1 an event's series and metadata may change, and nothing else; by v1 everything. */
const fixedFields = ['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count'];
const fixedNewFields = ['type', 'eventTime', 'action', 'related', 'reportingComponent', 'reportingInstance'];

export const newEventKind: Kind = defineKind({
  group: 'events.k8s.io',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  typeId: 'events.v1.Event',
  nameError: dnsSubdomainError,
  validate: newEventErrors,
  validateUpdate: (object, old) =>
    unchangedAt(rename(object, renamed), rename(old, renamed), ...fixedFields, ...fixedNewFields),
  selectableFields: (object) => {
    const { reason = '', type = '', reportingController = '' } = object as Record<string, string>;
    const regarding = (object.regarding ?? {}) as Record<string, string>;
    const fields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
    return {
      ...Object.fromEntries(fields.map((field) => [`regarding.${field}`, regarding[field] ?? ''])),
      reason,
      type,
      reportingController,
    };
  },
  columns: eventKind.columns.map((column) => ({
    ...column,
    value: (object: KubeObject, nowMs: number) => column.value(rename(object, renamed), nowMs),
  })),
  storage: {
    kind: () => eventKind,
    toStored: (object) => rename(object, renamed),
    fromStored: (object) => rename(object, renamedBack),
  },
});
