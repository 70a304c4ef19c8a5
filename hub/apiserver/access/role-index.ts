// Roles and bindings as the authorizer needs them: kept in memory, following
// the store, so that a decision reads nothing.
import type { Kind } from '../../../api/kinds/kind.ts';
import {
  clusterRoleBindingKind,
  clusterRoleKind,
  type PolicyRule,
  type RoleReference,
  roleBindingKind,
  roleKind,
  type Subject,
} from '../../../api/kinds/rbac.ts';
import type { KubeObject } from '../../../api/meta/object.ts';
import type { User } from '../../../api/meta/operation.ts';
import type { Store } from '../../store/store.ts';
import { decodeStored, resourcePrefix } from '../stored-object.ts';
import { subjectMatches } from './rules.ts';

/** A rule that a user has, and how it got it. */
export type GrantedRule = { rule: PolicyRule; reason: () => string };

type Binding = { object: KubeObject; subjects: Subject[]; role: RoleReference; namespace: string | undefined };

export class RoleIndex {
  #store: Store;
  #roles = new Map<string, PolicyRule[]>();
  #bindings = new Map<string, Binding>();
  /** The bindings of a user name or group, so that a decision looks only at those that may matter. */
  #bySubject: Map<string, Binding[]> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reads what there is, and follows it until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    for (const kind of [clusterRoleKind, roleKind, clusterRoleBindingKind, roleBindingKind]) {
      const prefix = resourcePrefix(kind);
      const { entries, revision } = await this.#store.list({ prefix });
      for (const entry of entries) this.#put(kind, entry.key, decodeStored(kind, entry));
      this.#store.watch({ prefix, after: revision, signal }, (events) => {
        for (const event of events) {
          if (event.type === 'put') this.#put(kind, event.entry.key, decodeStored(kind, event.entry));
          else this.#drop(event.key);
        }
      });
    }
  }

  #put(kind: Kind, key: string, object: KubeObject): void {
    if (kind === roleKind || kind === clusterRoleKind) {
      this.#roles.set(key, (object.rules as PolicyRule[] | null | undefined) ?? []);
      return;
    }
    const { namespace } = object.metadata;
    const subjects = (object.subjects as Subject[] | undefined) ?? [];
    this.#bindings.set(key, { object, subjects, role: object.roleRef as RoleReference, namespace });
    this.#bySubject = undefined;
  }

  #drop(key: string): void {
    this.#roles.delete(key);
    if (this.#bindings.delete(key)) this.#bySubject = undefined;
  }

  #index(): Map<string, Binding[]> {
    if (this.#bySubject !== undefined) return this.#bySubject;
    const index = new Map<string, Binding[]>();
    for (const binding of this.#bindings.values()) {
      for (const subject of binding.subjects) {
        const name =
          subject.kind === 'ServiceAccount'
            ? `system:serviceaccount:${subject.namespace || binding.namespace}:${subject.name}`
            : subject.name;
        const known = index.get(name) ?? [];
        if (!known.includes(binding)) known.push(binding);
        index.set(name, known);
      }
    }
    this.#bySubject = index;
    return index;
  }

  /** Whether there is such a role. */
  hasRole(role: RoleReference, namespace: string | undefined): boolean {
    return this.#roles.has(roleKey(role, namespace));
  }

  /** The rules of a role; none when it does not exist. */
  rulesOfRole(role: RoleReference, namespace: string | undefined): PolicyRule[] {
    return this.#roles.get(roleKey(role, namespace)) ?? [];
  }

  /** What a user may do in a namespace, or cluster-wide when there is none. */
  *rulesOf(user: User, namespace: string | undefined): Generator<GrantedRule> {
    const index = this.#index();
    for (const subjectName of [user.name, ...user.groups]) {
      for (const binding of index.get(subjectName) ?? []) {
        if (binding.namespace !== undefined && binding.namespace !== namespace) continue;
        const subject = binding.subjects.find((candidate) => subjectMatches(candidate, user, binding.namespace));
        if (subject === undefined) continue;
        for (const rule of this.rulesOfRole(binding.role, binding.namespace))
          yield { rule, reason: () => reasonOf(binding, subject) };
      }
    }
  }
}

function roleKey(role: RoleReference, namespace: string | undefined): string {
  return role.kind === 'Role'
    ? `${resourcePrefix(roleKind)}${namespace}/${role.name}`
    : `${resourcePrefix(clusterRoleKind)}${role.name}`;
}

function reasonOf({ object, role, namespace }: Binding, subject: Subject): string {
  const binding =
    namespace === undefined
      ? `ClusterRoleBinding "${object.metadata.name}"`
      : `RoleBinding "${object.metadata.name}/${namespace}"`;
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `RBAC: allowed by ${binding} of ${role.kind} "${role.name}" to ${subject.kind} "${who}"`;
}
