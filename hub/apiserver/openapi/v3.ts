// OpenAPI v3 for what is served, a document a group version: kubectl explain,
// client-side validation and diff read it.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3

import { createHash } from 'node:crypto';
import { kinds } from '../../../api/kinds/index.ts';
import { patchTypes } from '../../../api/patch/patch-types.ts';
import { allPaths, type Path, type PathOperation, parameterType, queryOf, rootOf } from './operations.ts';
import { type Schema, Schemas } from './schemas.ts';

function operationFor(schemas: Schemas, lists: Map<string, Schema>, operation: PathOperation): object {
  const { action, gvk, typeId, isList, id, method } = operation;
  const schema = isList ? (lists.get(typeId) ?? {}) : schemas.reference(typeId);
  const hasBody = method === 'post' || method === 'put' || method === 'patch';
  const mediaTypes = method === 'patch' ? Object.values(patchTypes) : ['*/*'];
  const parameters = queryOf(operation).map((name) => ({
    name,
    in: 'query',
    schema: { type: parameterType(name), uniqueItems: true },
  }));
  return {
    operationId: id,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(hasBody ? { requestBody: { content: Object.fromEntries(mediaTypes.map((type) => [type, { schema }])) } } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } },
  };
}

function pathParameters({ namespaced, named }: Path): object[] {
  const names = [...(named ? ['name'] : []), ...(namespaced ? ['namespace'] : [])];
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } }));
}

/** The document of one group version, such as `api/v1` or `apis/apps/v1`; undefined when it is not served. */
function buildDocument(root: string): object | undefined {
  const members = kinds.filter((kind) => rootOf(kind) === `/${root}`);
  if (members.length === 0) return undefined;
  const schemas = new Schemas('v3');
  const lists = new Map(members.map((kind) => [kind.typeId, schemas.addKind(kind).list]));
  schemas.reference('meta.v1.DeleteOptions');
  const paths = Object.fromEntries(
    allPaths(`/${root}`).map((path) => [
      path.path,
      {
        ...Object.fromEntries(path.operations.map((item) => [item.method, operationFor(schemas, lists, item)])),
        parameters: pathParameters(path),
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
