// How an answer is encoded: plain objects, tables or metadata only, as JSON or YAML.
import { stringify } from 'yaml';
import { encodeEnvelope, encodeWatchFrame } from '../../api/codec/protobuf-encode.ts';
import { scaleColumns } from '../../api/kinds/columns.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import type { WatchEvent } from '../../api/meta/operation.ts';
import { ApiError, type Status } from '../../api/meta/status.ts';
import { type IncludeObject, isListBody, listTable, objectTable, partialList, toPartial } from './table.ts';

export type Encoding = { form: 'plain' | 'table' | 'partial' | 'protobuf'; contentType: string; yaml: boolean };

const protobufType = 'application/vnd.kubernetes.protobuf';
const jsonEncoding: Encoding = { form: 'plain', contentType: 'application/json', yaml: false };

/**
 * Chooses the first form of an Accept header that is served. What can't be read has no columns, so it is no table:
 * reviews, which are only created.
 * @throws ApiError NotAcceptable
 */
export function negotiate(accept: string | undefined, kind: Kind, isWatch = false): Encoding {
  if (accept === undefined || accept === '') return jsonEncoding;
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim());
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    const isV1 = parameters.includes('v=v1') && parameters.includes('g=meta.k8s.io');
    if (type === 'application/json' && as === 'Table' && isV1 && kind.verbs.includes('get'))
      return { ...jsonEncoding, form: 'table' };
    if (type === 'application/json' && as?.startsWith('PartialObjectMetadata') && isV1)
      return { ...jsonEncoding, form: 'partial' };
    if (as !== undefined) continue;
    if (type === protobufType && hasProtobuf(kind))
      return { form: 'protobuf', contentType: isWatch ? `${protobufType};stream=watch` : protobufType, yaml: false };
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return jsonEncoding;
    if (type === 'application/yaml') return { form: 'plain', contentType: 'application/yaml', yaml: true };
  }
  throw new ApiError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml',
  );
}

export function parseInclude(text: string | undefined): IncludeObject {
  return text === 'Object' || text === 'None' ? text : 'Metadata';
}

/** Schemas in CustomResourceDefinitions have forms that the tables don't hold. */
function hasProtobuf({ group }: Kind): boolean {
  return group !== 'apiextensions.k8s.io';
}

/** Bytes of an answer in protobuf. */
function encodeProtobuf(kind: Kind, object: JsonObject): Buffer {
  if (object.kind === 'Status') return encodeEnvelope(object, 'meta.v1.Status');
  if (object.kind === kind.listKind) return encodeEnvelope(object, `${kind.typeId}List`);
  const own = kind.subresources.find((subresource) => subresource.kind?.kind === object.kind)?.kind;
  return encodeEnvelope(object, own?.typeId ?? kind.typeId);
}

/** A refusal: in protobuf for who asks for that first. */
export function encodeRefusal(status: Status, accept = ''): { contentType: string; body: string | Buffer } {
  const [type = '', ...parameters] = (accept.split(',')[0] ?? '').split(';').map((part) => part.trim());
  if (type !== protobufType || parameters.some((parameter) => parameter.startsWith('as=')))
    return { contentType: 'application/json', body: JSON.stringify(status) };
  return { contentType: protobufType, body: encodeEnvelope(status as unknown as JsonObject, 'meta.v1.Status') };
}

/** An answer's body. */
export function encodeBody(
  kind: Kind,
  body: string | object,
  encoding: Encoding,
  include: IncludeObject,
  nowMs: number,
): string | Buffer {
  if (encoding.form === 'plain' && !encoding.yaml) return typeof body === 'string' ? body : JSON.stringify(body);
  const object = typeof body === 'string' ? (JSON.parse(body) as object) : body;
  if (encoding.form === 'protobuf') return encodeProtobuf(kind, object as JsonObject);
  if (encoding.yaml) return stringify(object);
  if ((object as KubeObject).kind === 'Status') return JSON.stringify(object);
  if (encoding.form === 'partial')
    return JSON.stringify(isListBody(object) ? partialList(object) : toPartial(object as KubeObject));
  if (isListBody(object)) return JSON.stringify(listTable(kind, object, nowMs, include));
  const isScale = (object as KubeObject).kind === 'Scale';
  return JSON.stringify(
    objectTable(isScale ? { ...kind, columns: scaleColumns } : kind, object as KubeObject, nowMs, include),
  );
}

/** The event that ends a watch with an error. */
export function encodeWatchError(status: Status, encoding: Encoding): Buffer {
  if (encoding.form !== 'protobuf') return Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
  return encodeWatchFrame('ERROR', encodeEnvelope(status as unknown as JsonObject, 'meta.v1.Status'));
}

/** Lines and frames of a watch of plain objects: made once an event, shared by all who watch. */
const plainLines = new WeakMap<WatchEvent, Buffer>();
const protobufFrames = new WeakMap<WatchEvent, Buffer>();

/** One line, or one frame, of a watch stream. */
export function encodeWatchEvent(
  kind: Kind,
  event: WatchEvent,
  encoding: Encoding,
  include: IncludeObject,
  nowMs: number,
  isFirst: boolean,
): Buffer {
  if (encoding.form === 'plain') {
    let line = plainLines.get(event);
    if (line === undefined) {
      line = Buffer.from(`{"type":"${event.type}","object":${event.text()}}\n`);
      plainLines.set(event, line);
    }
    return line;
  }
  const object = event.object();
  if (encoding.form === 'protobuf') {
    const frame =
      protobufFrames.get(event) ?? encodeWatchFrame(event.type, encodeProtobuf(kind, object as unknown as JsonObject));
    protobufFrames.set(event, frame);
    return frame;
  }
  let shaped: object;
  if (encoding.form === 'partial') shaped = toPartial(object);
  else if (event.type === 'BOOKMARK') {
    shaped = {
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: object.metadata.resourceVersion },
      columnDefinitions: [],
      rows: [{ cells: [], object }],
    };
  } else shaped = objectTable(kind, object, nowMs, include, isFirst);
  return Buffer.from(`${JSON.stringify({ type: event.type, object: shaped })}\n`);
}
