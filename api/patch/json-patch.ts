// JSON patch, RFC 6902, by the library `rfc6902`.
import { applyPatch, type Operation } from 'rfc6902';
import type { JsonObject } from '../meta/object.ts';
import { PatchError } from './patch-error.ts';

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test'];
/** Kubernetes' limit on operations in one patch. */
const maxOperations = 10_000;

/**
 * Applies the operations to a copy of the target.
 * @throws PatchError when the patch is malformed or an operation can't be applied
 */
export function applyJsonPatch(target: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) throw new PatchError('a JSON patch must be an array of operations');
  if (patch.length > maxOperations) throw new PatchError(`a JSON patch may have at most ${maxOperations} operations`);
  patch.forEach((operation: unknown, index) => {
    const { op, path } = (operation ?? {}) as { op?: unknown; path?: unknown };
    if (typeof op !== 'string' || !operations.includes(op))
      throw new PatchError(`operation ${index}: "op" must be one of ${operations.join(', ')}`);
    if (typeof path !== 'string') throw new PatchError(`operation ${index}: "path" must be a JSON pointer`);
  });
  const result = structuredClone(target);
  const errors = applyPatch(result, patch as Operation[]);
  const index = errors.findIndex((error) => error !== null);
  if (index >= 0) {
    throw new PatchError(
      `operation ${index} (${JSON.stringify(patch[index])}) can't be applied: ${errors[index]?.message}`,
    );
  }
  return result;
}
