// JSON patch, RFC 6902, by the library `rfc6902`.
import { applyPatch, type Operation, Pointer } from 'rfc6902';
import { cloneJson, type JsonObject } from '../meta/object.ts';
import { PatchError } from './patch-error.ts';

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test'];
/** Kubernetes' limit on operations in one patch. */
const maxOperations = 10_000;
/** Kubernetes' limit on what the copies of one patch may add up to, bytes of JSON: copies of copies double. */
const maxCopiedBytes = 3 << 20;

/** RFC 6901 section 3: nothing, or every name behind a slash. */
function isPointer(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || value.startsWith('/'));
}

/**
 * Applies the operations to a copy of the target.
 * @throws PatchError when the patch is malformed or an operation can't be applied
 */
export function applyJsonPatch(target: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) throw new PatchError('a JSON patch must be an array of operations');
  if (patch.length > maxOperations) throw new PatchError(`a JSON patch may have at most ${maxOperations} operations`);
  patch.forEach((operation: unknown, index) => {
    const { op, path, from } = (operation ?? {}) as { op?: unknown; path?: unknown; from?: unknown };
    if (typeof op !== 'string' || !operations.includes(op))
      throw new PatchError(`operation ${index}: "op" must be one of ${operations.join(', ')}`);
    if (!isPointer(path)) throw new PatchError(`operation ${index}: "path" must be a JSON pointer`);
    if ((op === 'copy' || op === 'move') && !isPointer(from))
      throw new PatchError(`operation ${index}: "from" must be a JSON pointer`);
  });
  const result = cloneJson(target);
  let copiedBytes = 0;
  for (const [index, operation] of (patch as Operation[]).entries()) {
    const strange = strangeTo(result, operation);
    if (strange !== undefined)
      throw new PatchError(`operation ${index} can't be applied: Missing path: ${JSON.stringify(strange)}`);
    if (operation.op === 'copy') {
      copiedBytes += JSON.stringify(Pointer.fromJSON(operation.from).get(result))?.length ?? 0;
      if (copiedBytes > maxCopiedBytes)
        throw new PatchError(`operation ${index}: the copies add up to more than ${maxCopiedBytes} bytes`);
    }
    const error = applyOperation(result, operation);
    if (error !== null)
      throw new PatchError(`operation ${index} (${JSON.stringify(operation)}) can't be applied: ${error.message}`);
  }
  return result;
}

function tokensOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Whether the tokens lead from part to part by what is written in the target: what all objects inherit is no part. */
function leadsThrough(target: unknown, tokens: readonly string[]): boolean {
  let value = target;
  for (const token of tokens) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return false;
    value = (value as Record<string, unknown>)[token];
  }
  return true;
}

/** Names that the library passes over as if they were not in the pointer. */
const skippedNames = ['__proto__', 'constructor', 'prototype'];

/** A pointer of the operation that the library would take for another one, or for something that all objects inherit. */
function strangeTo(target: JsonObject, operation: Operation): string | undefined {
  const { op, path, from } = operation as { op: string; path: string; from?: string };
  const isMade = op === 'add' || op === 'copy' || op === 'move';
  const [tokens, source] = [tokensOf(path), op === 'copy' || op === 'move' ? tokensOf(from ?? '') : []];
  if (source.some((token) => skippedNames.includes(token)) || !leadsThrough(target, source)) return from;
  if (tokens.some((token) => skippedNames.includes(token))) return path;
  return leadsThrough(target, isMade ? tokens.slice(0, -1) : tokens) ? undefined : path;
}

/** Changes the target; returns why it can't. */
function applyOperation(target: JsonObject, operation: Operation): Error | null {
  try {
    return applyPatch(target, [operation])[0] ?? null;
  } catch (error) {
    // The library makes texts of what a test compares, and an object may have no text (`toString`).
    return error as Error;
  }
}
