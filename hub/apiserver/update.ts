// The verb update, and what patch shares with it: replacing an object under
// optimistic concurrency, with the rules of metadata, status and generation.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
import type { Kind } from '../../api/kinds/kind.ts';
import { serviceKind } from '../../api/kinds/service.ts';
import { cloneJson, type JsonObject, jsonEqual, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { conflict, modifiedMessage } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { withCanonicalQuantities } from '../../api/schema/canonical.ts';
import { type Entry, StoreError } from '../store/store.ts';
import { admitUpdate } from './admission.ts';
import { bookUpdate, checkWriteOptions, setManagedFields } from './field-management.ts';
import { decodeInput } from './input.ts';
import { maxWriteRetries } from './limits.ts';
import { validateObject } from './object-validation.ts';
import { type ApiParts, getEntry, isDryRun, kindOf, nameOf, resourceNameOf } from './parts.ts';
import { withinQuotas } from './quota.ts';
import { admitResize, isResize, settleResize } from './resize.ts';
import { withServiceAddresses } from './service-addresses.ts';
import { decodeStored, encodeStored, servedText } from './stored-object.ts';

export async function update(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  checkWriteOptions(operation);
  const { object, warnings } = decodeInput(operation, kind, operation.body);
  const reply = await replace(parts, operation, kind, () => ({ object: cloneJson(object) }));
  return { ...reply, warnings };
}

/** What a change makes of an object; `managedFields` where it knows who owns it then. */
export type Change = { object: KubeObject; managedFields?: JsonObject[] | undefined };

/**
 * Replaces the object that the operation names by what `change` makes of it, trying again when
 * another write came between, unless the new object carries the resourceVersion it was made from.
 * @throws ApiError Conflict, NotFound, Invalid
 */
export async function replace(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  change: (old: KubeObject) => Change,
): Promise<Reply> {
  const name = nameOf(operation);
  for (let attempt = 1; ; attempt += 1) {
    const entry = await getEntry(parts, kind, operation.namespace, name);
    // Older hubs stored quantities as they came.
    const old = withCanonicalQuantities(decodeStored(kind, entry), kind.typeId);
    const changed = change(cloneJson(old));
    const next = changed.object;
    const askedFields = next.metadata.managedFields;
    const asked = next.metadata.resourceVersion;
    if (asked !== undefined && asked !== '' && asked !== old.metadata.resourceVersion) throw modified(kind, name);
    if (next.metadata.uid !== undefined && next.metadata.uid !== '' && next.metadata.uid !== old.metadata.uid) {
      throw conflict(
        resourceNameOf(kind),
        name,
        `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${old.metadata.uid}`,
      );
    }
    const resizes = isResize(kind, operation);
    if (resizes) settleResize(kind, next, old);
    settle(kind, operation.subresource, next, old);
    if (operation.subresource === 'status') kind.prepareStatus?.(next, old, formatTime(parts.clock.nowMs()));
    await admitUpdate(parts, operation, kind, next, old);
    // Subresources change what the update of the object itself may not; their handlers check it.
    validateObject(kind, next, { old, isSubresource: operation.subresource !== undefined });
    if (resizes) await admitResize(parts, kind, next);
    const write = (): Promise<Reply> => {
      if ('managedFields' in changed) setManagedFields(next, changed.managedFields);
      else bookUpdate(parts, operation, kind, old, next, askedFields, operation.subresource);
      return writeReplacement(parts, operation, kind, entry, next);
    };
    try {
      if (resizes) return await withinQuotas(parts, kind, next, write, old);
      if (kind === serviceKind && operation.subresource === undefined)
        return await withServiceAddresses(parts, next, old, write);
      return await write();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'compare-failed') throw error;
      if ((asked !== undefined && asked !== '' && asked !== '0') || attempt >= maxWriteRetries)
        throw modified(kind, name);
    }
  }
}

function modified(kind: Kind, name: string): Error {
  return conflict(resourceNameOf(kind), name, modifiedMessage);
}

const mutableStatusMetadata = ['labels', 'annotations'] as const;
const mutableMetadata = [...mutableStatusMetadata, 'finalizers', 'ownerReferences'] as const;

/** Brings what a client may not change back to what it was, in place. */
function settle(kind: Kind, subresource: string | undefined, next: KubeObject, old: KubeObject): void {
  const asked = next.metadata;
  next.metadata = { ...old.metadata };
  for (const field of subresource === undefined ? mutableMetadata : mutableStatusMetadata) {
    if (asked[field] === undefined) delete next.metadata[field];
    else Object.assign(next.metadata, { [field]: asked[field] });
  }
  if (subresource === undefined) {
    kind.applyDefaults?.(next);
    kind.prepareUpdate?.(next, old);
    if (kind.subresources.some((candidate) => candidate.name === 'status')) keep(next, old, 'status');
    if (kind.hasGeneration && !jsonEqual(desiredPart(next), desiredPart(old)))
      next.metadata.generation = (old.metadata.generation ?? 0) + 1;
    return;
  }
  const changed = subresource === 'status' || subresource === 'approval' ? 'status' : 'spec';
  for (const field of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (field !== changed && field !== 'metadata') keep(next, old, field);
  }
  // A pod's spec has a generation whichever way it changes; where it runs is not what was asked for.
  if (kind.kind === 'Pod' && changed === 'spec' && subresource !== 'binding' && !jsonEqual(next.spec, old.spec))
    next.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

/** What people ask for, without what the server says of it. */
function desiredPart({ metadata: _metadata, status: _status, ...desired }: KubeObject): object {
  return desired;
}

function keep(next: KubeObject, old: KubeObject, field: string): void {
  if (old[field] === undefined) delete next[field];
  else next[field] = old[field];
}

async function writeReplacement(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  entry: Entry,
  next: KubeObject,
): Promise<Reply> {
  if (isDryRun(operation)) return { code: 200, body: next };
  const { key } = entry;
  if (isFinished(kind, next)) {
    const revision = await parts.store.write({ key, value: undefined, expect: entry.modRevision });
    return { code: 200, body: servedText(kind, encodeStored(kind, next), revision) };
  }
  const value = encodeStored(kind, next);
  // An update that changes nothing is no event for anybody.
  if (value === entry.value) return { code: 200, body: servedText(kind, value, entry.modRevision) };
  const revision = await parts.store.write({ key, value, expect: entry.modRevision });
  return { code: 200, body: servedText(kind, value, revision) };
}

/** Whether a terminating object waits for nothing any more: its last finalizer has gone. */
export function isFinished(kind: Kind, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0) return false;
  if (kind.kind === 'Namespace')
    return ((object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? []).length === 0;
  return kind.defaultGracePeriodSeconds === undefined || deletionGracePeriodSeconds === 0;
}
