// OpenAPI v2 for what is served, as one document, in JSON and in protobuf.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v2

import { kinds } from '../../../api/kinds/index.ts';
import { patchTypes } from '../../../api/patch/patch-types.ts';
import { allPaths, type Path, type PathOperation, parameterType, queryOf } from './operations.ts';
import { type OpenApiV2, type Schema, Schemas } from './schemas.ts';
import { encodeOpenApiV2 } from './v2-protobuf.ts';

function operationFor(schemas: Schemas, lists: Map<string, Schema>, operation: PathOperation): object {
  const { action, gvk, typeId, isList, id, method } = operation;
  const schema = isList ? (lists.get(typeId) ?? {}) : schemas.reference(typeId);
  const hasBody = method === 'post' || method === 'put' || method === 'patch';
  const parameters = [
    ...(hasBody ? [{ name: 'body', in: 'body', required: true, schema }] : []),
    ...queryOf(operation).map((name) => ({ name, in: 'query', type: parameterType(name), uniqueItems: true })),
  ];
  return {
    operationId: id,
    consumes: method === 'patch' ? Object.values(patchTypes) : ['*/*'],
    produces: ['application/json', 'application/yaml'],
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: { 200: { description: 'OK', schema } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
  };
}

function pathParameters({ namespaced, named }: Path): object[] {
  const names = [...(named ? ['name'] : []), ...(namespaced ? ['namespace'] : [])];
  return names.map((name) => ({ name, in: 'path', required: true, type: 'string', uniqueItems: true }));
}

function build(version: string): OpenApiV2 {
  const schemas = new Schemas('v2');
  const lists = new Map(kinds.map((kind) => [kind.typeId, schemas.addKind(kind).list]));
  schemas.reference('meta.v1.DeleteOptions');
  const paths = Object.fromEntries(
    allPaths().map((path) => [
      path.path,
      {
        ...Object.fromEntries(path.operations.map((item) => [item.method, operationFor(schemas, lists, item)])),
        parameters: pathParameters(path),
      },
    ]),
  );
  return { swagger: '2.0', info: { title: 'Kubernetes', version }, paths, definitions: schemas.all };
}

/** Made when first asked for: few clients still do, and it is several megabytes. */
let json: string | undefined;
let protobuf: Buffer | undefined;

export function openApiV2Json(version: string): string {
  json ??= JSON.stringify(build(version));
  return json;
}

export function openApiV2Protobuf(version: string): Buffer {
  protobuf ??= encodeOpenApiV2(build(version));
  return protobuf;
}
