// Who may do what: cluster administrators everything, nodes what their agents
// need, joining devices a certificate request, and everybody what RBAC gives.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/
import type { Operation, User } from '../../../api/meta/operation.ts';
import { ApiError } from '../../../api/meta/status.ts';
import type { RoleIndex } from './role-index.ts';
import { type AccessRequest, isPathRequest, ruleAllows } from './rules.ts';

type Rule = { group: string; resource: string; subresource?: string; verbs: string[] };

/** What a node may do; that it does so only to itself is checked by admission, which sees the object. */
const nodeRules: Rule[] = [
  { group: '', resource: 'nodes', verbs: ['create', 'get'] },
  { group: '', resource: 'nodes', subresource: 'status', verbs: ['get', 'patch', 'update'] },
  { group: '', resource: 'pods', verbs: ['get', 'delete'] },
  { group: '', resource: 'pods', subresource: 'status', verbs: ['get', 'patch', 'update'] },
  { group: '', resource: 'events', verbs: ['create', 'patch', 'update'] },
  { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verbs: ['create', 'get'] },
];

const bootstrapRules: Rule[] = [
  { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verbs: ['create', 'get'] },
];

const rulesByGroup: Record<string, Rule[]> = { 'system:nodes': nodeRules, 'system:bootstrappers': bootstrapRules };

export type Decision = { allowed: boolean; reason: string };

/** The members of this group pass every check. */
export const mastersGroup = 'system:masters';

/** Decides a request; nothing is read and nothing is thrown. */
export function decide(roles: RoleIndex, user: User, request: AccessRequest): Decision {
  if (user.groups.includes(mastersGroup)) return { allowed: true, reason: '' };
  if (!isPathRequest(request)) {
    const fixed = user.groups
      .flatMap((group) => rulesByGroup[group] ?? [])
      .some(
        (rule) =>
          rule.group === request.group &&
          rule.resource === request.resource &&
          rule.subresource === request.subresource &&
          rule.verbs.includes(request.verb),
      );
    if (fixed) return { allowed: true, reason: '' };
  }
  const namespace = isPathRequest(request) ? undefined : request.namespace;
  for (const { rule, reason } of roles.rulesOf(user, namespace))
    if (ruleAllows(rule, request)) return { allowed: true, reason: reason() };
  return { allowed: false, reason: '' };
}

/** @throws ApiError Forbidden in Kubernetes' words */
export function authorizeRequest(roles: RoleIndex, user: User, request: AccessRequest): void {
  if (decide(roles, user, request).allowed) return;
  if (isPathRequest(request))
    throw new ApiError('Forbidden', `forbidden: User "${user.name}" cannot ${request.verb} path "${request.path}"`, {
      details: {},
    });
  const { verb, group, resource, subresource, namespace, name } = request;
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  throw new ApiError(
    'Forbidden',
    `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` "${name}"`} is forbidden: User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`,
    { details: { ...(name === undefined ? {} : { name }), group, kind: resource } },
  );
}

/** Streams into a pod change what happens there, whatever the method of their handshake. */
const createdStreams = ['exec', 'attach', 'portforward'];

/** @throws ApiError Forbidden */
export function authorize(roles: RoleIndex, operation: Operation): void {
  const { user, resource, subresource, namespace, name } = operation;
  // A namespace is authorised in itself, so that its own administrators may read it.
  const isNamespace = resource.group === '' && resource.resource === 'namespaces';
  const verb = subresource !== undefined && createdStreams.includes(subresource) ? 'create' : operation.verb;
  authorizeRequest(roles, user, {
    verb,
    group: resource.group,
    resource: resource.resource,
    subresource,
    namespace: isNamespace ? (name ?? namespace) : namespace,
    name,
  });
}
