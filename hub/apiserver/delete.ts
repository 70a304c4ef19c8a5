// The verbs delete and deletecollection: preconditions, grace periods,
// finalizers and propagation policies.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { badRequest, conflict, hasReason, type Status } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { DecodeError, decodeType } from '../../api/schema/decode.ts';
import { type Entry, StoreError } from '../store/store.ts';
import { admitDelete } from './admission.ts';
import { maxGracePeriodSeconds, maxWriteRetries } from './limits.ts';
import { type ApiParts, getEntry, isDryRun, kindOf, nameOf, resourceNameOf } from './parts.ts';
import { readPage } from './read.ts';
import { decodeStored, encodeStored, servedText } from './stored-object.ts';
import { isFinished } from './update.ts';

export type DeleteOptions = {
  gracePeriodSeconds?: number;
  propagationPolicy?: string;
  preconditions?: { uid?: string; resourceVersion?: string };
};

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';
const policies = ['Orphan', 'Background', 'Foreground'];

export async function remove(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  return removeOne(parts, operation, kind, nameOf(operation), parseOptions(operation));
}

export async function removeCollection(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const options = parseOptions(operation);
  const { entries, revision } = await readPage(parts, operation, kind);
  for (const entry of entries) {
    const { name, namespace } = decodeStored(kind, entry).metadata;
    try {
      await removeOne(parts, { ...operation, ...(namespace === undefined ? {} : { namespace }) }, kind, name, options);
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }
  const items = entries.map((entry) => servedText(kind, entry.value, entry.modRevision)).join(',');
  return {
    code: 200,
    body: `{"kind":"${kind.listKind}","apiVersion":"${apiVersionOf(kind)}","metadata":{"resourceVersion":"${revision}"},"items":[${items}]}`,
  };
}

/** Options from the body, or from the query when there is no body. @throws ApiError BadRequest */
function parseOptions(operation: Operation): DeleteOptions {
  const { query } = operation;
  let body: JsonObject = {};
  if (isJsonObject(operation.body)) {
    try {
      body = decodeType(operation.body, 'meta.v1.DeleteOptions').value;
    } catch (error) {
      if (error instanceof DecodeError) throw badRequest(`DeleteOptions: ${error.message}`, error);
      throw error;
    }
  }
  if (Array.isArray(body.dryRun) && body.dryRun.length > 0) query.dryRun ??= String(body.dryRun[0]);
  const gracePeriodSeconds =
    (body.gracePeriodSeconds as number | undefined) ??
    (query.gracePeriodSeconds === undefined ? undefined : Number(query.gracePeriodSeconds));
  if (gracePeriodSeconds !== undefined && !(Number.isInteger(gracePeriodSeconds) && gracePeriodSeconds >= 0)) {
    throw badRequest(
      `gracePeriodSeconds: Invalid value: ${JSON.stringify(query.gracePeriodSeconds ?? body.gracePeriodSeconds)}: must be a non-negative integer`,
    );
  }
  const orphans = body.orphanDependents === true || query.orphanDependents === 'true' ? 'Orphan' : undefined;
  const propagationPolicy = (body.propagationPolicy as string | undefined) ?? query.propagationPolicy ?? orphans;
  if (propagationPolicy !== undefined && !policies.includes(propagationPolicy)) {
    throw badRequest(
      `propagationPolicy: Unsupported value: "${propagationPolicy}": supported values: ${policies.join(', ')}`,
    );
  }
  const preconditions = isJsonObject(body.preconditions)
    ? (body.preconditions as NonNullable<DeleteOptions['preconditions']>)
    : undefined;
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(preconditions === undefined ? {} : { preconditions }),
  };
}

async function removeOne(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  name: string,
  options: DeleteOptions,
): Promise<Reply> {
  for (let attempt = 1; ; attempt += 1) {
    const entry = await getEntry(parts, kind, operation.namespace, name);
    const object = decodeStored(kind, entry);
    checkPreconditions(kind, object, options);
    admitDelete(operation, kind, object);
    try {
      return await step(parts, operation, kind, entry, object, options);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'compare-failed' || attempt >= maxWriteRetries) throw error;
    }
  }
}

function checkPreconditions(kind: Kind, { metadata }: KubeObject, { preconditions }: DeleteOptions): void {
  for (const [field, label] of [
    ['uid', 'UID'],
    ['resourceVersion', 'ResourceVersion'],
  ] as const) {
    const wanted = preconditions?.[field];
    if (wanted !== undefined && wanted !== metadata[field]) {
      throw conflict(
        resourceNameOf(kind),
        metadata.name,
        `Precondition failed: ${label} in precondition: ${wanted}, ${label} in object meta: ${metadata[field]}`,
      );
    }
  }
}

/** Marks the object as terminating, or removes it when it waits for nothing. */
async function step(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  entry: Entry,
  object: KubeObject,
  options: DeleteOptions,
): Promise<Reply> {
  const { metadata } = object;
  const graceSeconds = graceFor(kind, object, options);
  const wasTerminating = metadata.deletionTimestamp !== undefined;
  addPropagationFinalizer(object, options.propagationPolicy);
  if (!wasTerminating) {
    metadata.deletionTimestamp = formatTime(parts.clock.nowMs() + graceSeconds * 1000);
    metadata.deletionGracePeriodSeconds = graceSeconds;
    if (kind.hasGeneration) metadata.generation = (metadata.generation ?? 0) + 1;
    if (kind.kind === 'Namespace') object.status = { ...(object.status as object), phase: 'Terminating' };
  } else if (graceSeconds < (metadata.deletionGracePeriodSeconds ?? 0)) {
    // A second delete may only shorten the grace period.
    const startMs = Date.parse(metadata.deletionTimestamp ?? '') - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    metadata.deletionTimestamp = formatTime(startMs + graceSeconds * 1000);
    metadata.deletionGracePeriodSeconds = graceSeconds;
  }
  if (isDryRun(operation)) return { code: 200, body: object };
  if (isFinished(kind, object)) {
    await parts.store.write({ key: entry.key, value: undefined, expect: entry.modRevision });
    return { code: 200, body: kind.defaultGracePeriodSeconds === undefined ? success(kind, object) : object };
  }
  const value = encodeStored(kind, object);
  const revision =
    value === entry.value
      ? entry.modRevision
      : await parts.store.write({ key: entry.key, value, expect: entry.modRevision });
  return {
    code: kind.defaultGracePeriodSeconds === undefined && !wasTerminating ? 202 : 200,
    body: servedText(kind, value, revision),
  };
}

function graceFor(kind: Kind, object: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (kind.defaultGracePeriodSeconds === undefined) return 0;
  if (kind.kind === 'Pod') {
    const { spec, status } = object as Pod;
    // Nothing runs that would need time to end.
    if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  }
  return Math.min(gracePeriodSeconds ?? kind.defaultGracePeriodSeconds(object), maxGracePeriodSeconds);
}

function addPropagationFinalizer({ metadata }: KubeObject, policy: string | undefined): void {
  const others = (metadata.finalizers ?? []).filter(
    (finalizer) => finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer,
  );
  const wanted = policy === 'Orphan' ? [orphanFinalizer] : policy === 'Foreground' ? [foregroundFinalizer] : undefined;
  if (wanted === undefined) {
    if (policy === 'Background' && metadata.finalizers !== undefined) metadata.finalizers = others;
    return;
  }
  metadata.finalizers = [...others, ...wanted];
}

function success(kind: Kind, { metadata }: KubeObject): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: metadata.name,
      group: kind.group,
      kind: kind.plural,
      ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
    },
    code: 200,
  };
}
