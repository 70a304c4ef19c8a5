// Admission: what a request must meet beside being well-formed and authorised.
// NamespaceLifecycle and NodeRestriction, after Kubernetes' plug-ins of these names.
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
import { namespaceKind } from '../../api/kinds/core.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Operation, User } from '../../api/meta/operation.ts';
import { ApiError, forbidden, notFound } from '../../api/meta/status.ts';
import { checkEscalation } from './access/escalation.ts';
import { type ApiParts, resourceNameOf } from './parts.ts';
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
  checkEscalation(parts.roles, operation, kind, object);
  if (kind.kind === 'CertificateSigningRequest') {
    // Who asks is what the server knows, not what the client writes.
    object.spec = { ...(object.spec as object), username: operation.user.name, groups: [...operation.user.groups] };
  }
}

/** @throws ApiError Forbidden */
export function admitDelete(operation: Operation, kind: Kind, object: KubeObject): void {
  if (kind.kind === 'Namespace' && protectedNamespaces.includes(object.metadata.name)) {
    throw forbidden(resourceNameOf(kind), object.metadata.name, 'this namespace may not be deleted');
  }
  restrictNode(operation.user, kind, object);
}

/** @throws ApiError Forbidden */
export function admitUpdate(
  parts: ApiParts,
  operation: Operation,
  kind: Kind,
  object: KubeObject,
  old: KubeObject,
): void {
  restrictNode(operation.user, kind, old);
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
