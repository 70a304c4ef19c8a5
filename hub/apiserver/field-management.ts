// Who a write is booked to, and which fields a request can't own.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management

import { findKind } from '../../api/kinds/index.ts';
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { ApiError, type FieldError, invalid, invalidValue, required } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { trackUpdate, type WriteContext } from '../../api/patch/apply/apply.ts';
import { FieldSet } from '../../api/patch/apply/field-set.ts';
import { patchTypes } from '../../api/patch/patch-types.ts';
import { nodeOfUser } from './admission.ts';
import { maxManagerNameLength } from './limits.ts';
import type { ApiParts } from './parts.ts';

/** The hub's own parts write under this name. */
const hubManager = 'skerry-hub';

const statusPath = ['f:status'];
const specPath = ['f:spec'];

/** Fields that a request on a subresource has no power over, by resource and subresource where a rule of its own is needed. */
const resetBySubresource: Record<string, string[][]> = {
  'deployments/status': [specPath, ['f:metadata', 'f:labels']],
  'pods/status': [specPath, ['f:metadata', 'f:deletionTimestamp'], ['f:metadata', 'f:ownerReferences']],
  'certificatesigningrequests/approval': [specPath, ['f:status', 'f:certificate']],
  'certificatesigningrequests/status': [specPath, ['f:status', 'f:conditions']],
  'namespaces/finalize': [statusPath],
};

function resetFieldsOf(kind: Kind, subresource: string | undefined): FieldSet {
  const special = resetBySubresource[`${kind.plural}/${subresource}`];
  if (special !== undefined) return FieldSet.of(...special);
  if (subresource === 'status') return FieldSet.of(specPath);
  return kind.subresources.some(({ name }) => name === 'status') ? FieldSet.of(statusPath) : new FieldSet();
}

/** The manager's name: as asked for, else the program that the client says it is, else nothing. */
function managerName(operation: Operation): string | undefined {
  const asked = operation.query.fieldManager;
  if (asked !== undefined && asked !== '') return asked;
  return operation.userAgent
    ?.split('/')[0]
    ?.replace(/[^\x20-\x7e]/g, '')
    .slice(0, maxManagerNameLength);
}

/** @throws ApiError Invalid when the options of the write are not what they should be */
export function checkWriteOptions(operation: Operation): void {
  const { fieldManager = '', force } = operation.query;
  const isApply = operation.patchType === patchTypes.apply;
  const errors: FieldError[] = [];
  if (fieldManager.length > maxManagerNameLength)
    errors.push({
      reason: 'FieldValueTooLong',
      field: 'fieldManager',
      message: `Too long: may not be more than ${maxManagerNameLength} bytes`,
    });
  else if (/[^\x20-\x7e\u00a0-\uffff]/.test(fieldManager))
    errors.push(invalidValue('fieldManager', fieldManager, 'should only contain printable characters'));
  if (isApply && fieldManager === '') errors.push(required('fieldManager', 'is required for apply patch'));
  if (!isApply && operation.verb === 'patch' && force !== undefined)
    errors.push({
      reason: 'FieldValueForbidden',
      field: 'force',
      message: 'Forbidden: may not be specified for non-apply patch',
    });
  if (errors.length > 0) {
    const options = { create: 'CreateOptions', update: 'UpdateOptions', patch: 'PatchOptions' } as Record<
      string,
      string
    >;
    throw invalid(options[operation.verb] ?? 'PatchOptions', 'meta.k8s.io', '', errors);
  }
}

/** How a write is booked; `subresource` is the one that the client named. */
export function writeContextOf(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  subresource: string | undefined = operation.subresource,
): WriteContext {
  const inProcess = nodeOfUser(operation.user) === undefined ? hubManager : 'kubelet';
  return {
    manager: {
      name: managerName(operation) ?? inProcess,
      operation: operation.patchType === patchTypes.apply ? 'Apply' : 'Update',
      apiVersion: apiVersionOf(kind),
      subresource,
    },
    typeId: kind.typeId,
    resetFields: resetFieldsOf(kind, subresource),
    time: formatTime(parts.clock.nowMs()),
    isServed: (apiVersion) => findKind(apiVersion, kind.kind) !== undefined,
  };
}

/**
 * Sets `metadata.managedFields` of what a write makes, in place. What the hub's own parts create is not
 * accounted for: it would cost memory and says nothing that its owner reference does not.
 */
export function bookUpdate(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  old: KubeObject | undefined,
  next: KubeObject,
  asked: unknown,
  subresource?: string,
): void {
  const isTracked = old === undefined ? managerName(operation) !== undefined : old.metadata.managedFields !== undefined;
  if (!isTracked && (asked === undefined || asked === null)) return;
  setManagedFields(next, trackUpdate(old, next, asked, writeContextOf(parts, operation, kind, subresource)));
}

export function setManagedFields(object: KubeObject, managedFields: JsonObject[] | undefined): void {
  if (managedFields === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = managedFields;
}

/** @throws ApiError BadRequest, as a body that may not say who owns what */
export function refuseManagedFields(configuration: JsonObject): void {
  const metadata = configuration.metadata as JsonObject | undefined;
  if (metadata?.managedFields !== undefined && metadata.managedFields !== null)
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
}
