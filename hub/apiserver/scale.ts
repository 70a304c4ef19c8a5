// GET, PUT, PATCH and apply of NAME/scale: the replicas of a workload, whatever its kind.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/scale-v1/

import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import { formatSelector, type LabelSelector } from '../../api/meta/labels.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { invalid, invalidValue } from '../../api/meta/status.ts';
import { FieldSet } from '../../api/patch/apply/field-set.ts';
import { patchTypes } from '../../api/patch/patch-types.ts';
import { configurationOf, runApply } from './apply.ts';
import { bookUpdate, checkWriteOptions, writeContextOf } from './field-management.ts';
import { decodeAs } from './input.ts';
import { type ApiParts, getEntry, kindOf, nameOf } from './parts.ts';
import { applyPatchTo, requirePatchType } from './patch.ts';
import { decodeStored } from './stored-object.ts';
import { type Change, replace } from './update.ts';

const scaleType = {
  group: 'autoscaling',
  version: 'v1',
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  typeId: 'autoscaling.v1.Scale',
};
const replicasPath = ['f:spec', 'f:replicas'];

type Scaled = { spec?: { replicas?: number; selector?: JsonObject }; status?: { replicas?: number } };

/** ReplicationControllers select by labels alone, all others by a LabelSelector. */
function selectorText(kind: Kind, selector: JsonObject | undefined): string {
  const isPlain = kind.kind === 'ReplicationController';
  return formatSelector((isPlain ? { matchLabels: selector ?? {} } : selector) as LabelSelector | undefined);
}

function toScale(kind: Kind, object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { spec, status } = object as Scaled;
  return {
    kind: scaleType.kind,
    apiVersion: scaleType.apiVersion,
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as KubeObject['metadata'],
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: selectorText(kind, spec?.selector) },
  };
}

export async function scale(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  if (operation.verb === 'get') {
    const entry = await getEntry(parts, kind, operation.namespace, nameOf(operation));
    return { code: 200, body: toScale(kind, decodeStored(kind, entry)) };
  }
  if (operation.verb === 'patch') requirePatchType(operation);
  checkWriteOptions(operation);
  const isApply = operation.patchType === patchTypes.apply;
  const reply = await replace(parts, { ...operation, subresource: undefined }, kind, (old) =>
    isApply ? applyReplicas(parts, operation, kind, old) : setReplicas(parts, operation, kind, old),
  );
  const object = typeof reply.body === 'string' ? (JSON.parse(reply.body) as KubeObject) : (reply.body as KubeObject);
  return { code: 200, body: toScale(kind, object) };
}

/** @throws ApiError Invalid, BadRequest */
function setReplicas(parts: ApiParts, operation: Operation, kind: Kind, old: KubeObject): Change {
  const isPatch = operation.verb === 'patch';
  const body = isPatch ? applyPatchTo(toScale(kind, old), operation, scaleType.typeId) : operation.body;
  const { value } = decodeAs(body, scaleType, operation.query.fieldValidation);
  const object = withReplicas(kind, old, value);
  const resourceVersion = isPatch ? undefined : (value.metadata as KubeObject['metadata'] | undefined)?.resourceVersion;
  if (resourceVersion !== undefined) object.metadata.resourceVersion = resourceVersion;
  const booked = { ...object, metadata: { ...object.metadata } };
  bookUpdate(parts, operation, kind, old, booked, undefined, 'scale');
  return { object, managedFields: booked.metadata.managedFields as JsonObject[] | undefined };
}

function withReplicas(kind: Kind, old: KubeObject, scaled: JsonObject): KubeObject {
  const replicas = (scaled.spec as { replicas?: number } | undefined)?.replicas ?? 0;
  if (replicas < 0) {
    const error = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid(scaleType.kind, scaleType.group, old.metadata.name, [error]);
  }
  const { resourceVersion: _resourceVersion, ...metadata } = old.metadata;
  return { ...old, apiVersion: apiVersionOf(kind), metadata, spec: { ...(old.spec as object), replicas } };
}

/** Applies to the scale: of the workload's fields, only who owns its replicas counts. */
function applyReplicas(parts: ApiParts, operation: Operation, kind: Kind, old: KubeObject): Change {
  const configuration = configurationOf(operation, scaleType);
  const context = writeContextOf(parts, operation, kind, 'scale');
  const view = toScale(kind, old);
  const entries = (old.metadata.managedFields ?? []) as JsonObject[];
  const fields = FieldSet.of(replicasPath).toFields();
  view.metadata.managedFields = entries
    .filter(ownsReplicas)
    .map((entry) => ({ ...entry, apiVersion: scaleType.apiVersion, fieldsV1: fields }));
  const manager = { ...context.manager, apiVersion: scaleType.apiVersion };
  const reset = FieldSet.of(['f:status']);
  const scaled = { ...context, manager, typeId: scaleType.typeId, resetFields: reset, isServed: () => true };
  const applied = runApply(operation, view, configuration, scaled);
  const owners = applied.managedFields ?? [];
  const { value } = decodeAs(applied.object, scaleType, operation.query.fieldValidation);
  return { object: withReplicas(kind, old, value), managedFields: joinOwners(kind, entries, owners) };
}

function ownsReplicas({ fieldsV1 }: JsonObject): boolean {
  const spec = isJsonObject(fieldsV1) ? fieldsV1['f:spec'] : undefined;
  return isJsonObject(spec) && 'f:replicas' in spec;
}

function sameManager(a: JsonObject, b: JsonObject): boolean {
  return a.manager === b.manager && a.operation === b.operation && (a.subresource ?? '') === (b.subresource ?? '');
}

/** The owners of the workload's fields, its replicas owned as the scale's owners say. */
function joinOwners(
  kind: Kind,
  entries: readonly JsonObject[],
  owners: readonly JsonObject[],
): JsonObject[] | undefined {
  const replicas = FieldSet.of(replicasPath);
  const joined = entries.flatMap((entry) => {
    const set = FieldSet.fromFields(entry.fieldsV1).difference(replicas);
    const owner = owners.find((candidate) => sameManager(candidate, entry));
    const kept = owner === undefined ? set : set.union(replicas);
    return kept.isEmpty()
      ? []
      : [{ ...entry, ...(owner === undefined ? {} : { time: owner.time }), fieldsV1: kept.toFields() }];
  });
  const added = owners
    .filter((owner) => !entries.some((entry) => sameManager(owner, entry)))
    .map((owner) => ({ ...owner, apiVersion: apiVersionOf(kind) }));
  const all = [...joined, ...added];
  return all.length === 0 ? undefined : all;
}
