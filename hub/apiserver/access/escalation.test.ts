// Who may write roles and bindings: those who have all that they give, or hold
// `escalate` and `bind`. Also by ways around: aggregation, labels, roles to come.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Kind } from '../../../api/kinds/kind.ts';
import {
  clusterRoleBindingKind,
  clusterRoleKind,
  type PolicyRule,
  roleBindingKind,
  roleKind,
} from '../../../api/kinds/rbac.ts';
import type { KubeObject } from '../../../api/meta/object.ts';
import type { User } from '../../../api/meta/operation.ts';
import { ApiError } from '../../../api/meta/status.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { encodeStored, objectStoreKey } from '../stored-object.ts';
import { checkEscalation } from './escalation.ts';
import { RoleIndex } from './role-index.ts';

const group = 'rbac.authorization.k8s.io';
const getPods: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const getSecrets: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };
const everything: PolicyRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
const everyPath: PolicyRule = { verbs: ['*'], nonResourceURLs: ['*'] };
const special = (verb: string, resource: string, name?: string): PolicyRule => ({
  verbs: [verb],
  apiGroups: [group],
  resources: [resource],
  ...(name === undefined ? {} : { resourceNames: [name] }),
});

const metadata = (name: string, kind: Kind): KubeObject['metadata'] => ({
  name,
  ...(kind.namespaced ? { namespace: 'ci' } : {}),
});
const role = (kind: Kind, rules: PolicyRule[] | null, more: object = {}): KubeObject =>
  ({ metadata: metadata('new', kind), rules, ...more }) as KubeObject;
const binding = (kind: Kind, roleKindName: string, name: string, subject = 'jane'): KubeObject =>
  ({
    metadata: metadata('new', kind),
    roleRef: { apiGroup: group, kind: roleKindName, name },
    subjects: [{ kind: 'User', name: subject, apiGroup: group }],
  }) as KubeObject;

/** Has these rules in the cluster, or in the namespace `ci` alone. */
async function indexWith(rules: PolicyRule[], namespaced: boolean): Promise<RoleIndex> {
  const store = new MemoryStore();
  const put = async (kind: Kind, object: KubeObject): Promise<void> => {
    const key = objectStoreKey(kind, object.metadata.namespace, object.metadata.name);
    await store.write({ key, value: encodeStored(kind, object) });
  };
  const named = (kind: Kind, name: string, list: PolicyRule[]): KubeObject =>
    ({ metadata: metadata(name, kind), rules: list }) as KubeObject;
  await put(clusterRoleKind, named(clusterRoleKind, 'own', rules));
  await put(clusterRoleKind, named(clusterRoleKind, 'pods', [getPods]));
  await put(clusterRoleKind, named(clusterRoleKind, 'secrets', [getSecrets]));
  await put(roleKind, named(roleKind, 'secrets', [getSecrets]));
  const kind = namespaced ? roleBindingKind : clusterRoleBindingKind;
  await put(kind, binding(kind, 'ClusterRole', 'own'));
  const index = new RoleIndex(store);
  await index.start(AbortSignal.abort());
  return index;
}

type Attempt = [has: PolicyRule[], kind: Kind, writes: KubeObject, over?: KubeObject];
type Where = { namespaced?: boolean; user?: User };
const jane: User = { name: 'jane', groups: ['system:authenticated'] };

async function attempt([has, kind, writes, over]: Attempt, where: Where = {}): Promise<ApiError | undefined> {
  const index = await indexWith(has, where.namespaced === true);
  const resource = { group, version: 'v1', resource: kind.plural };
  const verb = over === undefined ? 'create' : 'update';
  try {
    checkEscalation(index, { verb, resource, user: where.user ?? jane, query: {} }, kind, writes, over);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error;
  }
}

const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { team: 'a' } }] };
const withMetadata = (object: KubeObject, more: object): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, ...more },
});
const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
const [R, C, RB, CB] = [roleKind, clusterRoleKind, roleBindingKind, clusterRoleBindingKind];
const r = (...rules: PolicyRule[]): KubeObject => role(R, rules);
const c = (...rules: PolicyRule[]): KubeObject => role(C, rules);
const aggregated = (...rules: PolicyRule[]): KubeObject => role(C, rules, { aggregationRule });
const rb = (to: string, name: string): KubeObject => binding(RB, to, name, 'joe');
const cb = (name: string, subject = 'joe'): KubeObject => binding(CB, 'ClusterRole', name, subject);
const escalate = (resource: string, name?: string): PolicyRule => special('escalate', resource, name);
const bind = (resource: string, name?: string): PolicyRule => special('bind', resource, name);
const inNamespace = { namespaced: true };
const asRoot = { user: { name: 'root', groups: ['system:masters'] } };

describe('escalation', () => {
  const cases: [title: string, attempt: Attempt, allowed: boolean, where?: Where][] = [
    ['a role of what one has', [[getPods], R, r(getPods)], true],
    ['a role of more', [[getPods], R, r(getPods, getSecrets)], false],
    ['a role of nothing', [[], C, role(C, null)], true],
    ['a role of what one has in its namespace', [[getPods], R, r(getPods)], true, inNamespace],
    ['a cluster role of what one has in a namespace', [[getPods], C, c(getPods)], false, inNamespace],
    ['with escalate', [[escalate('clusterroles')], C, c(getSecrets)], true],
    ['with escalate for this role', [[escalate('roles', 'new')], R, r(getSecrets), r()], true],
    ['with escalate for another', [[escalate('roles', 'other')], R, r(getSecrets), r()], false],
    ['a role with bind alone', [[bind('roles')], R, r(getSecrets)], false],
    ['as an administrator', [[], C, c(everything)], true, asRoot],
    ['a role that grows', [[getSecrets], C, c(getSecrets, getPods), c(getSecrets)], false],
    ['a role that shrinks', [[getPods], C, c(getPods), c(getPods, getSecrets)], true],
    // Finalizers must not keep the garbage collector from its work.
    ['finalizers of a role of more', [[], C, withMetadata(c(getSecrets), { finalizers: [] }), c(getSecrets)], true],
    // A label may give the rules to all who view.
    ['a label on a role of more', [[getPods], C, withMetadata(c(getSecrets), { labels }), c(getSecrets)], false],
    ['a label on a role one has', [[getSecrets], C, withMetadata(c(getSecrets), { labels }), c(getSecrets)], true],
    // An aggregated role may come to hold anything.
    ['a new aggregated role', [[getPods], C, aggregated()], false],
    ['a role that becomes aggregated', [[getPods], C, aggregated(getPods), c(getPods)], false],
    ['an aggregated role by who has all', [[everything, everyPath], C, aggregated()], true],
    ['a binding to what one has', [[getPods], RB, rb('ClusterRole', 'pods')], true],
    ['a binding to more', [[getPods], RB, rb('ClusterRole', 'secrets')], false],
    ['a binding to more in a Role', [[getPods], RB, rb('Role', 'secrets')], false],
    ['a binding in the namespace where one has it', [[getSecrets], RB, rb('Role', 'secrets')], true, inNamespace],
    ['a cluster binding of what one has in a namespace', [[getSecrets], CB, cb('secrets')], false, inNamespace],
    ['with bind', [[bind('clusterroles', 'secrets')], CB, cb('secrets')], true],
    ['with bind for another role', [[bind('clusterroles', 'pods')], CB, cb('secrets')], false],
    ['a binding with escalate alone', [[escalate('clusterroles')], CB, cb('secrets')], false],
    ['another subject', [[], CB, cb('secrets', 'jane'), cb('secrets')], false],
    // What the role will hold once somebody makes it is not known.
    ['a binding to a role that is not there', [[getPods], RB, rb('ClusterRole', 'later')], false],
    ['and with bind', [[bind('clusterroles', 'later')], RB, rb('ClusterRole', 'later')], true],
  ];
  for (const [title, asked, allowed, where] of cases) {
    it(`${title}: ${allowed ? 'allowed' : 'refused'}`, async () => {
      const error = await attempt(asked, where);
      assert.equal(error === undefined, allowed, error?.message);
    });
  }

  it('names what is missing, rules of one resource put together', async () => {
    const wanted = [{ verbs: ['get', 'list'], apiGroups: ['apps'], resources: ['deployments'] }, getPods];
    const error = await attempt([[getPods], R, role(R, wanted)]);
    assert.equal(error?.code, 403);
    assert.equal(
      error.message,
      'roles.rbac.authorization.k8s.io "new" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}',
    );
  });
});
