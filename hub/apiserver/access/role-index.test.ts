// Roles and bindings as the authorizer sees them: whom they reach, where, and
// that changes of the store are followed.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#rolebinding-and-clusterrolebinding
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Kind } from '../../../api/kinds/kind.ts';
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from '../../../api/kinds/rbac.ts';
import type { KubeObject } from '../../../api/meta/object.ts';
import type { User } from '../../../api/meta/operation.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { encodeStored, objectStoreKey } from '../stored-object.ts';
import { decide } from './authorization.ts';
import { RoleIndex } from './role-index.ts';

const jane: User = { name: 'jane', groups: ['dev'] };
const robot: User = { name: 'system:serviceaccount:ci:robot', groups: ['system:serviceaccounts:ci'] };
const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];

let store: MemoryStore;
let roles: RoleIndex;
let stop: AbortController;

beforeEach(() => {
  store = new MemoryStore();
  roles = new RoleIndex(store);
  stop = new AbortController();
});
afterEach(() => stop.abort());

async function put(kind: Kind, name: string, rest: object, namespace?: string): Promise<void> {
  const object = { metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...rest } as KubeObject;
  await store.write({ key: objectStoreKey(kind, namespace, name), value: encodeStored(kind, object) });
}

const drop = (kind: Kind, name: string, namespace?: string): Promise<number> =>
  store.write({ key: objectStoreKey(kind, namespace, name), value: undefined });

const to = (roleKindName: string, name: string, ...subjects: object[]): object => ({
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: roleKindName, name },
  subjects,
});
const user = { kind: 'User', name: 'jane' };

/** Where a user may get pods: `cluster`, and those of the namespaces asked for. */
function where(who: User): string[] {
  const ask = (namespace: string | undefined): boolean =>
    decide(roles, who, { verb: 'get', group: '', resource: 'pods', namespace, name: 'p' }).allowed;
  return [undefined, 'ci', 'prod'].filter(ask).map((namespace) => namespace ?? 'cluster');
}

describe('roles and bindings', () => {
  it('a ClusterRoleBinding reaches everywhere', async () => {
    await put(clusterRoleKind, 'reader', { rules });
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'reader', user));
    await roles.start(stop.signal);
    assert.deepEqual(where(jane), ['cluster', 'ci', 'prod']);
    assert.deepEqual(where(robot), []);
  });

  it('a RoleBinding reaches its namespace, also with a ClusterRole', async () => {
    await put(clusterRoleKind, 'reader', { rules });
    await put(roleBindingKind, 'b', to('ClusterRole', 'reader', user), 'ci');
    await roles.start(stop.signal);
    assert.deepEqual(where(jane), ['ci']);
  });

  it('a RoleBinding takes the Role of its own namespace', async () => {
    await put(roleKind, 'reader', { rules }, 'ci');
    await put(roleBindingKind, 'b', to('Role', 'reader', user), 'prod');
    await roles.start(stop.signal);
    assert.deepEqual(where(jane), []);
    await put(roleBindingKind, 'b', to('Role', 'reader', user), 'ci');
    assert.deepEqual(where(jane), ['ci']);
  });

  it('paths are given by ClusterRoleBindings alone', async () => {
    await put(clusterRoleKind, 'paths', { rules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }] });
    await put(roleBindingKind, 'b', to('ClusterRole', 'paths', user), 'ci');
    await roles.start(stop.signal);
    assert.equal(decide(roles, jane, { verb: 'get', path: '/metrics' }).allowed, false);
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'paths', { kind: 'Group', name: 'dev' }));
    assert.equal(decide(roles, jane, { verb: 'get', path: '/metrics' }).allowed, true);
  });

  it('a service account without a namespace is of the binding’s', async () => {
    await put(clusterRoleKind, 'reader', { rules });
    const account = { kind: 'ServiceAccount', name: 'robot' };
    await put(roleBindingKind, 'b', to('ClusterRole', 'reader', account), 'prod');
    await roles.start(stop.signal);
    assert.deepEqual(where(robot), []);
    await put(roleBindingKind, 'c', to('ClusterRole', 'reader', { ...account, namespace: 'ci' }), 'prod');
    assert.deepEqual(where(robot), ['prod']);
    await put(roleBindingKind, 'd', to('ClusterRole', 'reader', account), 'ci');
    assert.deepEqual(where(robot), ['ci', 'prod']);
  });

  it('names of users and groups are not mixed up', async () => {
    await put(clusterRoleKind, 'reader', { rules });
    await put(clusterRoleBindingKind, 'a', to('ClusterRole', 'reader', { kind: 'User', name: 'dev' }));
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'reader', { kind: 'Group', name: 'jane' }));
    await roles.start(stop.signal);
    assert.deepEqual(where(jane), []);
  });

  it('follows the store', async () => {
    await roles.start(stop.signal);
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'reader', user));
    assert.deepEqual(where(jane), [], 'the role is not there yet');
    await put(clusterRoleKind, 'reader', { rules });
    assert.deepEqual(where(jane), ['cluster', 'ci', 'prod']);
    await put(clusterRoleKind, 'reader', { rules: null });
    assert.deepEqual(where(jane), []);
    await put(clusterRoleKind, 'reader', { rules });
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'reader'));
    assert.deepEqual(where(jane), [], 'no subject is left');
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'reader', user));
    await drop(clusterRoleBindingKind, 'b');
    assert.deepEqual(where(jane), [], 'the binding is gone');
    await put(clusterRoleBindingKind, 'b', to('ClusterRole', 'reader', user));
    await drop(clusterRoleKind, 'reader');
    assert.deepEqual(where(jane), [], 'the role is gone');
  });

  it('says why', async () => {
    await put(clusterRoleKind, 'reader', { rules });
    await put(roleBindingKind, 'b', to('ClusterRole', 'reader', { kind: 'Group', name: 'dev' }), 'ci');
    await roles.start(stop.signal);
    const asked = { verb: 'get', group: '', resource: 'pods', namespace: 'ci' };
    assert.equal(
      decide(roles, jane, asked).reason,
      'RBAC: allowed by RoleBinding "b/ci" of ClusterRole "reader" to Group "dev"',
    );
    assert.equal(decide(roles, robot, asked).reason, '');
  });
});
