// From a decoded body to an object of the right kind: type checks, field
// validation (Strict, Warn, Ignore) and agreement with the path.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
import { duplicateFieldsOf } from '../../api/codec/body.ts';
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { badRequest } from '../../api/meta/status.ts';
import { type Decoded, DecodeError, decodeType } from '../../api/schema/decode.ts';

export type Input = { object: KubeObject; warnings: string[] };
type Expected = { apiVersion: string; kind: string; typeId: string };

const modes = ['Strict', 'Warn', 'Ignore'];

/** @throws ApiError BadRequest naming the field */
export function decodeAs(
  body: unknown,
  expected: Expected,
  fieldValidation: string | undefined,
): { value: JsonObject; warnings: string[] } {
  const mode = fieldValidation || 'Warn';
  if (!modes.includes(mode))
    throw badRequest(`fieldValidation: Unsupported value: "${mode}": supported values: ${modes.join(', ')}`);
  if (!isJsonObject(body)) throw badRequest('the body must be an object with apiVersion and kind');
  const { apiVersion = expected.apiVersion, kind = expected.kind } = body;
  if (apiVersion !== expected.apiVersion || kind !== expected.kind) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}, ${expected.apiVersion}): found kind ${JSON.stringify(kind)}, apiVersion ${JSON.stringify(apiVersion)}`,
    );
  }
  const where = `${expected.kind} in version "${expected.apiVersion.split('/').at(-1)}" cannot be handled as a ${expected.kind}`;
  let decoded: Decoded;
  try {
    decoded = decodeType(body, expected.typeId);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`${where}: ${error.message}`, error);
    throw error;
  }
  const faults = [
    ...decoded.unknownFields.map((field) => `unknown field "${field}"`),
    ...duplicateFieldsOf(body).map((field) => `duplicate field "${field}"`),
  ];
  if (faults.length > 0 && mode === 'Strict') throw badRequest(`${where}: strict decoding error: ${faults.join(', ')}`);
  return { value: decoded.value, warnings: mode === 'Warn' ? faults : [] };
}

/**
 * Decodes a body as the operation's kind; its name and namespace must agree with the path.
 * @throws ApiError BadRequest
 */
export function decodeInput(operation: Operation, kind: Kind, body: unknown): Input {
  const expected = { apiVersion: apiVersionOf(kind), kind: kind.kind, typeId: kind.typeId };
  const { value, warnings } = decodeAs(body, expected, operation.query.fieldValidation);
  const metadata = isJsonObject(value.metadata) ? value.metadata : {};
  const object: KubeObject = {
    ...value,
    apiVersion: expected.apiVersion,
    kind: expected.kind,
    metadata: { ...metadata, name: String(metadata.name ?? '') },
  };
  // Decoding makes an empty list nothing; here it is a wish that the accounting of fields begin anew.
  const asked = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata.managedFields : undefined;
  if (Array.isArray(asked) && asked.length === 0) object.metadata.managedFields = [];
  if (kind.namespaced) {
    const { namespace } = object.metadata;
    if (namespace !== undefined && namespace !== '' && namespace !== operation.namespace) {
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    }
    object.metadata.namespace = operation.namespace ?? '';
  } else {
    delete object.metadata.namespace;
  }
  if (operation.name !== undefined && object.metadata.name !== operation.name) {
    if (object.metadata.name !== '') {
      throw badRequest(
        `the name of the object (${object.metadata.name}) does not match the name on the URL (${operation.name})`,
      );
    }
    object.metadata.name = operation.name;
  }
  return { object, warnings };
}
