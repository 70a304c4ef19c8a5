// TokenRequest, and who the bearer of a token is.
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
import { secretKind, serviceAccountKind } from '../../../api/kinds/core.ts';
import type { Kind } from '../../../api/kinds/kind.ts';
import { nodeKind } from '../../../api/kinds/node.ts';
import { podKind } from '../../../api/kinds/pod.ts';
import type { KubeObject } from '../../../api/meta/object.ts';
import type { Operation, Reply, User } from '../../../api/meta/operation.ts';
import { conflict, forbiddenField, invalid, invalidValue, notFound } from '../../../api/meta/status.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { uuid } from '../../../platform/random.ts';
import { type TokenClaims, tokenIssuer } from '../../pki/token-signer.ts';
import { decodeAs } from '../input.ts';
import { defaultTokenSeconds, maxTokenSeconds, minTokenSeconds } from '../limits.ts';
import { type ApiParts, getEntry, kindOf, nameOf, resourceNameOf } from '../parts.ts';
import { decodeStored, objectStoreKey } from '../stored-object.ts';

type TokenRequestSpec = {
  audiences?: string[];
  expirationSeconds?: number;
  boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string };
};

/** What a token can be bound to: it is worth nothing once that is gone. */
const boundKinds: Record<string, { kind: Kind; claim: 'pod' | 'secret' | 'node' }> = {
  Pod: { kind: podKind, claim: 'pod' },
  Secret: { kind: secretKind, claim: 'secret' },
  Node: { kind: nodeKind, claim: 'node' },
};

/** POST serviceaccounts/NAME/token. @throws ApiError Invalid, NotFound, Conflict */
export async function requestToken(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const name = nameOf(operation);
  const expected = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    typeId: 'authentication.v1.TokenRequest',
  };
  const { value, warnings } = decodeAs(operation.body, expected, operation.query.fieldValidation);
  const spec = (value.spec ?? {}) as TokenRequestSpec;
  const account = decodeStored(kind, await getEntry(parts, kind, operation.namespace, name));
  const seconds = checkedSeconds(spec, name);
  const audiences = (spec.audiences ?? []).length > 0 ? (spec.audiences ?? []) : [tokenIssuer];
  const nowSeconds = Math.floor(parts.clock.nowMs() / 1000);
  const { namespace = '', uid = '' } = account.metadata;
  const claims: TokenClaims = {
    sub: `system:serviceaccount:${namespace}:${name}`,
    aud: audiences,
    exp: nowSeconds + seconds,
    iat: nowSeconds,
    nbf: nowSeconds,
    jti: uuid(parts.random),
    'kubernetes.io': { namespace, serviceaccount: { name, uid }, ...(await boundClaim(parts, spec, account)) },
  };
  const token = await parts.tokens.sign(claims);
  const status = { token, expirationTimestamp: formatTime(claims.exp * 1000) };
  return {
    code: 201,
    body: {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: formatTime(nowSeconds * 1000) },
      spec: { ...spec, audiences, expirationSeconds: seconds },
      status,
    },
    warnings,
  };
}

function checkedSeconds({ expirationSeconds = defaultTokenSeconds }: TokenRequestSpec, name: string): number {
  const problem =
    expirationSeconds < minTokenSeconds
      ? 'may not specify a duration less than 10 minutes'
      : expirationSeconds > maxTokenSeconds
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (problem === undefined) return expirationSeconds;
  const error = invalidValue('spec.expirationSeconds', expirationSeconds, problem);
  throw invalid('TokenRequest', 'authentication.k8s.io', name, [error]);
}

async function boundClaim(
  parts: ApiParts,
  { boundObjectRef: reference }: TokenRequestSpec,
  account: KubeObject,
): Promise<Partial<TokenClaims['kubernetes.io']>> {
  if (reference === undefined) return {};
  const bound = boundKinds[reference.kind ?? ''];
  if (bound === undefined || (reference.apiVersion ?? 'v1') !== 'v1') {
    throw invalid('TokenRequest', 'authentication.k8s.io', account.metadata.name, [
      forbiddenField(
        'spec.boundObjectRef',
        `cannot bind token to object of type ${reference.apiVersion}/${reference.kind}`,
      ),
    ]);
  }
  const name = reference.name ?? '';
  const namespace = bound.kind.namespaced ? account.metadata.namespace : undefined;
  const object = decodeStored(bound.kind, await getEntry(parts, bound.kind, namespace, name));
  const uid = object.metadata.uid ?? '';
  if (reference.uid && reference.uid !== uid) {
    const why = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(resourceNameOf(bound.kind), name, why);
  }
  const runsAs = (object.spec as { serviceAccountName?: string } | undefined)?.serviceAccountName;
  if (bound.claim === 'pod' && runsAs !== account.metadata.name) throw notFound(resourceNameOf(bound.kind), name);
  return { [bound.claim]: { name, uid } };
}

/** The user that a token stands for; undefined when it is not good (any more). */
export async function userOfToken(
  parts: ApiParts,
  token: string,
  audiences: readonly string[] = [tokenIssuer],
): Promise<{ user: User; audiences: string[] } | undefined> {
  const claims = await parts.tokens.verify(token, audiences, parts.clock.nowMs());
  const about = claims?.['kubernetes.io'];
  if (claims === undefined || about === undefined) return undefined;
  const { namespace, serviceaccount } = about;
  if (!(await isAlive(parts, serviceAccountKind, namespace, serviceaccount))) return undefined;
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] };
  for (const { kind, claim } of Object.values(boundKinds)) {
    const bound = about[claim];
    if (bound === undefined) continue;
    if (!(await isAlive(parts, kind, kind.namespaced ? namespace : undefined, bound))) return undefined;
    extra[`authentication.kubernetes.io/${claim}-name`] = [bound.name];
    extra[`authentication.kubernetes.io/${claim}-uid`] = [bound.uid];
  }
  const user: User = {
    name: claims.sub,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
  return { user, audiences: claims.aud.filter((audience) => audiences.includes(audience)) };
}

async function isAlive(
  parts: ApiParts,
  kind: Kind,
  namespace: string | undefined,
  { name, uid }: { name: string; uid: string },
): Promise<boolean> {
  const entry = await parts.store.get(objectStoreKey(kind, namespace, name));
  if (entry === undefined) return false;
  return decodeStored(kind, entry).metadata.uid === uid;
}
