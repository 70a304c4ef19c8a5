// Subresources that are more than a part of their object: binding, scale,
// finalize. (status and approval go through update and patch.)
import { apiVersionOf } from '../../api/kinds/kind.ts';
import { setCondition } from '../../api/meta/conditions.ts';
import type { Condition, Deployment, Pod } from '../../api/meta/kubernetes.ts';
import { formatSelector } from '../../api/meta/labels.ts';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { badRequest, conflict, invalid, invalidValue, required, type Status } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { decodeAs } from './input.ts';
import { type ApiParts, getEntry, kindOf, nameOf, resourceNameOf } from './parts.ts';
import { applyPatchTo } from './patch.ts';
import { decodeStored } from './stored-object.ts';
import { replace } from './update.ts';

/** POST pods/NAME/binding: gives a pod its node, once. */
export async function bind(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const { value } = decodeAs(
    operation.body,
    { apiVersion: 'v1', kind: 'Binding', typeId: 'core.v1.Binding' },
    operation.query.fieldValidation,
  );
  const nodeName = (value.target as { name?: string } | undefined)?.name;
  if (!nodeName) throw invalid('Binding', '', nameOf(operation), [required('target.name')]);
  const now = formatTime(parts.clock.nowMs());
  await replace(parts, { ...operation, subresource: 'binding' }, kind, (old) => {
    const pod = old as Pod;
    if (pod.spec?.nodeName) {
      throw conflict(
        resourceNameOf(kind),
        pod.metadata.name,
        `pod ${pod.metadata.name} is already assigned to node "${pod.spec.nodeName}"`,
      );
    }
    if (pod.metadata.deletionTimestamp !== undefined)
      throw conflict(
        resourceNameOf(kind),
        pod.metadata.name,
        `pod ${pod.metadata.name} is being deleted, cannot be assigned to a host`,
      );
    return { ...old, spec: { ...(old.spec as object), nodeName } };
  });
  await replace(parts, { ...operation, subresource: 'status' }, kind, (old) => {
    const status = (old.status ?? {}) as JsonObject & { conditions?: Condition[] };
    return {
      ...old,
      status: { ...status, conditions: setCondition(status.conditions, { type: 'PodScheduled', status: 'True' }, now) },
    };
  });
  const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { code: 201, body: success };
}

/** PUT namespaces/NAME/finalize: the finalizers of a namespace's spec. */
export async function finalizeNamespace(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const { value } = decodeAs(
    operation.body,
    { apiVersion: 'v1', kind: 'Namespace', typeId: kind.typeId },
    operation.query.fieldValidation,
  );
  return replace(parts, operation, kind, (old) => ({ ...old, spec: value.spec ?? {} }));
}

function toScale(object: KubeObject): KubeObject {
  const { metadata, spec, status } = object as Deployment;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as KubeObject['metadata'],
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: formatSelector(spec?.selector) },
  };
}

/** GET, PUT and PATCH of NAME/scale. */
export async function scale(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  if (operation.verb === 'get') {
    return {
      code: 200,
      body: toScale(decodeStored(kind, await getEntry(parts, kind, operation.namespace, nameOf(operation)))),
    };
  }
  const expected = { apiVersion: 'autoscaling/v1', kind: 'Scale', typeId: 'autoscaling.v1.Scale' };
  const reply = await replace(parts, { ...operation, subresource: undefined }, kind, (old) => {
    const body = operation.verb === 'patch' ? applyPatchTo(toScale(old), operation, expected.typeId) : operation.body;
    const { value } = decodeAs(body, expected, operation.query.fieldValidation);
    const replicas = (value.spec as { replicas?: number } | undefined)?.replicas ?? 0;
    if (replicas < 0)
      throw invalid('Scale', 'autoscaling', old.metadata.name, [
        invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
      ]);
    const resourceVersion =
      operation.verb === 'update'
        ? (value.metadata as { resourceVersion?: string } | undefined)?.resourceVersion
        : undefined;
    const next: KubeObject = { ...old, apiVersion: apiVersionOf(kind), spec: { ...(old.spec as object), replicas } };
    next.metadata = { ...old.metadata };
    delete next.metadata.resourceVersion;
    if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion;
    return next;
  });
  const object = typeof reply.body === 'string' ? (JSON.parse(reply.body) as KubeObject) : (reply.body as KubeObject);
  return { code: 200, body: toScale(object) };
}

/** Options and target of GET pods/NAME/log. @throws ApiError BadRequest in kubectl users' words */
export function containerOfLog(pod: Pod, asked: string | undefined): string {
  const names = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(
    (container) => container.name,
  );
  if (asked !== undefined && asked !== '') {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  const [only, ...others] = pod.spec?.containers ?? [];
  if (only !== undefined && others.length === 0) return only.name;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(' ')}]`,
  );
}
