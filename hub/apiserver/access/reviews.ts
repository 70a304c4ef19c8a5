// Questions about access, answered and not stored.
// https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
import { apiVersionOf } from '../../../api/kinds/kind.ts';
import type { JsonObject } from '../../../api/meta/object.ts';
import type { Operation, Reply, User } from '../../../api/meta/operation.ts';
import { badRequest, invalid, invalidValue, required } from '../../../api/meta/status.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { decodeAs } from '../input.ts';
import { type ApiParts, kindOf } from '../parts.ts';
import { decide } from './authorization.ts';
import type { AccessRequest } from './rules.ts';
import { userOfToken } from './service-account-tokens.ts';

type ResourceAttributes = {
  namespace?: string;
  verb?: string;
  group?: string;
  resource?: string;
  subresource?: string;
  name?: string;
};
type AccessSpec = {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
};

/** Decodes the review and answers with it and its status. */
function answer(operation: Operation, status: (spec: JsonObject) => object): Reply {
  const kind = kindOf(operation);
  const expected = { apiVersion: apiVersionOf(kind), kind: kind.kind, typeId: kind.typeId };
  const { value, warnings } = decodeAs(operation.body, expected, operation.query.fieldValidation);
  const spec = (value.spec ?? {}) as JsonObject;
  const metadata = { ...(value.metadata as object | undefined), creationTimestamp: null };
  return {
    code: 201,
    body: {
      kind: kind.kind,
      apiVersion: expected.apiVersion,
      metadata,
      ...(value.spec === undefined ? {} : { spec }),
      status: status(spec),
    },
    warnings,
  };
}

function requestOf(spec: AccessSpec, reviewKind: string): AccessRequest {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if ((resource === undefined) === (path === undefined)) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw invalid(reviewKind, 'authorization.k8s.io', '', [
      invalidValue('spec.resourceAttributes', resource ?? null, detail),
    ]);
  }
  if (path !== undefined) return { verb: path.verb ?? '', path: path.path ?? '' };
  return {
    verb: resource?.verb ?? '',
    group: resource?.group ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource || undefined,
    namespace: resource?.namespace || undefined,
    name: resource?.name || undefined,
  };
}

function accessStatus(parts: ApiParts, user: User, spec: AccessSpec, reviewKind: string): object {
  const { allowed, reason } = decide(parts.roles, user, requestOf(spec, reviewKind));
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

/** POST selfsubjectaccessreviews. */
export async function reviewOwnAccess(parts: ApiParts, operation: Operation): Promise<Reply> {
  return answer(operation, (spec) => accessStatus(parts, operation.user, spec, 'SelfSubjectAccessReview'));
}

/** POST subjectaccessreviews and localsubjectaccessreviews. */
export async function reviewAccess(parts: ApiParts, operation: Operation): Promise<Reply> {
  const { kind } = kindOf(operation);
  return answer(operation, (value) => {
    const spec = value as AccessSpec;
    const { user = '', groups = [], uid, extra } = spec;
    if (user === '' && groups.length === 0) {
      const detail = 'at least one of user or group must be specified';
      throw invalid(kind, 'authorization.k8s.io', '', [required('spec.user', detail)]);
    }
    if (operation.namespace !== undefined && spec.resourceAttributes?.namespace !== operation.namespace)
      throw badRequest('spec.resourceAttributes.namespace must match the namespace of the request');
    const subject: User = { name: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
    return accessStatus(parts, subject, spec, kind);
  });
}

/** POST selfsubjectrulesreviews. */
export async function reviewOwnRules(parts: ApiParts, operation: Operation): Promise<Reply> {
  return answer(operation, (spec) => {
    const namespace = String(spec.namespace ?? '');
    if (namespace === '') throw badRequest('no namespace on request');
    const rules = [...parts.roles.rulesOf(operation.user, namespace)].map(({ rule }) => rule);
    return {
      resourceRules: rules
        .filter((rule) => (rule.resources ?? []).length > 0)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups,
          resources,
          ...(resourceNames === undefined ? {} : { resourceNames }),
        })),
      nonResourceRules: rules
        .filter((rule) => (rule.nonResourceURLs ?? []).length > 0)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
    };
  });
}

function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) };
}

/** POST selfsubjectreviews. */
export async function reviewSelf(parts: ApiParts, operation: Operation): Promise<Reply> {
  const reply = answer(operation, () => ({ userInfo: userInfo(operation.user) }));
  const body = reply.body as { metadata: object };
  return { ...reply, body: { ...body, metadata: { creationTimestamp: formatTime(parts.clock.nowMs()) } } };
}

/** POST tokenreviews. */
export async function reviewToken(parts: ApiParts, operation: Operation): Promise<Reply> {
  const spec = (operation.body as { spec?: { token?: unknown; audiences?: string[] } } | undefined)?.spec;
  const token = typeof spec?.token === 'string' ? spec.token : '';
  const audiences = Array.isArray(spec?.audiences) && spec.audiences.length > 0 ? spec.audiences : undefined;
  const found = token === '' ? undefined : await userOfToken(parts, token, audiences);
  return answer(operation, () => {
    if (token === '') throw badRequest('token is required for TokenReview in authentication');
    if (found === undefined) return { user: {}, error: 'the token is not valid' };
    return { authenticated: true, user: userInfo(found.user), audiences: found.audiences };
  });
}
