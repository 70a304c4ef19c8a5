// Admission by priority, after Kubernetes' plug-in Priority: a new pod gets the
// number and the preemption policy of its class, and one class at most is for
// pods that name none.
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
import { defaultPreemptionPolicy, priorityClassKind, systemPriorityClasses } from '../../api/kinds/scheduling.ts';
import type { Pod, PriorityClass } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { type ApiError, forbidden } from '../../api/meta/status.ts';
import { type ApiParts, resourceNameOf } from './parts.ts';
import { decodeStored, listPrefix, objectStoreKey } from './stored-object.ts';

/** Resolves the class of a new pod, in place. @throws ApiError Forbidden */
export async function admitPriority(parts: ApiParts, { metadata, spec }: Pod): Promise<void> {
  if (spec === undefined) return;
  const refuse = (why: string): ApiError => forbidden({ resource: 'pods', group: '' }, metadata.name, why);
  const found = await classOf(parts, spec.priorityClassName);
  if (found === undefined && spec.priorityClassName)
    throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
  const priority = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? defaultPreemptionPolicy;
  const rule = (what: string, computed: string | number): ApiError =>
    refuse(
      `${what} must not be provided in pod spec; priority admission controller computed ${computed} from the given PriorityClass name`,
    );
  if (spec.priority !== undefined && spec.priority !== priority)
    throw rule(`the integer value of priority (${spec.priority})`, priority);
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    throw rule(`the string value of PreemptionPolicy (${spec.preemptionPolicy})`, policy);
  if (found !== undefined) spec.priorityClassName = found.metadata.name;
  spec.priority = priority;
  spec.preemptionPolicy = policy;
}

/** The class of that name; without a name, the one that is for all who name none. */
async function classOf(parts: ApiParts, name: string | undefined): Promise<PriorityClass | undefined> {
  if (!name) return globalDefault(parts);
  const entry = await parts.store.get(objectStoreKey(priorityClassKind, undefined, name));
  return entry === undefined ? undefined : (decodeStored(priorityClassKind, entry) as PriorityClass);
}

/** Should two have become it at the same time, the lower one counts. */
async function globalDefault(parts: ApiParts): Promise<PriorityClass | undefined> {
  const { entries } = await parts.store.list({ prefix: listPrefix(priorityClassKind, undefined) });
  return entries
    .map((entry) => decodeStored(priorityClassKind, entry) as PriorityClass)
    .filter((candidate) => candidate.globalDefault === true)
    .sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

/** A class may be for all who name none only when no other is. @throws ApiError Forbidden */
export async function admitPriorityClass(parts: ApiParts, object: KubeObject): Promise<void> {
  if ((object as PriorityClass).globalDefault !== true) return;
  const known = await globalDefault(parts);
  if (known === undefined || known.metadata.name === object.metadata.name) return;
  const why = `PriorityClass ${known.metadata.name} is already marked as default. Only one default can exist`;
  throw forbidden(resourceNameOf(priorityClassKind), object.metadata.name, why);
}

/** The classes of every cluster stay. @throws ApiError Forbidden */
export function admitPriorityClassDelete({ metadata: { name } }: KubeObject): void {
  if (systemPriorityClasses.some((one) => one.name === name))
    throw forbidden(resourceNameOf(priorityClassKind), name, 'this is a system priority class and cannot be deleted');
}
