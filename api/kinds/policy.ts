// PodDisruptionBudget (policy/v1).
// https://kubernetes.io/docs/tasks/run-application/configure-pdb/
import type { PodDisruptionBudget } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue } from '../meta/status.ts';
import { ageColumn, integerAt, textColumn } from './columns.ts';
import { defineKind, type Kind, specOf, statusSubresource } from './kind.ts';
import { intOrPercentErrors, oneOfAt, selectorAt } from './validation.ts';

const asBudget = (object: KubeObject): PodDisruptionBudget => object as PodDisruptionBudget;

function validate(object: KubeObject): FieldError[] {
  const { minAvailable, maxUnavailable } = asBudget(object).spec ?? {};
  const errors = [
    ...intOrPercentErrors(minAvailable, 'spec.minAvailable'),
    ...intOrPercentErrors(maxUnavailable, 'spec.maxUnavailable'),
    ...selectorAt(object, 'spec.selector'),
    ...oneOfAt(object, 'spec.unhealthyPodEvictionPolicy', ['AlwaysAllow', 'IfHealthyBudget']),
  ];
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    errors.push(invalidValue('spec', specOf(object), 'minAvailable and maxUnavailable cannot be both set'));
  return errors;
}

export const podDisruptionBudgetKind: Kind = defineKind({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  typeId: 'policy.v1.PodDisruptionBudget',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    specOf(object);
  },
  prepareCreate: (object) => {
    object.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate,
  columns: [
    textColumn('Min Available', 'Pods that must stay.', (object) =>
      String(asBudget(object).spec?.minAvailable ?? 'N/A'),
    ),
    textColumn('Max Unavailable', 'Pods that may be away.', (object) =>
      String(asBudget(object).spec?.maxUnavailable ?? 'N/A'),
    ),
    integerAt('Allowed Disruptions', 'status.disruptionsAllowed', 'Pods that may be evicted now.'),
    ageColumn,
  ],
});
