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
export const systemPriorityClasses: readonly { name: string; value: number; description: string }[] = [
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description: 'For pods that the cluster can not do without, on whichever node they are.',
  },
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'For pods that their node can not do without.',
  },
];

/** What pods may do to others of lower priority, unless their class says otherwise. */
export const defaultPreemptionPolicy = 'PreemptLowerPriority';

/** Why a class is not one that every cluster has. */
function foreignReason({ metadata: { name }, value, globalDefault }: PriorityClass): string | undefined {
  const known = systemPriorityClasses.find((one) => one.name === name)?.value;
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function priorityErrors(object: KubeObject): FieldError[] {
  const { name } = object.metadata;
  if (name.startsWith(systemPrefix)) {
    const reason = foreignReason(object as PriorityClass);
    const rule = `priority class names with '${systemPrefix}' prefix are reserved for system use only`;
    return reason === undefined ? [] : [forbiddenField('metadata.name', `${rule}. error: ${reason}`)];
  }
  return ((object as PriorityClass).value ?? 0) > maxUserPriority
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
  applyDefaults: (object) => setDefaults(object, { preemptionPolicy: defaultPreemptionPolicy, value: 0 }),
  validate: (object) => [
    ...priorityErrors(object),
    ...oneOfAt(object, 'preemptionPolicy', ['Never', defaultPreemptionPolicy]),
  ],
  validateUpdate: (object, old) => [
    ...(object.value === old.value ? [] : [forbiddenField('value', 'may not be changed in an update.')]),
    ...unchangedAt(object, old, 'preemptionPolicy'),
  ],
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
