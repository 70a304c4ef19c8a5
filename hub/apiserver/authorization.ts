// Who may do what: cluster administrators everything, nodes what their agents
// need, joining devices a certificate request. Anything else is refused.
// https://kubernetes.io/docs/reference/access-authn-authz/node/
import type { Operation, OperationVerb } from '../../api/meta/operation.ts';
import { ApiError } from '../../api/meta/status.ts';

type Rule = { group: string; resource: string; subresource?: string; verbs: OperationVerb[] };

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

/** @throws ApiError Forbidden in Kubernetes' words */
export function authorize(operation: Operation): void {
  const { user, verb, resource, subresource, namespace, name } = operation;
  if (user.groups.includes('system:masters')) return;
  const rules = user.groups.flatMap((group) => rulesByGroup[group] ?? []);
  const allowed = rules.some(
    (rule) =>
      rule.group === resource.group &&
      rule.resource === resource.resource &&
      rule.subresource === subresource &&
      rule.verbs.includes(verb),
  );
  if (allowed) return;
  const what = subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  throw new ApiError(
    'Forbidden',
    `${resource.resource}${resource.group === '' ? '' : `.${resource.group}`}${name === undefined ? '' : ` "${name}"`} is forbidden: User "${user.name}" cannot ${verb} resource "${what}" in API group "${resource.group}" ${where}`,
    { details: { ...(name === undefined ? {} : { name }), group: resource.group, kind: resource.resource } },
  );
}
