// Carries out one step of a server-side-apply case with our code, in the order
// of the hub's request path: body decoded, fields booked or merged, the result
// decoded again with defaults. All that a case needs of our code is named here.
import { findKind } from '../../api/kinds/index.ts';
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import { hubUser, type Operation } from '../../api/meta/operation.ts';
import { ApiError } from '../../api/meta/status.ts';
import { trackUpdate, type WriteContext } from '../../api/patch/apply/apply.ts';
import { FieldSet } from '../../api/patch/apply/field-set.ts';
import { configurationOf, runApply } from '../../hub/apiserver/apply.ts';
import { decodeAs } from '../../hub/apiserver/input.ts';
import type { ApplyCase, Refusal, Step } from './apply-cases.ts';

export type Outcome = { object: KubeObject } | { error: Refusal };

/** Runs a step on the object that is there, undefined for none; neither argument is changed. */
export function runStep(live: KubeObject | undefined, step: Step, example: ApplyCase): Outcome {
  const kind = findKind(example.apiVersion, example.kind);
  if (kind === undefined) throw new Error(`${example.apiVersion} ${example.kind} is not served`);
  const settle = (value: unknown): KubeObject => decoded(value, kind, example.defaults === true);
  try {
    const object = step.op === 'apply' ? applied(live, step, kind, settle) : updated(live, step, kind, settle);
    return { object };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { error: refusalOf(error) };
  }
}

function decoded(value: unknown, kind: Kind, isDefaulted: boolean): KubeObject {
  const expected = { apiVersion: apiVersionOf(kind), kind: kind.kind, typeId: kind.typeId };
  const object = structuredClone(decodeAs(value, expected, undefined).value) as KubeObject;
  object.metadata ??= { name: '' };
  if (isDefaulted) kind.applyDefaults?.(object);
  return object;
}

function contextOf({ op, manager, subresource, resetFields = [], now }: Step, kind: Kind): WriteContext {
  return {
    manager: {
      name: manager,
      operation: op === 'apply' ? 'Apply' : 'Update',
      apiVersion: apiVersionOf(kind),
      subresource,
    },
    typeId: kind.typeId,
    resetFields: FieldSet.of(...resetFields.map((path) => path.map((name) => `f:${name}`))),
    time: now,
    isServed: (apiVersion) => findKind(apiVersion, kind.kind) !== undefined,
  };
}

function withManaged(object: KubeObject, managedFields: JsonObject[] | undefined): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(managedFields === undefined ? {} : { managedFields }) } };
}

function updated(
  live: KubeObject | undefined,
  step: Step,
  kind: Kind,
  settle: (value: unknown) => KubeObject,
): KubeObject {
  const asked = (step.object.metadata as JsonObject | undefined)?.managedFields ?? undefined;
  const next = withManaged(settle(step.object), undefined);
  return withManaged(next, trackUpdate(live, next, asked, contextOf(step, kind)));
}

function applied(
  live: KubeObject | undefined,
  step: Step,
  kind: Kind,
  settle: (value: unknown) => KubeObject,
): KubeObject {
  const { namespace, name } = (step.object.metadata ?? {}) as { namespace?: string; name?: string };
  const operation: Operation = {
    verb: 'patch',
    resource: { group: kind.group, version: kind.version, resource: kind.plural },
    namespace,
    name: name ?? live?.metadata.name,
    user: hubUser,
    query: { force: String(step.force === true) },
    body: step.object,
  };
  const configuration = configurationOf(operation, kind);
  const { object, managedFields } = runApply(operation, live, configuration, contextOf(step, kind));
  return withManaged(settle(object), managedFields);
}

function refusalOf({ code, reason, message, details }: ApiError): Refusal {
  const causes = details?.causes?.map(({ message: text, field }) => ({ message: text ?? '', field: field ?? '' }));
  return { code, reason, message, ...(causes === undefined ? {} : { causes }) };
}
