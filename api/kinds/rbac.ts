// Role, ClusterRole and their bindings (rbac.authorization.k8s.io/v1).
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
import type { RoleBinding } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, notSupported, required } from '../meta/status.ts';
import { ageColumn, createdAtColumn, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults } from './kind.ts';
import { unchangedAt } from './validation.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

/** What a rule of a role allows. */
export type PolicyRule = {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
};
export type Subject = { kind: string; name: string; namespace?: string; apiGroup?: string };
export type RoleReference = { apiGroup: string; kind: string; name: string };

const rulesOf = (object: KubeObject): PolicyRule[] => (object.rules as PolicyRule[] | undefined) ?? [];
const asBinding = (object: KubeObject): RoleBinding => object as RoleBinding;
const subjectsOf = (object: KubeObject): Subject[] => (object.subjects as Subject[] | undefined) ?? [];

/** Names of roles may hold anything that fits into a path. */
export function pathSegmentError(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`;
  for (const part of ['/', '%']) if (name.includes(part)) return `may not contain '${part}'`;
  return name.length > 253 ? 'must be no more than 253 bytes' : undefined;
}

function ruleErrors(rule: PolicyRule, path: string, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if ((rule.verbs ?? []).length === 0) errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length > 0) {
    if (namespaced) {
      const detail = 'namespaced rules cannot apply to non-resource URLs';
      errors.push(invalidValue(`${path}.nonResourceURLs`, urls, detail));
    }
    if ([rule.apiGroups, rule.resources, rule.resourceNames].some((list) => (list ?? []).length > 0)) {
      const detail = 'rules cannot apply to both regular resources and non-resource URLs';
      errors.push(invalidValue(`${path}.nonResourceURLs`, urls, detail));
    }
    return errors;
  }
  if ((rule.apiGroups ?? []).length === 0)
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if ((rule.resources ?? []).length === 0)
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}

function defineRole(kind: 'Role' | 'ClusterRole'): Kind {
  const namespaced = kind === 'Role';
  return defineKind({
    group: rbacGroup,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
    typeId: `rbac.v1.${kind}`,
    nameError: pathSegmentError,
    applyDefaults: (object) => setDefaults(object, { rules: null }),
    validate: (object) => rulesOf(object).flatMap((rule, index) => ruleErrors(rule, `rules[${index}]`, namespaced)),
    columns: [createdAtColumn],
  });
}

export const roleKind = defineRole('Role');
export const clusterRoleKind = defineRole('ClusterRole');

function subjectErrors(subject: Subject, path: string, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (!subject.name) errors.push(required(`${path}.name`));
  switch (subject.kind) {
    case 'ServiceAccount': {
      const problem = subject.name ? dnsSubdomainError(subject.name) : undefined;
      if (problem !== undefined) errors.push(invalidValue(`${path}.name`, subject.name, problem));
      if (subject.apiGroup) errors.push(notSupported(`${path}.apiGroup`, subject.apiGroup, ['']));
      if (!namespaced && !subject.namespace) errors.push(required(`${path}.namespace`));
      return errors;
    }
    case 'User':
    case 'Group':
      if (subject.apiGroup !== rbacGroup) errors.push(notSupported(`${path}.apiGroup`, subject.apiGroup, [rbacGroup]));
      return errors;
    default:
      return [...errors, notSupported(`${path}.kind`, subject.kind, ['ServiceAccount', 'User', 'Group'])];
  }
}

function bindingErrors(object: KubeObject, namespaced: boolean): FieldError[] {
  const roles = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const reference = asBinding(object).roleRef as RoleReference | undefined;
  const errors: FieldError[] = [];
  if (reference?.apiGroup !== rbacGroup)
    errors.push(notSupported('roleRef.apiGroup', reference?.apiGroup, [rbacGroup]));
  if (!roles.includes(reference?.kind ?? '')) errors.push(notSupported('roleRef.kind', reference?.kind, roles));
  if (!reference?.name) errors.push(required('roleRef.name'));
  else {
    const problem = pathSegmentError(reference.name);
    if (problem !== undefined) errors.push(invalidValue('roleRef.name', reference.name, problem));
  }
  subjectsOf(object).forEach((subject, index) => {
    errors.push(...subjectErrors(subject, `subjects[${index}]`, namespaced));
  });
  return errors;
}

function subjectNames(object: KubeObject, kind: string): string {
  return subjectsOf(object)
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}

function bindingKind(kind: 'RoleBinding' | 'ClusterRoleBinding'): Kind {
  const namespaced = kind === 'RoleBinding';
  return defineKind({
    group: rbacGroup,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
    typeId: `rbac.v1.${kind}`,
    nameError: pathSegmentError,
    applyDefaults: (object) => {
      const reference = asBinding(object).roleRef as Partial<RoleReference> | undefined;
      if (reference !== undefined) reference.apiGroup ||= rbacGroup;
      for (const subject of subjectsOf(object)) {
        if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
      }
    },
    validate: (object) => bindingErrors(object, namespaced),
    validateUpdate: (object, old) =>
      unchangedAt(object, old, 'roleRef').map((error) => ({
        ...invalidValue('roleRef', object.roleRef, 'cannot change roleRef'),
        reason: error.reason,
      })),
    columns: [
      textColumn('Role', 'The role that is given.', (object) => {
        const { kind: role, name } = asBinding(object).roleRef;
        return `${role}/${name}`;
      }),
      ageColumn,
      textColumn('Users', 'Users who get it.', (object) => subjectNames(object, 'User'), 1),
      textColumn('Groups', 'Groups who get it.', (object) => subjectNames(object, 'Group'), 1),
      textColumn(
        'ServiceAccounts',
        'Service accounts that get it.',
        (object) => subjectNames(object, 'ServiceAccount'),
        1,
      ),
    ],
  });
}

export const roleBindingKind = bindingKind('RoleBinding');
export const clusterRoleBindingKind = bindingKind('ClusterRoleBinding');
