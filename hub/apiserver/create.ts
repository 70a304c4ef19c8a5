// The verb create.
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import { serviceKind } from '../../api/kinds/service.ts';
import { cloneJson, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { ApiError, alreadyExists, hasReason } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { nameSuffix, uuid } from '../../platform/random.ts';
import { StoreError } from '../store/store.ts';
import { admitCreate } from './admission.ts';
import { bookUpdate, checkWriteOptions, setManagedFields } from './field-management.ts';
import { decodeInput } from './input.ts';
import { applyLimitRanges, enforceLimitRanges, limitsFor } from './limit-ranges.ts';
import { maxNameDraws } from './limits.ts';
import { validateObject } from './object-validation.ts';
import { type ApiParts, isDryRun, kindOf, resourceNameOf } from './parts.ts';
import { withinQuotas } from './quota.ts';
import { withServiceAddresses } from './service-addresses.ts';
import { encodeStored, objectStoreKey, servedText } from './stored-object.ts';

export async function create(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  checkWriteOptions(operation);
  const { object, warnings } = decodeInput(operation, kind, operation.body);
  return createDecoded(parts, operation, kind, object, warnings);
}

/**
 * Creates an object that fits its type. `managedFields`: who owns it, null for nobody, where that is
 * known already.
 */
export async function createDecoded(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  object: KubeObject,
  warnings: string[],
  managedFields?: JsonObject[] | null,
): Promise<Reply> {
  if (object.metadata.resourceVersion)
    throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created');
  const generate = object.metadata.name === '' ? object.metadata.generateName : undefined;
  if (generate === undefined) return createOnce(parts, operation, kind, object, warnings, managedFields);
  for (let draw = 1; ; draw += 1) {
    const drawn = cloneJson(object);
    drawn.metadata.name = generate.slice(0, 58) + nameSuffix(parts.random);
    try {
      return await createOnce(parts, operation, kind, drawn, warnings, managedFields);
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists') || draw >= maxNameDraws) throw error;
    }
  }
}

/** @throws ApiError AlreadyExists when the name is taken */
async function createOnce(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  object: KubeObject,
  warnings: string[],
  managedFields: JsonObject[] | null | undefined,
): Promise<Reply> {
  const asked = object.metadata.managedFields;
  delete object.metadata.managedFields;
  prepare(parts, kind, object);
  kind.applyDefaults?.(object);
  await admitCreate(parts, operation, kind, object);
  const limits = await limitsFor(parts, kind, object);
  applyLimitRanges(limits, kind, object);
  // Last, since the quality of service follows from what admission made of the requests.
  kind.prepareCreate?.(object);
  validateObject(kind, object, 'creation');
  enforceLimitRanges(limits, kind, object);
  const writeCounted = (): Promise<Reply | undefined> => {
    if (managedFields === undefined) bookUpdate(parts, operation, kind, undefined, object, asked);
    else setManagedFields(object, managedFields ?? undefined);
    return withinQuotas(parts, kind, object, () => write(parts, operation, kind, object, warnings));
  };
  const reply = await (kind === serviceKind
    ? withServiceAddresses(parts, object, undefined, writeCounted)
    : writeCounted());
  if (reply === undefined) throw alreadyExists(resourceNameOf(kind), object.metadata.name);
  return reply;
}

function prepare(parts: ApiParts, kind: Kind, object: KubeObject): void {
  const { metadata } = object;
  object.apiVersion = apiVersionOf(kind);
  metadata.uid = uuid(parts.random);
  metadata.creationTimestamp = formatTime(parts.clock.nowMs());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (kind.hasGeneration) metadata.generation = 1;
  else delete metadata.generation;
  const resetsStatus = kind.kind !== 'Node' && kind.subresources.some((subresource) => subresource.name === 'status');
  if (resetsStatus) object.status = {};
}

/** Writes the new object; undefined when the name is taken. */
async function write(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  object: KubeObject,
  warnings: string[],
): Promise<Reply | undefined> {
  const key = objectStoreKey(kind, object.metadata.namespace, object.metadata.name);
  const value = encodeStored(kind, object);
  if (isDryRun(operation)) {
    if ((await parts.store.get(key)) !== undefined) return undefined;
    return { code: 201, body: object, warnings };
  }
  try {
    const revision = await parts.store.write({ key, value, expect: 0 });
    return { code: 201, body: servedText(kind, value, revision), warnings };
  } catch (error) {
    if (error instanceof StoreError && error.code === 'compare-failed') return undefined;
    throw error;
  }
}
