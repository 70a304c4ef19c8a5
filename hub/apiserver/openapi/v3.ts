// OpenAPI v3 for what is served, a document a group version: kubectl explain,
// client-side validation and diff read it.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3

import { createHash } from 'node:crypto';
import { kinds } from '../../../api/kinds/index.ts';
import { allPaths, type PathOperation, rootOf } from './operations.ts';
import { type Parameter, pathParameters, queryParameters } from './parameters.ts';
import { Schemas } from './schemas.ts';

function operationFor(schemas: Schemas, operation: PathOperation): object {
  const { action, gvk, id, body, response, codes, consumes } = operation;
  const parameters = queryParameters(operation).map(parameter);
  const contentOf = (types: readonly string[], schema: object): object =>
    Object.fromEntries(types.map((type) => [type, { schema }]));
  const answer = schemas.contentOf(response);
  const success = { description: 'OK', content: contentOf([response === 'text' ? '*/*' : 'application/json'], answer) };
  return {
    operationId: id,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined
      ? {}
      : { requestBody: { content: contentOf(consumes, schemas.contentOf(body.content)), required: body.required } }),
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, success])),
      401: { description: 'Unauthorized' },
    },
  };
}

function parameter({ name, in: place, type, required }: Parameter): object {
  return { name, in: place, ...(required ? { required } : {}), schema: { type, uniqueItems: true } };
}

/** The document of one group version, such as `api/v1` or `apis/apps/v1`; undefined when it is not served. */
function buildDocument(root: string): object | undefined {
  const members = kinds.filter((kind) => rootOf(kind) === `/${root}`);
  if (members.length === 0) return undefined;
  const schemas = new Schemas('v3');
  for (const kind of members) schemas.addKind(kind);
  const paths = Object.fromEntries(
    allPaths(`/${root}`).map((path) => [
      path.path,
      {
        ...Object.fromEntries(path.operations.map((item) => [item.method, operationFor(schemas, item)])),
        parameters: pathParameters(path).map(parameter),
      },
    ]),
  );
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36' },
    paths,
    components: { schemas: schemas.all },
  };
}

/** Documents are made when first asked for: together they are a few megabytes. */
const texts = new Map<string, string>();

/** JSON text of a group version's document. */
export function openApiDocument(path: string): string | undefined {
  const known = texts.get(path);
  if (known !== undefined) return known;
  const document = buildDocument(path);
  if (document === undefined) return undefined;
  const text = JSON.stringify(document);
  texts.set(path, text);
  return text;
}

let index: object | undefined;

/** `/openapi/v3`: where each document is, with its hash so that clients can keep it. */
export function openApiIndex(): object {
  if (index !== undefined) return index;
  const roots = new Set(kinds.map((kind) => rootOf(kind).slice(1)));
  const entries = [...roots].map((path) => {
    const text = buildDocument(path);
    const hash = createHash('sha512').update(JSON.stringify(text)).digest('hex').toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  index = { paths: Object.fromEntries(entries) };
  return index;
}
