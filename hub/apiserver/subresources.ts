// Subresources that are more than a part of their object: binding, finalize.
// (status and approval go through update and patch; scale has its own file.)
import { setCondition } from '../../api/meta/conditions.ts';
import type { Condition, Pod } from '../../api/meta/kubernetes.ts';
import { isJsonObject, type JsonObject } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { badRequest, conflict, invalid, required, type Status } from '../../api/meta/status.ts';
import { formatTime } from '../../api/meta/time.ts';
import { decodeAs } from './input.ts';
import { type ApiParts, kindOf, nameOf, resourceNameOf } from './parts.ts';
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
    return { object: { ...old, spec: { ...(old.spec as object), nodeName } } };
  });
  await replace(parts, { ...operation, subresource: 'status' }, kind, (old) => {
    const status = (old.status ?? {}) as JsonObject & { conditions?: Condition[] };
    const conditions = setCondition(status.conditions, { type: 'PodScheduled', status: 'True' }, now);
    return { object: { ...old, status: { ...status, conditions } } };
  });
  const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { code: 201, body: success };
}

/** POST bindings: the same, with the pod's name in the body. */
export async function bindNamed(parts: ApiParts, operation: Operation): Promise<Reply> {
  const metadata = isJsonObject(operation.body) ? operation.body.metadata : undefined;
  const name = isJsonObject(metadata) && typeof metadata.name === 'string' ? metadata.name : '';
  return bind(parts, { ...operation, resource: { group: '', version: 'v1', resource: 'pods' }, name });
}

/** PUT namespaces/NAME/finalize: the finalizers of a namespace's spec. */
export async function finalizeNamespace(parts: ApiParts, operation: Operation): Promise<Reply> {
  const kind = kindOf(operation);
  const { value } = decodeAs(
    operation.body,
    { apiVersion: 'v1', kind: 'Namespace', typeId: kind.typeId },
    operation.query.fieldValidation,
  );
  return replace(parts, operation, kind, (old) => ({
    object: { ...old, spec: value.spec ?? {} },
  }));
}

/** Options and target of GET pods/NAME/log. @throws ApiError BadRequest in kubectl users' words */
export function containerOfLog(pod: Pod, asked: string | undefined): string {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const names = [...initContainers, ...containers, ...ephemeralContainers].map((container) => container.name);
  if (asked !== undefined && asked !== '') {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  const [only, ...others] = containers;
  if (only !== undefined && others.length === 0) return only.name;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(' ')}]`,
  );
}
