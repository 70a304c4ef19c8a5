// What resizing a pod that runs may change of it: the CPU and memory of its
// containers and sidecars, and nothing else.
// https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
import type { Container, Pod } from '../meta/kubernetes.ts';
import { jsonEqual } from '../meta/object.ts';
import { type FieldError, forbiddenField, invalidValue, notSupported, required } from '../meta/status.ts';
import { qosClassOf } from './pod-qos.ts';

type Amounts = Record<string, string>;
type Resources = { requests?: Amounts; limits?: Amounts };
type ResizePolicy = { resourceName?: string; restartPolicy?: string };

const resizableResources = ['cpu', 'memory'];
const fields = ['containers', 'initContainers'] as const;

/** Whether a container runs beside the others and not before them. */
function isResizable(field: (typeof fields)[number], container: Container): boolean {
  return field === 'containers' || container.restartPolicy === 'Always';
}

/**
 * Takes back, in place, all that a resize does not look at: metadata, status, and of the containers everything but
 * names, resources and resize policies. Containers that were added or removed stay, for the errors.
 */
export function keepResized(next: Pod, old: Pod): void {
  const { resourceVersion, uid, managedFields } = next.metadata;
  next.metadata = { ...old.metadata };
  // What the client said of the version it has seen, and of who owns what, is still to be judged.
  for (const [name, value] of Object.entries({ resourceVersion, uid, managedFields })) {
    if (value === undefined) delete (next.metadata as Record<string, unknown>)[name];
    else Object.assign(next.metadata, { [name]: value });
  }
  const spec = { ...old.spec } as NonNullable<Pod['spec']>;
  for (const field of fields) {
    const list = next.spec?.[field];
    const known = old.spec?.[field];
    if (list === undefined) {
      delete (spec as Partial<typeof spec>)[field];
      continue;
    }
    spec[field] = list.map((container, index) => resized(container, known?.[index]));
  }
  next.spec = spec;
}

function resized(container: Container, known: Container | undefined): Container {
  if (known === undefined) return container;
  const { resources: _resources, resizePolicy: _policy, ...kept } = known;
  const { name, resources, resizePolicy } = container;
  return {
    ...kept,
    name,
    ...(resources === undefined ? {} : { resources }),
    ...(resizePolicy === undefined ? {} : { resizePolicy }),
  };
}

/** What is wrong with a resize, after `keepResized`. */
export function resizeErrors(next: Pod, old: Pod): FieldError[] {
  const moved = fields.flatMap((field) => orderErrors(field, next.spec?.[field] ?? [], old.spec?.[field] ?? []));
  if (moved.length > 0) return moved;
  if (!canBeResized(old)) return [forbiddenField('spec', 'Pod running on node without support for resize')];
  const errors = fields.flatMap((field) => resourceErrors(field, next.spec?.[field] ?? [], old.spec?.[field] ?? []));
  const unresizable = fields.some((field) =>
    (next.spec?.[field] ?? []).some((container, index) => {
      const known = old.spec?.[field]?.[index];
      return known !== undefined && !jsonEqual(unresized(container), unresized(known));
    }),
  );
  if (unresizable) errors.push(forbiddenField('spec', 'only cpu and memory resources are mutable'));
  const before = old.status?.qosClass ?? qosClassOf(old);
  if (qosClassOf(next) !== before)
    errors.push(invalidValue('spec', before, 'Pod QOS Class may not change as a result of resizing'));
  return errors;
}

/** An agent that resizes tells the resources of containers that run; of a pod that does not run yet nobody can say. */
function canBeResized({ status }: Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function orderErrors(field: string, next: readonly Container[], old: readonly Container[]): FieldError[] {
  if (next.length !== old.length)
    return [forbiddenField(`spec.${field}`, `${field} may not be added or removed on resize`)];
  return next.flatMap(({ name }, index) =>
    name === old[index]?.name
      ? []
      : [forbiddenField(`spec.${field}[${index}].name`, `${field} may not be renamed or reordered on resize`)],
  );
}

function resourceErrors(
  field: (typeof fields)[number],
  next: readonly Container[],
  old: readonly Container[],
): FieldError[] {
  return next.flatMap((container, index) => {
    const at = `spec.${field}[${index}].resources`;
    const [wanted, known] = [container.resources as Resources, old[index]?.resources as Resources];
    if (!isResizable(field, container))
      return jsonEqual(wanted ?? {}, known ?? {})
        ? []
        : [forbiddenField(at, 'resources for non-sidecar init containers are immutable')];
    return (['requests', 'limits'] as const).flatMap((list) =>
      Object.keys(known?.[list] ?? {}).every((name) => wanted?.[list]?.[name] !== undefined)
        ? []
        : [forbiddenField(`${at}.${list}`, `resource ${list} cannot be removed`)],
    );
  });
}

/** A container without what a resize may change. */
function unresized({ resources, ...container }: Container): object {
  const { requests, limits, ...others } = (resources ?? {}) as Resources;
  const rest = (amounts: Amounts = {}): Amounts =>
    Object.fromEntries(Object.entries(amounts).filter(([name]) => !resizableResources.includes(name)));
  return { ...container, resources: { ...others, requests: rest(requests), limits: rest(limits) } };
}

const restartPolicies = ['NotRequired', 'RestartContainer'];

/** What is wrong with a container's `resizePolicy`. */
export function resizePolicyErrors(container: Container, podRestartPolicy: string, path: string): FieldError[] {
  const at = `${path}.resizePolicy`;
  const named = new Set<string>();
  return ((container.resizePolicy ?? []) as ResizePolicy[]).flatMap(({ resourceName = '', restartPolicy = '' }) => {
    const errors: FieldError[] = [];
    if (named.has(resourceName))
      errors.push({
        reason: 'FieldValueDuplicate',
        field: at,
        message: `Duplicate value: ${JSON.stringify(resourceName)}`,
      });
    named.add(resourceName);
    if (resourceName === '') errors.push(required(at));
    else if (!resizableResources.includes(resourceName))
      errors.push(notSupported(at, resourceName, resizableResources));
    if (restartPolicy === '') errors.push(required(at));
    else if (!restartPolicies.includes(restartPolicy)) errors.push(notSupported(at, restartPolicy, restartPolicies));
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired')
      errors.push(invalidValue(at, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    return errors;
  });
}
