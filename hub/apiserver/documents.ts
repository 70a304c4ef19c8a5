// Everything that is read and is no resource: discovery, OpenAPI, version, health, metrics.
import type { User } from '../../api/meta/operation.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { tokenIssuer } from '../pki/token-signer.ts';
import {
  aggregatedDiscovery,
  aggregatedType,
  aggregatedVersions,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from './discovery.ts';
import { openApiV2Json, openApiV2Protobuf } from './openapi/v2.ts';
import { openApiDocument, openApiIndex } from './openapi/v3.ts';
import type { ApiServer } from './server.ts';

export type Document = { contentType: string; body: string | Buffer };

/** The Kubernetes release whose API this is. */
const kubernetesVersion = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+skerry',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
};

function json(value: object, contentType = 'application/json'): Document {
  return { contentType, body: JSON.stringify(value) };
}

/** OpenAPI v2, as protobuf for clients in Go. */
function openApiV2(accept: string | undefined): Document {
  const version = kubernetesVersion.gitVersion;
  if (accept?.includes('proto-openapi.spec.v2') !== true)
    return { contentType: 'application/json', body: openApiV2Json(version) };
  return {
    contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    body: openApiV2Protobuf(version),
  };
}

/** `/api` or `/apis`, in the first form that the client accepts. */
function groupDiscovery(core: boolean, accept = ''): Document {
  for (const item of accept.split(',')) {
    const parameters = item.split(';').map((part) => part.trim());
    if (!parameters.includes('as=APIGroupDiscoveryList')) {
      if (parameters[0] === 'application/json') break;
      continue;
    }
    const version = aggregatedVersions.find((candidate) => parameters.includes(`v=${candidate}`));
    if (version !== undefined && parameters[0] === 'application/json')
      return json(aggregatedDiscovery(core, version), aggregatedType(version));
  }
  return json(core ? apiVersions() : apiGroupList());
}

/** Whether a path names a resource, or something in one, and no document. */
function isResourcePath(path: string): boolean {
  const [root, ...rest] = path.split('/').slice(1);
  return (
    (root === 'api' && rest.length > 1 && rest[1] !== '') || (root === 'apis' && rest.length > 2 && rest[2] !== '')
  );
}

/** What is found below `/`. */
function rootPaths(): string[] {
  const groups = (apiGroupList() as { groups: { name: string; versions: { groupVersion: string }[] }[] }).groups;
  const apis = groups.flatMap(({ name, versions }) => [
    `/apis/${name}`,
    ...versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
  ]);
  const others = ['/.well-known/openid-configuration', '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3'];
  return ['/api', '/api/v1', '/apis', ...apis, ...others, '/openid/v1/jwks', '/readyz', '/version'].sort();
}

/** What others need to verify service accounts' tokens; https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery */
function tokenDocument(server: ApiServer, path: string): Document | undefined {
  if (path === '/openid/v1/jwks') return json(server.tokenKeys(), 'application/jwk-set+json');
  if (path !== '/.well-known/openid-configuration') return undefined;
  return json({
    issuer: tokenIssuer,
    jwks_uri: `${tokenIssuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
}

/** What the documents are made from. */
export type DocumentParts = { server: ApiServer; metrics: Metrics };

const healthPath = /^\/(healthz|livez|readyz)(\/(ping|etcd|log))?$/;

/**
 * The document at a path, or undefined when there is none. Only health and version are for everybody.
 * @throws ApiError Unauthorized, Forbidden
 */
export async function serveDocument(
  parts: DocumentParts,
  pathname: string,
  accept: string | undefined,
  user: User | undefined,
): Promise<Document | undefined> {
  // Clients ask for `/apis/` and `/apis/GROUP/` too.
  const path = pathname.replace(/(?<=.)\/$/, '');
  if (healthPath.test(path)) return { contentType: 'text/plain; charset=utf-8', body: 'ok' };
  if (path === '/version')
    return json({
      ...kubernetesVersion,
      platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    });
  if (user === undefined || isResourcePath(path)) return undefined;
  parts.server.authorize(user, { verb: 'get', path: pathname });
  if (path === '/') return json({ paths: rootPaths() });
  const tokens = tokenDocument(parts.server, path);
  if (tokens !== undefined) return tokens;
  if (path === '/api' || path === '/apis') return groupDiscovery(path === '/api', accept);
  if (path === '/openapi/v2') return openApiV2(accept);
  if (path === '/openapi/v3') return json(openApiIndex());
  if (path === '/metrics') return { contentType: 'text/plain; version=0.0.4', body: await parts.metrics.text() };
  const [root, first = '', second, ...rest] = path.split('/').slice(1);
  if (root === 'openapi' && first === 'v3') {
    const body = openApiDocument(path.slice('/openapi/v3/'.length));
    return body === undefined ? undefined : { contentType: 'application/json', body };
  }
  if (rest.length > 0) return undefined;
  let document: object | undefined;
  if (root === 'api' && second === undefined) document = apiResourceList('', first);
  else if (root === 'apis') document = second === undefined ? apiGroup(first) : apiResourceList(first, second);
  return document === undefined ? undefined : json(document);
}
