// OpenAPI v2 for what is served, as one document, in JSON and in protobuf.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v2

import { kinds } from '../../../api/kinds/index.ts';
import { allPaths, type PathOperation } from './operations.ts';
import { type Parameter, pathParameters, queryParameters } from './parameters.ts';
import { type OpenApiV2, Schemas } from './schemas.ts';
import { encodeOpenApiV2 } from './v2-protobuf.ts';

function operationFor(schemas: Schemas, operation: PathOperation): object {
  const { action, gvk, id, body, response, codes, consumes } = operation;
  const parameters = [
    ...(body === undefined
      ? []
      : [
          {
            name: 'body',
            in: 'body',
            ...(body.required ? { required: true } : {}),
            schema: schemas.contentOf(body.content),
          },
        ]),
    ...queryParameters(operation).map(parameter),
  ];
  const success = { description: 'OK', schema: schemas.contentOf(response) };
  return {
    operationId: id,
    consumes,
    produces: response === 'text' ? ['*/*'] : ['application/json', 'application/yaml'],
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, success])),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
  };
}

function parameter({ name, in: place, type, required }: Parameter): object {
  return { name, in: place, ...(required ? { required } : {}), type, uniqueItems: true };
}

function build(version: string): OpenApiV2 {
  const schemas = new Schemas('v2');
  for (const kind of kinds) schemas.addKind(kind);
  const paths = Object.fromEntries(
    allPaths().map((path) => [
      path.path,
      {
        ...Object.fromEntries(path.operations.map((item) => [item.method, operationFor(schemas, item)])),
        parameters: pathParameters(path).map(parameter),
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
