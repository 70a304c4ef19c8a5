// OpenAPI v2 in the protobuf form that clients in Go ask for.
// https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
import { Writer } from 'protobufjs/minimal.js';
import { stringify } from 'yaml';
import { isJsonObject } from '../../../api/meta/object.ts';
import type { OpenApiV2, Schema } from './schemas.ts';

type Write = (writer: Writer) => void;

/** A field that holds a message. */
function message(writer: Writer, number: number, write: Write): void {
  writer.uint32((number << 3) | 2).fork();
  write(writer);
  writer.ldelim();
}

function text(writer: Writer, number: number, value: unknown): void {
  if (typeof value === 'string' && value !== '') writer.uint32((number << 3) | 2).string(value);
}

function texts(writer: Writer, number: number, values: unknown): void {
  for (const value of Array.isArray(values) ? values : []) text(writer, number, value);
}

function truth(writer: Writer, number: number, value: unknown): void {
  if (value === true) writer.uint32(number << 3).bool(true);
}

/** Entries as `{ name = 1, value = 2 }`. */
function named(
  writer: Writer,
  number: number,
  entries: Record<string, unknown>,
  write: (writer: Writer, value: unknown) => void,
): void {
  for (const [name, value] of Object.entries(entries)) {
    message(writer, number, (entry) => {
      text(entry, 1, name);
      message(entry, 2, (inner) => write(inner, value));
    });
  }
}

/** Values of any form travel as YAML. */
function any(writer: Writer, value: unknown): void {
  text(writer, 2, stringify(value));
}

function extensions(writer: Writer, number: number, object: Schema): void {
  const entries = Object.fromEntries(Object.entries(object).filter(([name]) => name.startsWith('x-')));
  named(writer, number, entries, any);
}

function schema(writer: Writer, value: unknown): void {
  const object = isJsonObject(value) ? value : {};
  text(writer, 1, object.$ref);
  text(writer, 2, object.format);
  text(writer, 4, object.description);
  if (object.default !== undefined) message(writer, 5, (inner) => any(inner, object.default));
  texts(writer, 19, object.required);
  if (object.additionalProperties !== undefined)
    message(writer, 21, (item) => message(item, 1, (inner) => schema(inner, object.additionalProperties)));
  if (object.type !== undefined) message(writer, 22, (item) => text(item, 1, object.type));
  if (object.items !== undefined)
    message(writer, 23, (item) => message(item, 1, (inner) => schema(inner, object.items)));
  if (isJsonObject(object.properties)) {
    const properties = object.properties;
    message(writer, 25, (item) => named(item, 1, properties, schema));
  }
  extensions(writer, 31, object);
}

/** Numbers of the parameter messages and of their fields, which differ with where the parameter stands. */
const parameterForms = {
  query: { number: 3, required: 1, in: 2, description: 3, name: 4, type: 6, uniqueItems: 20 },
  path: { number: 4, required: 1, in: 2, description: 3, name: 4, type: 5, uniqueItems: 19 },
};

/** A ParametersItem, which holds a Parameter, which holds one of five forms. */
function parameter(writer: Writer, value: unknown): void {
  const object = value as Schema & { in: 'body' | 'query' | 'path' };
  message(writer, 1, (item) => {
    if (object.in === 'body') {
      message(item, 1, (body) => {
        text(body, 2, object.name);
        text(body, 3, object.in);
        truth(body, 4, object.required);
        message(body, 5, (inner) => schema(inner, object.schema));
      });
      return;
    }
    const form = parameterForms[object.in];
    message(item, 2, (nonBody) =>
      message(nonBody, form.number, (inner) => {
        truth(inner, form.required, object.required);
        text(inner, form.in, object.in);
        text(inner, form.name, object.name);
        text(inner, form.type, object.type);
        truth(inner, form.uniqueItems, object.uniqueItems);
      }),
    );
  });
}

function operation(writer: Writer, value: unknown): void {
  const object = value as Schema;
  text(writer, 5, object.operationId);
  texts(writer, 6, object.produces);
  texts(writer, 7, object.consumes);
  for (const item of (object.parameters as unknown[] | undefined) ?? [])
    message(writer, 8, (inner) => parameter(inner, item));
  const responses = object.responses as Record<string, Schema>;
  message(writer, 9, (list) =>
    named(list, 1, responses, (item, response) =>
      message(item, 1, (inner) => {
        const { description, schema: body } = response as Schema;
        text(inner, 1, description);
        if (body !== undefined) message(inner, 2, (holder) => message(holder, 1, (content) => schema(content, body)));
      }),
    ),
  );
  extensions(writer, 13, object);
}

const methodNumbers: Record<string, number> = { get: 2, put: 3, post: 4, delete: 5, options: 6, head: 7, patch: 8 };

function pathItem(writer: Writer, value: unknown): void {
  const object = value as Schema;
  for (const [method, number] of Object.entries(methodNumbers))
    if (object[method] !== undefined) message(writer, number, (inner) => operation(inner, object[method]));
  for (const item of (object.parameters as unknown[] | undefined) ?? [])
    message(writer, 9, (inner) => parameter(inner, item));
}

export function encodeOpenApiV2({ swagger, info, paths, definitions }: OpenApiV2): Buffer {
  const writer = Writer.create();
  text(writer, 1, swagger);
  message(writer, 2, (inner) => {
    text(inner, 1, info.title);
    text(inner, 2, info.version);
  });
  message(writer, 8, (inner) => named(inner, 2, paths, pathItem));
  message(writer, 9, (inner) => named(inner, 1, definitions, schema));
  return Buffer.from(writer.finish());
}
