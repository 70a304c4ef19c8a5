// Keeps the default roles and bindings complete, and gives aggregated roles
// the rules of those that their selectors name.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
import type { ResourceId } from '../../../api/kinds/kind.ts';
import type { ClusterRole } from '../../../api/meta/kubernetes.ts';
import { matchesSelector } from '../../../api/meta/labels.ts';
import { jsonEqual, type KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Client } from '../../client/client.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { defaultClusterRoleBindings, defaultClusterRoles } from './defaults.ts';

const autoUpdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate';

/** Makes what is missing of the default roles and bindings; what people added or switched off stays. */
export async function ensureDefaultRoles(client: Client): Promise<void> {
  for (const role of defaultClusterRoles) await ensure(client, resources.clusterRoles, role, 'rules');
  for (const binding of defaultClusterRoleBindings)
    await ensure(client, resources.clusterRoleBindings, binding, 'subjects');
}

async function ensure(client: Client, resource: ResourceId, wanted: KubeObject, list: string): Promise<void> {
  try {
    const found = await client.get(resource, wanted.metadata);
    if (found.metadata.annotations?.[autoUpdateAnnotation] !== 'true' || found.aggregationRule !== undefined) return;
    const has = (found[list] ?? []) as unknown[];
    const missing = ((wanted[list] ?? []) as unknown[]).filter((item) => !has.some((known) => jsonEqual(known, item)));
    if (missing.length > 0) await client.update(resource, { ...found, [list]: [...has, ...missing] });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
    await client.create(resource, wanted).catch((createError: unknown) => {
      // A full disk must not keep the hub from serving reads.
      if (!hasReason(createError, 'InsufficientStorage') && !hasReason(createError, 'ServiceUnavailable'))
        throw createError;
    });
  }
}

/** The rules of an aggregated role: those of all roles that its selectors name, in order of their names. */
export function aggregatedRules(role: ClusterRole, others: readonly ClusterRole[]): NonNullable<ClusterRole['rules']> {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  const chosen = others
    .filter((other) => other.metadata.name !== role.metadata.name)
    .filter((other) => selectors.some((selector) => matchesSelector(selector, other.metadata.labels)))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules: NonNullable<ClusterRole['rules']> = [];
  for (const rule of chosen.flatMap((other) => other.rules ?? []))
    if (!rules.some((known) => jsonEqual(known, rule))) rules.push(rule);
  return rules;
}

export class ClusterRolesController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('cluster-roles', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.clusterRoles);
  }

  start(signal: AbortSignal): void {
    const informer = this.#parts.informers.for(resources.clusterRoles);
    informer.subscribe(() => {
      for (const role of this.#roles())
        if ((role.aggregationRule?.clusterRoleSelectors ?? []).length > 0) this.#queue.add(role.metadata.name);
    });
    this.#queue.start(signal);
  }

  #roles(): ClusterRole[] {
    return this.#parts.informers.for(resources.clusterRoles).all() as ClusterRole[];
  }

  async #reconcile(name: string): Promise<void> {
    const role = this.#parts.informers.for(resources.clusterRoles).get(name) as ClusterRole | undefined;
    if (role?.aggregationRule === undefined) return;
    const rules = aggregatedRules(role, this.#roles());
    if (jsonEqual(rules, role.rules ?? [])) return;
    try {
      await this.#parts.client.update(resources.clusterRoles, { ...role, rules } as KubeObject);
    } catch (error) {
      if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error;
    }
  }
}
