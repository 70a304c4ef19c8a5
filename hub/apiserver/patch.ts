// The verb patch: JSON patch, merge patch and strategic merge patch.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError, badRequest } from '../../api/meta/status.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { PatchError } from '../../api/patch/patch-error.ts';
import { patchTypes } from '../../api/patch/patch-types.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge.ts';
import { apply } from './apply.ts';
import { checkWriteOptions } from './field-management.ts';
import { decodeInput } from './input.ts';
import { type ApiParts, kindOf } from './parts.ts';
import { replace } from './update.ts';

export async function patch(parts: ApiParts, operation: Operation): Promise<Reply> {
  requirePatchType(operation);
  checkWriteOptions(operation);
  if (operation.patchType === patchTypes.apply) return apply(parts, operation);
  const kind = kindOf(operation);
  let warnings: string[] = [];
  const reply = await replace(parts, operation, kind, (old) => {
    const input = decodeInput({ ...operation, name: undefined }, kind, applyPatchTo(old, operation, kind.typeId));
    warnings = input.warnings;
    if (input.object.metadata.name !== old.metadata.name) {
      throw badRequest(
        `the name of the object (${input.object.metadata.name}) does not match the name on the URL (${old.metadata.name})`,
      );
    }
    // A patch that does not name a resourceVersion applies to whatever there is.
    return { object: patchedResourceVersion(operation, input.object, old, kind) };
  });
  return { ...reply, warnings };
}

/** @throws ApiError BadRequest, Invalid, UnsupportedMediaType */
export function applyPatchTo(old: KubeObject, operation: Operation, typeId: string): JsonObject {
  const { patchType = '', body } = operation;
  try {
    if (patchType === patchTypes.json) return applyJsonPatch(old, body);
    if (!isJsonObject(body)) throw badRequest('the patch must be a JSON object');
    if (patchType === patchTypes.merge) return applyMergePatch(old, body) as JsonObject;
    if (patchType === patchTypes.strategic) return applyStrategicMergePatch(old, body, typeId);
  } catch (error) {
    if (error instanceof PatchError) {
      throw new ApiError(
        patchType === patchTypes.json ? 'Invalid' : 'BadRequest',
        `the patch can't be applied: ${error.message}`,
        { cause: error },
      );
    }
    throw error;
  }
  throw new Error(`patches of type ${patchType} are refused before`);
}

/** @throws ApiError UnsupportedMediaType, whatever the path names */
export function requirePatchType({ patchType = '' }: Operation): void {
  const known: string[] = Object.values(patchTypes);
  if (known.includes(patchType)) return;
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`,
  );
}

function patchedResourceVersion(operation: Operation, object: KubeObject, old: KubeObject, kind: Kind): KubeObject {
  const { body, patchType } = operation;
  const named =
    patchType === patchTypes.json
      ? object.metadata.resourceVersion !== old.metadata.resourceVersion
      : isJsonObject(body) && isJsonObject(body.metadata) && 'resourceVersion' in body.metadata;
  if (!named) delete object.metadata.resourceVersion;
  object.apiVersion = apiVersionOf(kind);
  return object;
}
