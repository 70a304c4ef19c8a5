// StatefulSet (apps/v1).
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/
import type { StatefulSet } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { type FieldError, forbiddenField, invalidValue } from '../meta/status.ts';
import { ageColumn, templateColumns, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, scaleSubresource, setDefaults, specOf, statusSubresource } from './kind.ts';
import { defaultTemplate } from './pod-template.ts';
import { intOrPercentErrors, notNegative, oneOfAt } from './validation.ts';
import { defaultClaim } from './volumes.ts';
import { validateWorkload } from './workload.ts';

const asStatefulSet = (object: KubeObject): StatefulSet => object as StatefulSet;

/** What an update may change. */
const mutableFields = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function immutablePart(object: KubeObject): JsonObject {
  return Object.fromEntries(Object.entries(specOf(object)).filter(([field]) => !mutableFields.includes(field)));
}

const retentionPolicies = ['Retain', 'Delete'];

/** One of two words stands at a path. */
function eitherAt(object: KubeObject, path: string, [one, other]: readonly [string, string]): FieldError[] {
  const value = valueAt(object, path);
  return value === one || value === other ? [] : [invalidValue(path, value, `must be '${one}' or '${other}'`)];
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies */
function strategyErrors(set: StatefulSet): FieldError[] {
  const at = 'spec.updateStrategy';
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type !== 'RollingUpdate' && type !== 'OnDelete')
    return [invalidValue(at, set.spec?.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")];
  if (rollingUpdate === undefined) return [];
  if (type === 'OnDelete')
    return [invalidValue(`${at}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
  const { maxUnavailable } = rollingUpdate;
  const field = `${at}.rollingUpdate.maxUnavailable`;
  const errors = [...notNegative(set, `${at}.rollingUpdate.partition`), ...intOrPercentErrors(maxUnavailable, field)];
  if (maxUnavailable === 0 || maxUnavailable === '0%') errors.push(invalidValue(field, maxUnavailable, 'cannot be 0'));
  if (typeof maxUnavailable === 'string' && Number.parseInt(maxUnavailable, 10) > 100)
    errors.push(invalidValue(field, maxUnavailable, 'must not be greater than 100%'));
  return errors;
}

export const statefulSetKind: Kind = defineKind({
  group: 'apps',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  typeId: 'apps.v1.StatefulSet',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource, scaleSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, {
      podManagementPolicy: 'OrderedReady',
      updateStrategy: {},
      replicas: 1,
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: {},
    });
    setDefaults(spec.persistentVolumeClaimRetentionPolicy as JsonObject, {
      whenDeleted: 'Retain',
      whenScaled: 'Retain',
    });
    const strategy = spec.updateStrategy as JsonObject;
    setDefaults(strategy, { type: 'RollingUpdate' });
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      setDefaults(strategy.rollingUpdate as JsonObject, { partition: 0, maxUnavailable: 1 });
    }
    for (const claim of (spec.volumeClaimTemplates as unknown[] | undefined) ?? []) {
      if (!isJsonObject(claim)) continue;
      setDefaults(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', status: { phase: 'Pending' } });
      defaultClaim(claim as KubeObject);
    }
    defaultTemplate(spec);
  },
  prepareCreate: (object) => {
    object.status = { replicas: 0, availableReplicas: 0 };
  },
  validate: (object) => [
    ...validateWorkload(object),
    ...eitherAt(object, 'spec.podManagementPolicy', ['OrderedReady', 'Parallel']),
    ...strategyErrors(asStatefulSet(object)),
    ...notNegative(object, 'spec.ordinals.start'),
    ...oneOfAt(object, 'spec.persistentVolumeClaimRetentionPolicy.whenDeleted', retentionPolicies),
    ...oneOfAt(object, 'spec.persistentVolumeClaimRetentionPolicy.whenScaled', retentionPolicies),
  ],
  validateUpdate: (object, old) => {
    if (jsonEqual(immutablePart(object), immutablePart(old))) return [];
    const list = mutableFields.map((field) => `'${field}'`);
    const detail = `updates to statefulset spec for fields other than ${list.slice(0, -1).join(', ')} and ${list.at(-1)} are forbidden`;
    return [forbiddenField('spec', detail)];
  },
  columns: [
    textColumn(
      'Ready',
      'Number of ready pods, of those wanted.',
      (object) => `${asStatefulSet(object).status?.readyReplicas ?? 0}/${asStatefulSet(object).spec?.replicas ?? 0}`,
    ),
    ageColumn,
    ...templateColumns,
  ],
});
