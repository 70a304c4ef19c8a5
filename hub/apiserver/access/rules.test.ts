// RBAC's rules: what each allows, whom a subject means, and when rules cover
// others, so that nobody can give away more than they have.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyRule, Subject } from '../../../api/kinds/rbac.ts';
import type { User } from '../../../api/meta/operation.ts';
import { type AccessRequest, ruleAllows, subjectMatches, uncovered } from './rules.ts';

/** `VERBS GROUPS RESOURCES [NAMES]`, each a list with commas; `core` is the group without a name. */
function rule(text: string): PolicyRule {
  const [verbs = '', groups = '', resources = '', names] = text.split(' ').map((word) => word.split(','));
  return {
    verbs: [...verbs],
    apiGroups: [...groups].map((group) => (group === 'core' ? '' : group)),
    resources: [...resources],
    ...(names === undefined ? {} : { resourceNames: names }),
  };
}

const paths = (verbs: string, list: string): PolicyRule => ({
  verbs: verbs.split(','),
  nonResourceURLs: list.split(','),
});

/** `VERB GROUP RESOURCE[/SUBRESOURCE] [NAME]`, or `VERB /PATH`. */
function request(text: string): AccessRequest {
  const [verb = '', group = '', what = '', name] = text.split(' ');
  if (group.startsWith('/')) return { verb, path: group };
  const [resource = '', subresource] = what.split('/');
  return { verb, group: group === 'core' ? '' : group, resource, subresource, name, namespace: 'default' };
}

describe('a rule allows', () => {
  const cases: [rule: PolicyRule, request: string, allowed: boolean][] = [
    [rule('get core pods'), 'get core pods p', true],
    [rule('get core pods'), 'list core pods', false],
    [rule('get core pods'), 'get core secrets p', false],
    [rule('get core pods'), 'get apps pods p', false],
    [rule('get,list core,apps pods,deployments'), 'list apps deployments', true],
    [rule('* core pods'), 'anything core pods', true],
    [rule('get * pods'), 'get metrics.k8s.io pods', true],
    [rule('get core *'), 'get core secrets', true],
    [rule('* * *'), 'use policy widgets w', true],
    // A resource is not its subresources, nor the other way round.
    [rule('get core pods'), 'get core pods/log p', false],
    [rule('get core pods/log'), 'get core pods/log p', true],
    [rule('get core pods/log'), 'get core pods p', false],
    [rule('get core *'), 'get core pods/log p', true],
    [rule('update * */scale'), 'update apps deployments/scale d', true],
    [rule('update * */scale'), 'update apps deployments/status d', false],
    [rule('update * */scale'), 'update apps deployments d', false],
    [rule('get core pods/*'), 'get core pods/log p', false],
    // Names: a list or a watch of all has none.
    [rule('get core configmaps a,b'), 'get core configmaps b', true],
    [rule('get core configmaps a,b'), 'get core configmaps c', false],
    [rule('list core configmaps a'), 'list core configmaps', false],
    [rule('create core configmaps a'), 'create core configmaps', false],
    [rule('get core configmaps *'), 'get core configmaps a', false],
    // Paths, exact or with an asterisk at the end.
    [paths('get', '/healthz'), 'get /healthz', true],
    [paths('get', '/healthz'), 'get /healthz/etcd', false],
    [paths('get', '/healthz/*'), 'get /healthz/etcd', true],
    [paths('get', '/healthz/*'), 'get /healthz', false],
    [paths('get', '/health*'), 'get /healthz', true],
    [paths('get', '*'), 'get /anything/at/all', true],
    [paths('get', '/*/etcd'), 'get /healthz/etcd', false],
    [paths('get', '/healthz'), 'post /healthz', false],
    [paths('*', '/healthz'), 'post /healthz', true],
    // Rules for the one say nothing of the other.
    [rule('* * *'), 'get /healthz', false],
    [paths('*', '*'), 'get core pods p', false],
    [{ verbs: ['get'] }, 'get core pods p', false],
    [{ verbs: [], apiGroups: ['*'], resources: ['*'] }, 'get core pods p', false],
  ];
  for (const [one, asked, allowed] of cases) {
    it(`${JSON.stringify(one)}: ${asked}: ${allowed}`, () => assert.equal(ruleAllows(one, request(asked)), allowed));
  }
});

describe('a subject means', () => {
  const jane: User = { name: 'jane', groups: ['dev', 'system:authenticated'] };
  const robot: User = {
    name: 'system:serviceaccount:ci:robot',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:authenticated'],
  };
  const cases: [subject: Subject, user: User, namespace: string | undefined, matches: boolean][] = [
    [{ kind: 'User', name: 'jane' }, jane, undefined, true],
    [{ kind: 'User', name: 'Jane' }, jane, undefined, false],
    [{ kind: 'User', name: 'dev' }, jane, undefined, false],
    [{ kind: 'Group', name: 'dev' }, jane, undefined, true],
    [{ kind: 'Group', name: 'jane' }, jane, undefined, false],
    [{ kind: 'Group', name: 'ops' }, jane, undefined, false],
    // No wildcards: names are names.
    [{ kind: 'User', name: '*' }, jane, undefined, false],
    [{ kind: 'Group', name: '*' }, jane, undefined, false],
    [{ kind: 'ServiceAccount', name: 'robot', namespace: 'ci' }, robot, undefined, true],
    [{ kind: 'ServiceAccount', name: 'robot', namespace: 'ci' }, robot, 'prod', true],
    [{ kind: 'ServiceAccount', name: 'robot', namespace: 'prod' }, robot, 'ci', false],
    [{ kind: 'ServiceAccount', name: 'robot' }, robot, 'ci', true],
    [{ kind: 'ServiceAccount', name: 'robot' }, robot, 'prod', false],
    [{ kind: 'ServiceAccount', name: 'jane', namespace: 'ci' }, jane, undefined, false],
    [{ kind: 'User', name: 'system:serviceaccount:ci:robot' }, robot, undefined, true],
    [{ kind: 'Group', name: 'system:serviceaccounts:ci' }, robot, undefined, true],
    [{ kind: 'Robot', name: 'jane' }, jane, undefined, false],
  ];
  for (const [subject, user, namespace, matches] of cases) {
    it(`${JSON.stringify(subject)} in ${namespace}: ${user.name}: ${matches}`, () =>
      assert.equal(subjectMatches(subject, user, namespace), matches));
  }
});

describe('what rules do not cover of others', () => {
  const cases: [title: string, owned: PolicyRule[], wanted: PolicyRule[], missing: PolicyRule[]][] = [
    ['nothing of nothing', [], [], []],
    ['all without rules', [], [rule('get core pods')], [rule('get core pods')]],
    ['the same', [rule('get,list core pods')], [rule('get,list core pods')], []],
    ['what is more', [rule('get core pods')], [rule('get,list core pods')], [rule('list core pods')]],
    [
      'put together from several',
      [rule('get core pods,secrets'), rule('list core pods'), rule('list core secrets')],
      [rule('get,list core pods,secrets')],
      [],
    ],
    ['a star is more than any list', [rule('get,list,watch core pods')], [rule('* core pods')], [rule('* core pods')]],
    ['a star covers all', [rule('* * *')], [rule('get apps deployments/scale d')], []],
    ['a star covers a star', [rule('* * *')], [rule('* * *')], []],
    ['stars do not cover paths', [rule('* * *')], [paths('get', '/metrics')], [paths('get', '/metrics')]],
    ['names are less than all', [rule('get core pods')], [rule('get core pods a')], []],
    ['all is more than names', [rule('get core pods a')], [rule('get core pods')], [rule('get core pods')]],
    ['other names', [rule('get core pods a,b')], [rule('get core pods b,c')], [rule('get core pods c')]],
    [
      'a resource is not its subresource',
      [rule('get core pods')],
      [rule('get core pods/log')],
      [rule('get core pods/log')],
    ],
    ['a subresource of all', [rule('update * */scale')], [rule('update apps deployments/scale')], []],
    [
      'a subresource of all is more than of one',
      [rule('update * deployments/scale')],
      [rule('update * */scale')],
      [rule('update * */scale')],
    ],
    ['all covers a subresource of all', [rule('update * *')], [rule('update * */scale')], []],
    ['the deeper is another', [rule('get * */a')], [rule('get core pods/a/b')], [rule('get core pods/a/b')]],
    ['a path under another', [paths('get', '/api/*')], [paths('get', '/api/v1,/api/*')], []],
    ['a path beside', [paths('get', '/api/*')], [paths('get', '/apis')], [paths('get', '/apis')]],
    ['all paths are more than some', [paths('get', '/*x')], [paths('get', '*')], [paths('get', '*')]],
  ];
  for (const [title, owned, wanted, missing] of cases) {
    it(title, () => assert.deepEqual(uncovered(owned, wanted), missing));
  }
});
