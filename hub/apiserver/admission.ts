// Admission: what a request must meet beside being well-formed and authorised.
// NamespaceLifecycle, NodeRestriction, Priority and RuntimeClass, after Kubernetes' plug-ins of these names.
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
import { namespaceKind } from '../../api/kinds/core.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import { priorityClassKind, runtimeClassKind } from '../../api/kinds/scheduling.ts';
import { nodeMaySetLabel } from '../../api/meta/device.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import { jsonEqual, type KubeObject } from '../../api/meta/object.ts';
import type { Operation, User } from '../../api/meta/operation.ts';
import { ApiError, forbidden, notFound } from '../../api/meta/status.ts';
import { checkEscalation } from './access/escalation.ts';
import { type ApiParts, resourceNameOf } from './parts.ts';
import { admitPriority, admitPriorityClass, admitPriorityClassDelete } from './priority.ts';
import { decodeStored, objectStoreKey } from './stored-object.ts';

const protectedNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** @throws ApiError NotFound, Forbidden */
export async function admitCreate(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  object: KubeObject,
): Promise<void> {
  if (kind.namespaced) await requireActiveNamespace(parts, kind, object);
  restrictNode(operation.user, kind, object);
  restrictLabels(operation.user, kind, object);
  checkEscalation(parts.roles, operation, kind, object);
  if (kind === priorityClassKind) await admitPriorityClass(parts, object);
  if (kind.kind === 'Pod') {
    await admitPriority(parts, object as Pod);
    await admitRuntimeClass(parts, object as Pod);
  }
  if (kind.kind === 'CertificateSigningRequest') {
    // Who asks is what the server knows, not what the client writes.
    object.spec = { ...(object.spec as object), username: operation.user.name, groups: [...operation.user.groups] };
  }
}

type RuntimeClass = KubeObject & {
  overhead?: { podFixed?: Record<string, string> };
  scheduling?: { nodeSelector?: Record<string, string>; tolerations?: NonNullable<Pod['spec']>['tolerations'] };
};

/**
 * A pod's RuntimeClass must be there, and adds to the pod what it takes beside its containers and where it may run.
 * https://kubernetes.io/docs/concepts/containers/runtime-class/
 */
async function admitRuntimeClass(parts: ApiParts, { metadata, spec }: Pod): Promise<void> {
  const refuse = (why: string): ApiError => forbidden({ resource: 'pods', group: '' }, metadata.name, why);
  const name = spec?.runtimeClassName;
  if (spec === undefined || !name) {
    if (Object.keys(spec?.overhead ?? {}).length === 0) return;
    throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  }
  const entry = await parts.store.get(objectStoreKey(runtimeClassKind, undefined, name));
  if (entry === undefined) throw refuse(`pod rejected: RuntimeClass "${name}" not found`);
  const { overhead, scheduling } = decodeStored(runtimeClassKind, entry) as RuntimeClass;
  if (spec.overhead !== undefined && !jsonEqual(spec.overhead, overhead?.podFixed ?? {}))
    throw refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  if (overhead?.podFixed !== undefined) spec.overhead = overhead.podFixed;
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    if ((spec.nodeSelector?.[key] ?? value) !== value)
      throw refuse(
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod has ${spec.nodeSelector?.[key]}`,
      );
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  const missing = scheduling?.tolerations?.filter((one) => !spec.tolerations?.some((other) => jsonEqual(one, other)));
  if (missing !== undefined && missing.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...missing];
}

/** @throws ApiError Forbidden */
export function admitDelete(operation: Operation, kind: Kind, object: KubeObject): void {
  if (kind.kind === 'Namespace' && protectedNamespaces.includes(object.metadata.name)) {
    throw forbidden(resourceNameOf(kind), object.metadata.name, 'this namespace may not be deleted');
  }
  if (kind === priorityClassKind) admitPriorityClassDelete(object);
  restrictNode(operation.user, kind, object);
}

/** @throws ApiError Forbidden */
export async function admitUpdate(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  object: KubeObject,
  old: KubeObject,
): Promise<void> {
  if (kind === priorityClassKind) await admitPriorityClass(parts, object);
  restrictNode(operation.user, kind, old);
  restrictLabels(operation.user, kind, object, old);
  checkEscalation(parts.roles, operation, kind, object, old);
}

async function requireActiveNamespace(parts: ApiParts, kind: Kind, object: KubeObject): Promise<void> {
  const name = object.metadata.namespace ?? '';
  const entry = await parts.store.get(objectStoreKey(namespaceKind, undefined, name));
  if (entry === undefined) throw notFound(resourceNameOf(namespaceKind), name);
  const namespace = decodeStored(namespaceKind, entry);
  if (namespace.metadata.deletionTimestamp === undefined) return;
  throw new ApiError(
    'Forbidden',
    `${kind.plural}${kind.group === '' ? '' : `.${kind.group}`} "${object.metadata.name}" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
    {
      details: {
        name: object.metadata.name,
        group: kind.group,
        kind: kind.plural,
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${name} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      },
    },
  );
}

/** The node that a user is the agent of, if it is one. */
export function nodeOfUser(user: User): string | undefined {
  return user.groups.includes('system:nodes') && user.name.startsWith('system:node:')
    ? user.name.slice('system:node:'.length)
    : undefined;
}

/** A node may change itself and the pods bound to it, and nothing of others. */
function restrictNode(user: User, kind: Kind, object: KubeObject): void {
  const node = nodeOfUser(user);
  if (node === undefined) return;
  if (kind.kind === 'Node' && object.metadata.name !== node) {
    throw forbidden(
      resourceNameOf(kind),
      object.metadata.name,
      `node "${node}" is not allowed to modify node "${object.metadata.name}"`,
    );
  }
  if (kind.kind === 'Pod' && (object as Pod).spec?.nodeName !== node) {
    throw forbidden(
      resourceNameOf(kind),
      object.metadata.name,
      `node "${node}" can only change pods with spec.nodeName set to itself`,
    );
  }
}

/**
 * A node may not give itself labels by which others choose whom to trust.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
 */
function restrictLabels(user: User, kind: Kind, { metadata }: KubeObject, old?: KubeObject): void {
  const node = nodeOfUser(user);
  if (node === undefined || kind.kind !== 'Node') return;
  const [labels = {}, before = {}] = [metadata.labels, old?.metadata.labels];
  const changed = Object.keys({ ...labels, ...before }).filter((key) => labels[key] !== before[key]);
  const refused = changed.filter((key) => !nodeMaySetLabel(key)).sort();
  if (refused.length === 0) return;
  const why = `node "${node}" is not allowed to ${old === undefined ? 'set' : 'modify'} the following labels: ${refused.join(', ')}`;
  throw forbidden(resourceNameOf(kind), metadata.name, why);
}
