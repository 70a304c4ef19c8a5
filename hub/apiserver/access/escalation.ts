// Nobody gives away more than they have: roles and bindings are checked
// against the rules of who writes them.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
import type { Kind } from '../../../api/kinds/kind.ts';
import {
  clusterRoleBindingKind,
  clusterRoleKind,
  type PolicyRule,
  type RoleReference,
  rbacGroup,
  roleBindingKind,
  roleKind,
} from '../../../api/kinds/rbac.ts';
import { jsonEqual, type KubeObject } from '../../../api/meta/object.ts';
import type { Operation, User } from '../../../api/meta/operation.ts';
import { forbidden, notFound } from '../../../api/meta/status.ts';
import { decide } from './authorization.ts';
import type { RoleIndex } from './role-index.ts';
import { uncovered } from './rules.ts';

function formatRule({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const part = (name: string, list: string[] | undefined): string[] =>
    list === undefined ? [] : [`${name}:[${list.map((item) => JSON.stringify(item)).join(' ')}]`];
  const parts = [
    ...part('APIGroups', apiGroups),
    ...part('Resources', resources),
    ...part('ResourceNames', resourceNames),
    ...part('NonResourceURLs', nonResourceURLs),
    ...part('Verbs', verbs),
  ];
  return `{${parts.join(', ')}}`;
}

const everything: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Whether a change only lets the garbage collector on; labels may give rules to aggregated roles. */
function isOnlyReleased(object: KubeObject, old: KubeObject): boolean {
  const content = ({ metadata, ...rest }: KubeObject): object => {
    const {
      finalizers: _f,
      ownerReferences: _o,
      managedFields: _m,
      resourceVersion: _v,
      generation: _g,
      ...kept
    } = metadata;
    return { ...rest, metadata: kept };
  };
  return jsonEqual(content(object), content(old));
}

/** Rules that differ in their verbs alone, put together. */
function compacted(rules: readonly PolicyRule[]): PolicyRule[] {
  const found: PolicyRule[] = [];
  for (const rule of rules) {
    const { verbs, ...what } = rule;
    const same = found.find(({ verbs: _verbs, ...other }) => jsonEqual(other, what));
    if (same === undefined) found.push({ ...rule });
    else same.verbs = [...same.verbs, ...verbs];
  }
  return found;
}

/** @throws ApiError Forbidden listing what the user lacks */
export function checkEscalation(
  roles: RoleIndex,
  { user }: Operation,
  kind: Kind,
  object: KubeObject,
  old?: KubeObject,
): void {
  const namespace = kind.namespaced ? object.metadata.namespace : undefined;
  let wanted: PolicyRule[] = [];
  if (kind === roleKind || kind === clusterRoleKind) {
    if (old !== undefined && isOnlyReleased(object, old)) return;
    if (may(roles, user, 'escalate', kind.plural, object.metadata.name, namespace)) return;
    wanted = (object.rules as PolicyRule[] | null | undefined) ?? [];
    // What an aggregated role comes to hold is not known: it may be everything.
    if (object.aggregationRule != null || old?.aggregationRule != null) wanted = [...wanted, ...everything];
  } else if (kind === roleBindingKind || kind === clusterRoleBindingKind) {
    if (old !== undefined && isOnlyReleased(object, old)) return;
    const role = object.roleRef as RoleReference;
    // Validation refuses it.
    if (role.name === '' || (role.kind !== 'Role' && role.kind !== 'ClusterRole')) return;
    if (may(roles, user, 'bind', `${role.kind.toLowerCase()}s`, role.name, namespace)) return;
    if (!roles.hasRole(role, namespace))
      throw notFound({ resource: `${role.kind.toLowerCase()}s`, group: rbacGroup }, role.name);
    wanted = roles.rulesOfRole(role, namespace);
  } else return;
  const owned = [...roles.rulesOf(user, namespace)].map(({ rule }) => rule);
  const missing = uncovered(owned, wanted);
  if (missing.length === 0) return;
  const who = `user ${JSON.stringify(user.name)} (groups=[${user.groups.map((group) => JSON.stringify(group)).join(' ')}])`;
  const rules = [...new Set(compacted(missing).map(formatRule))].sort();
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${rules.join('\n')}`;
  throw forbidden({ resource: kind.plural, group: kind.group }, object.metadata.name, why);
}

function may(
  roles: RoleIndex,
  user: User,
  verb: string,
  resource: string,
  name: string,
  namespace: string | undefined,
): boolean {
  return decide(roles, user, { verb, group: rbacGroup, resource, name, namespace }).allowed;
}
