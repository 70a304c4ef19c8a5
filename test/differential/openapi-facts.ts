// What an OpenAPI document says of types and operations, in one form for both
// versions and without prose, so that two documents can be compared.
import { isJsonObject, type JsonObject } from '../../api/meta/object.ts';

/** One type, or one operation, by its name: `io.k8s.api.core.v1.Pod`, `GET /api/v1/pods`. */
export type Fact = { name: string; says: JsonObject };

/** Prose, and what one version can say and the other can't. */
const unsaid = new Set(['description', 'default', 'enum']);

/** A schema as version 2 says it, names of types in place of references, fields in order. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isJsonObject(value)) return value;
  if (typeof value.$ref === 'string') return { ...plainFields(value), $ref: value.$ref.split('/').at(-1) };
  const [only] = Array.isArray(value.allOf) ? value.allOf : [];
  if (isJsonObject(only)) return plain({ ...value, ...only, allOf: undefined });
  // Version 2 has no alternatives: it calls quantities and numbers that may be texts by the latter.
  if (Array.isArray(value.oneOf)) return plain({ ...value, type: 'string', oneOf: undefined });
  return plainFields(value);
}

function plainFields(value: JsonObject): JsonObject {
  const fields = Object.entries(value)
    .filter(([name, item]) => item !== undefined && !(unsaid.has(name) && !isSchema(item)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => {
      if (name === 'required' && Array.isArray(item)) return [name, [...item].sort()];
      return [name, name === 'properties' ? propertiesOf(item) : plain(item)];
    });
  return Object.fromEntries(fields);
}

/** Fields of types may be called as the words of OpenAPI are. */
function isSchema(item: unknown): boolean {
  return isJsonObject(item) && ('type' in item || '$ref' in item || 'allOf' in item);
}

function propertiesOf(value: unknown): JsonObject {
  const entries = Object.entries(isJsonObject(value) ? value : {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, schema]) => [name, plain(schema)]));
}

function objectAt(value: unknown, ...path: string[]): JsonObject {
  let found: unknown = value;
  for (const name of path) found = isJsonObject(found) ? found[name] : undefined;
  return isJsonObject(found) ? found : {};
}

function listAt(value: JsonObject, name: string): JsonObject[] {
  const found = value[name];
  return Array.isArray(found) ? found.filter(isJsonObject) : [];
}

export function definitionFacts(document: JsonObject): Fact[] {
  const schemas = { ...objectAt(document, 'definitions'), ...objectAt(document, 'components', 'schemas') };
  return Object.entries(schemas).map(([name, schema]) => ({ name, says: plain(schema) as JsonObject }));
}

const methods = ['get', 'put', 'post', 'delete', 'patch', 'options', 'head'];

export function operationFacts(document: JsonObject): Fact[] {
  return Object.entries(objectAt(document, 'paths')).flatMap(([path, item]) =>
    methods
      .filter((method) => isJsonObject(item) && isJsonObject(item[method]))
      .map((method) => ({
        name: `${method.toUpperCase()} ${path}`,
        says: operationOf(document, objectAt(item), objectAt(item, method)),
      })),
  );
}

function operationOf(document: JsonObject, item: JsonObject, operation: JsonObject): JsonObject {
  const parameters = [...listAt(item, 'parameters'), ...listAt(operation, 'parameters')].map((parameter) =>
    typeof parameter.$ref === 'string'
      ? objectAt(document, 'parameters', parameter.$ref.split('/').at(-1) ?? '')
      : parameter,
  );
  const words = parameters.filter((parameter) => parameter.in !== 'body').map(parameterWords);
  const says = {
    action: operation['x-kubernetes-action'],
    kind: operation['x-kubernetes-group-version-kind'],
    id: operation.operationId,
    parameters: words.sort(),
    body: bodyOf(operation, parameters),
    codes: Object.keys(objectAt(operation, 'responses')),
    response: plain(schemaOf(objectAt(operation, 'responses', '200'))),
  };
  return JSON.parse(JSON.stringify(plain(says))) as JsonObject;
}

/** Such as `query dryRun string` and `path name string required`. */
function parameterWords(parameter: JsonObject): string {
  const type = parameter.type ?? objectAt(parameter, 'schema').type;
  return `${parameter.in} ${parameter.name} ${type}${parameter.required === true ? ' required' : ''}`;
}

/** The schema of a message, whichever media type it has. */
function schemaOf(message: JsonObject): JsonObject {
  const [first] = Object.values(objectAt(message, 'content'));
  return objectAt(first ?? message, 'schema');
}

function bodyOf(operation: JsonObject, parameters: readonly JsonObject[]): unknown {
  const body = parameters.find((parameter) => parameter.in === 'body') ?? objectAt(operation, 'requestBody');
  const schema = plain(schemaOf(body));
  return isJsonObject(schema) && Object.keys(schema).length > 0
    ? { schema, required: body.required === true }
    : undefined;
}
