// Deployment, ReplicaSet, DaemonSet and ControllerRevision (apps/v1).
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/

import type { DaemonSet, Deployment, PodTemplate, ReplicaSet } from '../meta/kubernetes.ts';
import { formatSelector, type LabelSelector, matchesSelector, validateSelector } from '../meta/labels.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { type FieldError, forbiddenField, invalidValue, notSupported, required } from '../meta/status.ts';
import { ageColumn, integerColumn, templateColumns, textColumn } from './columns.ts';
import { defineKind, type Kind, scaleSubresource, setDefaults, specOf, statusSubresource } from './kind.ts';
import { defaultTemplate } from './pod-template.ts';
import { validateTemplateSpec } from './pod-validation.ts';
import { intOrPercentErrors, notNegative, unchangedAt } from './validation.ts';

type Workload = {
  spec?: {
    selector?: LabelSelector;
    template?: PodTemplate;
  };
};

export function validateWorkload(object: KubeObject): FieldError[] {
  const { selector, template } = (object as Workload).spec ?? {};
  const errors = notNegative(object, 'spec.replicas', 'spec.minReadySeconds', 'spec.revisionHistoryLimit');
  if (selector === undefined) errors.push(required('spec.selector'));
  else {
    errors.push(...validateSelector(selector, 'spec.selector'));
    const isEmpty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
    if (isEmpty) errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for deployment'));
    const labels = template?.metadata?.labels as Record<string, string> | undefined;
    if (!matchesSelector(selector, labels)) {
      errors.push(
        invalidValue('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'),
      );
    }
  }
  errors.push(...validateTemplateSpec(template?.spec, 'spec.template.spec'));
  if (template?.spec !== undefined && template.spec.restartPolicy !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', template.spec.restartPolicy, ['Always']));
  }
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    const owner = object.kind === 'Deployment' ? 'ReplicaSet' : object.kind;
    const rule = `activeDeadlineSeconds in ${owner} is not Supported`;
    errors.push(forbiddenField('spec.template.spec.activeDeadlineSeconds', rule));
  }
  return errors;
}

const validateSelectorUnchanged = (object: KubeObject, old: KubeObject): FieldError[] =>
  unchangedAt(object, old, 'spec.selector');

export const selectorColumn = textColumn(
  'Selector',
  'Label selector for its pods.',
  (object) => formatSelector((object as Workload).spec?.selector) || '<none>',
  1,
);
const asDeployment = (object: KubeObject): Deployment => object as Deployment;
const asReplicaSet = (object: KubeObject): ReplicaSet => object as ReplicaSet;
const asDaemonSet = (object: KubeObject): DaemonSet => object as DaemonSet;

export const deploymentKind: Kind = defineKind({
  group: 'apps',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  typeId: 'apps.v1.Deployment',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource, scaleSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {} });
    const strategy = spec.strategy as JsonObject;
    setDefaults(strategy, { type: 'RollingUpdate' });
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      setDefaults(strategy.rollingUpdate as JsonObject, { maxUnavailable: '25%', maxSurge: '25%' });
    }
    defaultTemplate(specOf(object));
  },
  validate: (object) => {
    const errors = validateWorkload(object);
    const strategy = asDeployment(object).spec?.strategy;
    if (!['RollingUpdate', 'Recreate'].includes(strategy?.type ?? ''))
      errors.push(notSupported('spec.strategy.type', strategy?.type, ['Recreate', 'RollingUpdate']));
    const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {};
    errors.push(...intOrPercentErrors(maxSurge, 'spec.strategy.rollingUpdate.maxSurge'));
    errors.push(...intOrPercentErrors(maxUnavailable, 'spec.strategy.rollingUpdate.maxUnavailable'));
    const isZero = (value: unknown): boolean => value === 0 || value === '0%';
    if (strategy?.type === 'RollingUpdate' && isZero(maxSurge) && isZero(maxUnavailable)) {
      errors.push(
        invalidValue('spec.strategy.rollingUpdate.maxUnavailable', maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
      );
    }
    return errors;
  },
  validateUpdate: validateSelectorUnchanged,
  columns: [
    textColumn(
      'Ready',
      'Number of the pod with ready state',
      (object) => `${asDeployment(object).status?.readyReplicas ?? 0}/${asDeployment(object).spec?.replicas ?? 0}`,
    ),
    integerColumn(
      'Up-to-date',
      'Number of pods that have the desired template.',
      (object) => asDeployment(object).status?.updatedReplicas ?? 0,
    ),
    integerColumn(
      'Available',
      'Number of pods that have been ready for minReadySeconds.',
      (object) => asDeployment(object).status?.availableReplicas ?? 0,
    ),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});

export const replicaSetKind: Kind = defineKind({
  group: 'apps',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  typeId: 'apps.v1.ReplicaSet',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource, scaleSubresource],
  applyDefaults: (object) => {
    setDefaults(specOf(object), { replicas: 1 });
    defaultTemplate(specOf(object));
  },
  prepareCreate: (object) => {
    object.status = { replicas: 0 };
  },
  validate: validateWorkload,
  validateUpdate: validateSelectorUnchanged,
  selectableFields: (object) => ({ 'status.replicas': String(asReplicaSet(object).status?.replicas ?? 0) }),
  columns: [
    integerColumn('Desired', 'Number of desired pods.', (object) => asReplicaSet(object).spec?.replicas ?? 0),
    integerColumn('Current', 'Number of pods that exist.', (object) => asReplicaSet(object).status?.replicas ?? 0),
    integerColumn('Ready', 'Number of ready pods.', (object) => asReplicaSet(object).status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});

export const daemonSetKind: Kind = defineKind({
  group: 'apps',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  typeId: 'apps.v1.DaemonSet',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { revisionHistoryLimit: 10, updateStrategy: {} });
    const strategy = spec.updateStrategy as JsonObject;
    setDefaults(strategy, { type: 'RollingUpdate' });
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      setDefaults(strategy.rollingUpdate as JsonObject, { maxUnavailable: 1, maxSurge: 0 });
    }
    defaultTemplate(specOf(object));
  },
  prepareCreate: (object) => {
    object.status = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
  },
  validate: (object) => {
    const errors = validateWorkload(object);
    const strategy = asDaemonSet(object).spec?.updateStrategy;
    if (!['RollingUpdate', 'OnDelete'].includes(strategy?.type ?? ''))
      errors.push(notSupported('spec.updateStrategy.type', strategy?.type, ['OnDelete', 'RollingUpdate']));
    errors.push(
      ...intOrPercentErrors(
        strategy?.rollingUpdate?.maxUnavailable,
        'spec.updateStrategy.rollingUpdate.maxUnavailable',
      ),
    );
    return errors;
  },
  validateUpdate: validateSelectorUnchanged,
  columns: [
    integerColumn(
      'Desired',
      'Number of nodes that should run the pod.',
      (object) => asDaemonSet(object).status?.desiredNumberScheduled ?? 0,
    ),
    integerColumn(
      'Current',
      'Number of nodes that have the pod.',
      (object) => asDaemonSet(object).status?.currentNumberScheduled ?? 0,
    ),
    integerColumn(
      'Ready',
      'Number of nodes on which the pod is ready.',
      (object) => asDaemonSet(object).status?.numberReady ?? 0,
    ),
    integerColumn(
      'Up-to-date',
      'Number of nodes that have the desired template.',
      (object) => asDaemonSet(object).status?.updatedNumberScheduled ?? 0,
    ),
    integerColumn(
      'Available',
      'Number of nodes on which the pod is available.',
      (object) => asDaemonSet(object).status?.numberAvailable ?? 0,
    ),
    textColumn('Node Selector', 'Labels that a node must have.', (object) => {
      const selector = asDaemonSet(object).spec?.template.spec?.nodeSelector ?? {};
      return (
        Object.entries(selector)
          .map(([key, value]) => `${key}=${value}`)
          .join(',') || '<none>'
      );
    }),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});

export const controllerRevisionKind: Kind = defineKind({
  group: 'apps',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  typeId: 'apps.v1.ControllerRevision',
  nameError: dnsSubdomainError,
  validateUpdate: (object, old) =>
    jsonEqual(object.data, old.data) ? [] : [invalidValue('data', '', 'field is immutable')],
  columns: [
    textColumn('Controller', 'Controller of the object.', (object) => {
      const owner = object.metadata.ownerReferences?.find((reference) => reference.controller === true);
      return owner === undefined
        ? '<none>'
        : `${owner.kind.toLowerCase()}.${owner.apiVersion.split('/')[0]}/${owner.name}`;
    }),
    integerColumn('Revision', 'The revision of the state.', (object) => Number(object.revision ?? 0)),
    ageColumn,
  ],
});
