// The verb patch with `application/apply-patch+yaml`: server-side apply, on
// objects, their status and their scale; makes the object when there is none.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError, badRequest, conflict, hasReason } from '../../api/meta/status.ts';
import { type Applied, applyConfiguration, ConflictError, type WriteContext } from '../../api/patch/apply/apply.ts';
import { PatchError } from '../../api/patch/patch-error.ts';
import { authorizeRequest } from './access/authorization.ts';
import { createDecoded } from './create.ts';
import { refuseManagedFields, writeContextOf } from './field-management.ts';
import { decodeInput } from './input.ts';
import { type ApiParts, kindOf, nameOf, resourceNameOf } from './parts.ts';
import { replace } from './update.ts';

/** @throws ApiError Conflict when others own what would change, and the other errors of a patch */
export async function apply(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const configuration = configurationOf(operation, kind);
  const context = writeContextOf(parts, operation, kind);
  let warnings: string[] = [];
  const merge = (live: KubeObject | undefined): { object: KubeObject; managedFields: JsonObject[] | undefined } => {
    const applied = runApply(operation, live, configuration, context);
    const input = decodeInput({ ...operation, name: undefined }, kind, applied.object);
    warnings = input.warnings;
    if (configuration.metadata.resourceVersion === undefined) delete input.object.metadata.resourceVersion;
    return { object: input.object, managedFields: applied.managedFields };
  };
  try {
    const reply = await replace(parts, operation, kind, (old) => merge(old));
    return { ...reply, warnings };
  } catch (error) {
    if (!hasReason(error, 'NotFound') || operation.subresource !== undefined) throw error;
  }
  return applyNew(parts, operation, kind, configuration, () => merge(undefined));
}

async function applyNew(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  configuration: KubeObject,
  make: () => { object: KubeObject; managedFields: JsonObject[] | undefined },
): Promise<Reply> {
  const { uid, resourceVersion } = configuration.metadata;
  if (uid || resourceVersion) {
    const why = `the object has ${uid ? `uid ${uid}` : `resourceVersion ${resourceVersion}`} and does not exist`;
    throw conflict(resourceNameOf(kind), nameOf(operation), why);
  }
  const { group, resource } = operation.resource;
  const { namespace, user } = operation;
  authorizeRequest(parts.roles, user, { verb: 'create', group, resource, namespace });
  const { object, managedFields } = make();
  return createDecoded(parts, { ...operation, verb: 'create' }, kind, object, [], managedFields ?? null);
}

/** Runs the merge, its errors as a client gets them. @throws ApiError BadRequest, Conflict */
export function runApply(
  operation: Operation,
  live: KubeObject | undefined,
  configuration: KubeObject,
  context: WriteContext,
): Applied {
  const force = operation.query.force === 'true' || operation.query.force === '1';
  try {
    return applyConfiguration(live, configuration, force, context);
  } catch (error) {
    if (error instanceof PatchError)
      throw badRequest(
        `failed to create typed patch object (${typeText(operation, configuration)}): ${error.message}`,
        error,
      );
    if (!(error instanceof ConflictError)) throw error;
    throw new ApiError('Conflict', error.message, {
      details: { causes: error.conflicts.map((item) => ({ reason: 'FieldManagerConflict', ...item })) },
      cause: error,
    });
  }
}

function typeText({ namespace, name }: Operation, { apiVersion, kind }: KubeObject): string {
  return `${namespace === undefined ? '' : `${namespace}/`}${name}; ${apiVersion}, Kind=${kind}`;
}

/** What stands where a text should: that of an object may be no text at all (`toString`). */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

/** The applied object, with the name and namespace of its path. @throws ApiError BadRequest */
export function configurationOf(
  operation: Operation,
  expected: { group: string; version: string; kind: string; namespaced?: boolean },
): KubeObject {
  const { body } = operation;
  if (!isJsonObject(body)) throw badRequest('the applied configuration must be an object with apiVersion and kind');
  if (body.apiVersion !== apiVersionOf(expected) || body.kind !== expected.kind) {
    throw badRequest(
      `invalid object type: ${textOf(body.apiVersion)}, Kind=${textOf(body.kind)}, expected ${apiVersionOf(expected)}, Kind=${expected.kind}`,
    );
  }
  refuseManagedFields(body);
  const metadata = isJsonObject(body.metadata) ? body.metadata : {};
  if (metadata.name !== undefined && metadata.name !== nameOf(operation)) {
    throw badRequest(
      `the name of the object (${textOf(metadata.name)}) does not match the name on the URL (${nameOf(operation)})`,
    );
  }
  const namespace =
    expected.namespaced === false || operation.namespace === undefined ? {} : { namespace: operation.namespace };
  return { ...body, metadata: { ...namespace, ...metadata, name: nameOf(operation) } };
}
