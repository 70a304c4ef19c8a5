// Whether a rule of RBAC allows something, and whether rules cover another rule.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#api-overview
import type { PolicyRule, Subject } from '../../../api/kinds/rbac.ts';
import type { User } from '../../../api/meta/operation.ts';

/** What is asked for: something done to a resource, or a path that is none. */
export type ResourceRequest = {
  verb: string;
  group: string;
  resource: string;
  subresource?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
};
export type PathRequest = { verb: string; path: string };
export type AccessRequest = ResourceRequest | PathRequest;

export function isPathRequest(request: AccessRequest): request is PathRequest {
  return 'path' in request;
}

const has = (list: readonly string[] | undefined, item: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(item));

function resourceMatches(rule: PolicyRule, { resource, subresource }: ResourceRequest): boolean {
  const wanted = subresource === undefined || subresource === '' ? resource : `${resource}/${subresource}`;
  if (has(rule.resources, wanted)) return true;
  return subresource !== undefined && subresource !== '' && rule.resources?.includes(`*/${subresource}`) === true;
}

function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1));
}

/** Whether a rule allows a request. */
export function ruleAllows(rule: PolicyRule, request: AccessRequest): boolean {
  if (!has(rule.verbs, request.verb)) return false;
  if (isPathRequest(request)) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, request.path));
  const names = rule.resourceNames ?? [];
  return (
    has(rule.apiGroups, request.group) &&
    resourceMatches(rule, request) &&
    (names.length === 0 || names.includes(request.name ?? ''))
  );
}

/** Whether a binding's subject is this user; `namespace` is the binding's own, for service accounts without one. */
export function subjectMatches(subject: Subject, user: User, namespace: string | undefined): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === user.name;
    case 'Group':
      return user.groups.includes(subject.name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${subject.namespace || namespace}:${subject.name}`;
    default:
      return false;
  }
}

/** A rule taken apart: one verb, one group, one resource, one name each. */
function* singles(rule: PolicyRule): Generator<PolicyRule> {
  // Asked of what is not validated yet, too.
  for (const verb of (rule.verbs as string[] | undefined) ?? []) {
    for (const path of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [path] };
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const single = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if ((rule.resourceNames ?? []).length === 0) yield single;
        for (const name of rule.resourceNames ?? []) yield { ...single, resourceNames: [name] };
      }
    }
  }
}

function coversSingle(owner: PolicyRule, single: PolicyRule): boolean {
  if (!has(owner.verbs, single.verbs[0] ?? '')) return false;
  const [path] = single.nonResourceURLs ?? [];
  if (path !== undefined) return (owner.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path));
  const [, resource = '', subresource] = /^([^/]*)(?:\/(.*))?$/.exec(single.resources?.[0] ?? '') ?? [];
  const [name] = single.resourceNames ?? [];
  const names = owner.resourceNames ?? [];
  return (
    has(owner.apiGroups, single.apiGroups?.[0] ?? '') &&
    (has(owner.resources, single.resources?.[0] ?? '') ||
      (subresource !== undefined && owner.resources?.includes(`*/${subresource}`) === true && resource !== '*')) &&
    (names.length === 0 || (name !== undefined && names.includes(name)))
  );
}

/** The parts of `wanted` that `owned` does not cover; https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap((rule) =>
    [...singles(rule)].filter((single) => !owned.some((own) => coversSingle(own, single))),
  );
}
