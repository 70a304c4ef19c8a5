// Kinds that are asked and answered, never stored: who am I, may I, is this
// token good; and those made up when they are read: ComponentStatus, metrics.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
import { dnsSubdomainError } from '../meta/names.ts';
import { ageColumn, countAt, integerColumn, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind } from './kind.ts';

function reviewKind(group: 'authentication' | 'authorization', kind: string, namespaced = false): Kind {
  return defineKind({
    group: `${group}.k8s.io`,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
    typeId: `${group}.v1.${kind}`,
    verbs: ['create'],
    // Nothing is stored under it.
    nameError: () => undefined,
    columns: [],
  });
}

export const selfSubjectReviewKind = reviewKind('authentication', 'SelfSubjectReview');
export const tokenReviewKind = reviewKind('authentication', 'TokenReview');
export const localSubjectAccessReviewKind = reviewKind('authorization', 'LocalSubjectAccessReview', true);
export const selfSubjectAccessReviewKind = reviewKind('authorization', 'SelfSubjectAccessReview');
export const selfSubjectRulesReviewKind = reviewKind('authorization', 'SelfSubjectRulesReview');
export const subjectAccessReviewKind = reviewKind('authorization', 'SubjectAccessReview');

export const bindingKind: Kind = defineKind({
  kind: 'Binding',
  plural: 'bindings',
  typeId: 'core.v1.Binding',
  verbs: ['create'],
  nameError: dnsSubdomainError,
  columns: [],
});

export const componentStatusKind: Kind = defineKind({
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  singular: 'componentstatus',
  shortNames: ['cs'],
  namespaced: false,
  typeId: 'core.v1.ComponentStatus',
  verbs: ['get', 'list'],
  nameError: dnsSubdomainError,
  columns: [
    textColumn('Status', 'Whether it is well.', (object) =>
      valueAt((object.conditions as unknown[] | undefined)?.[0], 'status') === 'True' ? 'Healthy' : 'Unhealthy',
    ),
    textColumn('Message', 'What it says.', (object) =>
      String(valueAt((object.conditions as unknown[] | undefined)?.[0], 'message') ?? ''),
    ),
    textColumn('Error', 'What is wrong with it.', (object) =>
      String(valueAt((object.conditions as unknown[] | undefined)?.[0], 'error') ?? ''),
    ),
  ],
});

const metricsGroup = 'metrics.k8s.io';

export const nodeMetricsKind: Kind = defineKind({
  group: metricsGroup,
  version: 'v1beta1',
  kind: 'NodeMetrics',
  plural: 'nodes',
  singular: '',
  namespaced: false,
  typeId: 'metrics.v1beta1.NodeMetrics',
  verbs: ['get', 'list'],
  nameError: dnsSubdomainError,
  columns: [
    textColumn('CPU', 'Processor time in use.', (object) => String(valueAt(object, 'usage.cpu') ?? '')),
    textColumn('Memory', 'Memory in use.', (object) => String(valueAt(object, 'usage.memory') ?? '')),
    ageColumn,
  ],
});

export const podMetricsKind: Kind = defineKind({
  group: metricsGroup,
  version: 'v1beta1',
  kind: 'PodMetrics',
  plural: 'pods',
  singular: '',
  typeId: 'metrics.v1beta1.PodMetrics',
  verbs: ['get', 'list'],
  nameError: dnsSubdomainError,
  columns: [
    integerColumn('Containers', 'Number of its containers.', (object) => countAt(object, 'containers')),
    ageColumn,
  ],
});
