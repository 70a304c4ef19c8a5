// ComponentStatus, kept for old clients: what runs in the hub is well when it answers.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/component-status-v1/
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { notFound } from '../../api/meta/status.ts';
import { type ApiParts, kindOf, resourceNameOf } from './parts.ts';

const components = ['scheduler', 'controller-manager', 'etcd-0'];

const statusOf = (name: string): object => ({
  kind: 'ComponentStatus',
  apiVersion: 'v1',
  metadata: { name, creationTimestamp: null },
  conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }],
});

/** GET of one or all. @throws ApiError NotFound */
export async function readComponentStatus(parts: ApiParts, operation: Operation): Promise<Reply> {
  const { name } = operation;
  if (name === undefined) {
    const metadata = { resourceVersion: String(parts.store.revision()) };
    const items = components.map(statusOf);
    return { code: 200, body: { kind: 'ComponentStatusList', apiVersion: 'v1', metadata, items } };
  }
  if (!components.includes(name)) throw notFound(resourceNameOf(kindOf(operation)), name);
  return { code: 200, body: statusOf(name) };
}
