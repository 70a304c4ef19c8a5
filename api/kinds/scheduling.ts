// PriorityClass (scheduling.k8s.io/v1) and RuntimeClass (node.k8s.io/v1).
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
import type { PriorityClass } from '../meta/kubernetes.ts';
import { dnsLabelError, dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { type FieldError, forbiddenField } from '../meta/status.ts';
import { ageColumn, booleanAt, integerAt, textAt } from './columns.ts';
import { defineKind, type Kind, setDefaults } from './kind.ts';
import { oneOfAt, requiredAt, unchangedAt } from './validation.ts';

/** Greatest value that users may give. */
const maxUserPriority = 1_000_000_000;
const systemPrefix = 'system-';

/** The classes that every cluster has. */
export const systemPriorities: Record<string, number> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

function priorityErrors(object: KubeObject): FieldError[] {
  const { name } = object.metadata;
  const value = (object as PriorityClass).value;
  if (name.startsWith(systemPrefix)) {
    return systemPriorities[name] === value
      ? []
      : [
          forbiddenField(
            'metadata.name',
            `priority class names with '${systemPrefix}' prefix are reserved for system use only`,
          ),
        ];
  }
  return (value ?? 0) > maxUserPriority
    ? [forbiddenField('value', `maximum allowed value of a user defined priority is ${maxUserPriority}`)]
    : [];
}

export const priorityClassKind: Kind = defineKind({
  group: 'scheduling.k8s.io',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  typeId: 'scheduling.v1.PriorityClass',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => setDefaults(object, { preemptionPolicy: 'PreemptLowerPriority', value: 0 }),
  validate: (object) => [
    ...priorityErrors(object),
    ...oneOfAt(object, 'preemptionPolicy', ['Never', 'PreemptLowerPriority']),
  ],
  validateUpdate: (object, old) => unchangedAt(object, old, 'value', 'preemptionPolicy'),
  columns: [
    integerAt('Value', 'value', 'Priority of its pods.'),
    booleanAt('Global-Default', 'globalDefault', 'Whether pods without a class get it.'),
    ageColumn,
    textAt('PreemptionPolicy', 'preemptionPolicy', 'Whether its pods may displace others.'),
  ],
});

export const runtimeClassKind: Kind = defineKind({
  group: 'node.k8s.io',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  typeId: 'node.v1.RuntimeClass',
  nameError: dnsSubdomainError,
  validate: (object) => {
    const problem = dnsLabelError(String(object.handler ?? ''));
    const errors = requiredAt(object, 'handler');
    return errors.length > 0 || problem === undefined
      ? errors
      : [
          {
            reason: 'FieldValueInvalid',
            field: 'handler',
            message: `Invalid value: ${JSON.stringify(object.handler)}: ${problem}`,
          },
        ];
  },
  validateUpdate: (object, old) => unchangedAt(object, old, 'handler'),
  columns: [textAt('Handler', 'handler', 'Configuration of the container runtime.'), ageColumn],
});
