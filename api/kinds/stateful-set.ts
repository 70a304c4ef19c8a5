// StatefulSet (apps/v1).
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/
import type { StatefulSet } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { forbiddenField } from '../meta/status.ts';
import { ageColumn, templateColumns, textColumn } from './columns.ts';
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
      setDefaults(strategy.rollingUpdate as JsonObject, { partition: 0 });
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
    ...oneOfAt(object, 'spec.podManagementPolicy', ['OrderedReady', 'Parallel']),
    ...oneOfAt(object, 'spec.updateStrategy.type', ['RollingUpdate', 'OnDelete']),
    ...notNegative(object, 'spec.updateStrategy.rollingUpdate.partition', 'spec.ordinals.start'),
    ...intOrPercentErrors(
      asStatefulSet(object).spec?.updateStrategy?.rollingUpdate?.maxUnavailable,
      'spec.updateStrategy.rollingUpdate.maxUnavailable',
    ),
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
