// Request bodies: JSON, YAML or Kubernetes protobuf, into one JSON object.
import { isCollection, isMap, isPair, isScalar, parseDocument } from 'yaml';
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { ApiError, badRequest } from '../meta/status.ts';
import { isType } from '../schema/schema.ts';
import { isTooDeep, maxDepth } from './depth.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { decodeMessage, ProtobufError, readEnvelope } from './protobuf.ts';

/** Media types that bodies may have. */
export const bodyMediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** Most aliases a YAML body may use: more is an attack ("billion laughs"). */
const maxYamlAliases = 100;
/** Largest YAML body that is no JSON, bytes: YAML is read a hundred times more slowly, and everybody waits for it. */
const maxYamlBytes = 256 << 10;

/** The media type of a Content-Type header, without parameters; JSON when there is none. */
export function mediaType(contentType: string | undefined): string {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type === '' ? 'application/json' : type;
}

/**
 * Parses a body.
 * @param findType gives the type id of an apiVersion and kind; needed for protobuf
 * @throws ApiError BadRequest, UnsupportedMediaType
 */
export function parseBody(
  bytes: Uint8Array,
  contentType: string | undefined,
  findType: (apiVersion: string, kind: string) => string | undefined,
): JsonObject {
  const type = mediaType(contentType);
  if (type === 'application/json') return expectObject(parseJson(bytes));
  if (type === 'application/yaml' || type === 'application/x-yaml' || type === 'text/yaml')
    return expectObject(parseYaml(bytes));
  if (type === 'application/vnd.kubernetes.protobuf') return parseProtobuf(bytes, findType);
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${bodyMediaTypes.join(', ')}`,
  );
}

const duplicates = new WeakMap<object, string[]>();

/** Paths of the fields that the text of this parsed body has twice. */
export function duplicateFieldsOf(body: object): readonly string[] {
  return duplicates.get(body) ?? [];
}

/** @throws ApiError BadRequest */
export function parseJson(bytes: Uint8Array): unknown {
  requireShallow(bytes);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) duplicates.set(value, duplicateFields(text));
    return value;
  } catch (error) {
    throw badRequest(`the body is not valid JSON: ${(error as Error).message}`, error);
  }
}

/**
 * YAML, of which JSON is the usual case and read as such.
 * @throws ApiError BadRequest, RequestEntityTooLarge
 */
export function parseYaml(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (/^\s*[{[]/.test(text)) {
      requireShallow(bytes);
      try {
        return JSON.parse(text);
      } catch {
        // YAML in flow style, then.
      }
    }
    if (bytes.length > maxYamlBytes)
      throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit of YAML is ${maxYamlBytes}`);
    // The library looks for doubled keys pair by pair; requirePlainKeys does it in one pass.
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
    const error = document.errors[0];
    if (error !== undefined) throw error;
    requirePlainKeys(document.contents, 0);
    return document.toJS({ maxAliasCount: maxYamlAliases });
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw badRequest(`the body is not valid YAML: ${(error as Error).message}`, error);
  }
}

/** Keys are texts, each once, as in JSON: a key that is a list or a map is written out again at each level above it. */
function requirePlainKeys(node: unknown, depth: number): void {
  if (depth > maxDepth) throw new Error(`nested deeper than ${maxDepth} levels`);
  if (isPair(node)) {
    requirePlainKeys(node.value, depth + 1);
    return;
  }
  if (!isCollection(node)) return;
  const keys = new Set<string>();
  for (const item of node.items) {
    if (isMap(node) && isPair(item)) {
      if (item.key !== null && !isScalar(item.key)) throw new Error('a key must be a scalar');
      const key = String(isScalar(item.key) ? item.key.value : item.key);
      if (keys.has(key)) throw new Error(`the key ${JSON.stringify(key)} is there twice`);
      keys.add(key);
    }
    requirePlainKeys(item, depth + 1);
  }
}

function parseProtobuf(
  bytes: Uint8Array,
  findType: (apiVersion: string, kind: string) => string | undefined,
): JsonObject {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const typeId = findType(apiVersion, kind);
    if (typeId === undefined || !isType(typeId))
      throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`);
    return { apiVersion, kind, ...decodeMessage(raw, typeId) };
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(`the body can't be decoded: ${error.message}`, error);
    throw error;
  }
}

function requireShallow(bytes: Uint8Array): void {
  if (isTooDeep(bytes)) throw badRequest(`the body is nested deeper than ${maxDepth} levels`);
}

function expectObject(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw badRequest('the body must be a JSON or YAML object with apiVersion and kind');
}
