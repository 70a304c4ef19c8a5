// NAME/ephemeralcontainers of pods: containers for debugging are added to what
// runs already, and neither changed nor taken away.
// https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
import { podKind } from '../../api/kinds/pod.ts';
import { defaultEphemeralContainers } from '../../api/kinds/pod-defaults.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../api/meta/object.ts';
import type { Operation, Reply } from '../../api/meta/operation.ts';
import { type FieldError, forbiddenField, invalid } from '../../api/meta/status.ts';
import { decodeInput } from './input.ts';
import type { ApiParts } from './parts.ts';
import { applyPatchTo, requirePatchType } from './patch.ts';
import { get } from './read.ts';
import { replace } from './update.ts';

/** GET, PUT and PATCH. @throws ApiError Invalid */
export async function ephemeralContainers(parts: ApiParts, operation: Operation): Promise<Reply> {
  if (operation.verb === 'get') return get(parts, operation);
  const isPatch = operation.verb === 'patch';
  if (isPatch) requirePatchType(operation);
  return replace(parts, operation, podKind, (old) => {
    const body = isPatch ? applyPatchTo(old, operation, podKind.typeId) : operation.body;
    const asked = decodeInput(operation, podKind, body).object as Pod;
    const wanted = asked.spec?.ephemeralContainers ?? [];
    defaultEphemeralContainers(wanted);
    const errors = removalErrors(old as Pod, wanted);
    if (errors.length > 0) throw invalid('Pod', '', old.metadata.name, errors);
    const { resourceVersion: _resourceVersion, ...metadata } = old.metadata;
    const kept = isPatch ? metadata : { ...metadata, ...versionOf(asked) };
    return { object: { ...old, metadata: kept, spec: { ...(old.spec as object), ephemeralContainers: wanted } } };
  });
}

function versionOf({ metadata: { resourceVersion } }: Pod): { resourceVersion?: string } {
  return resourceVersion ? { resourceVersion } : {};
}

type Ephemeral = NonNullable<NonNullable<Pod['spec']>['ephemeralContainers']>;

/** What is there stays as it is. (What comes is checked with the pod.) */
function removalErrors({ spec }: Pod, wanted: Ephemeral): FieldError[] {
  const errors: FieldError[] = [];
  const known = spec?.ephemeralContainers ?? [];
  for (const [index, container] of known.entries()) {
    const same = wanted.find(({ name }) => name === container.name);
    if (same === undefined)
      errors.push(
        forbiddenField(
          'spec.ephemeralContainers',
          `existing ephemeral containers ${JSON.stringify(container.name)} may not be removed`,
        ),
      );
    else if (!jsonEqual(same, container))
      errors.push(
        forbiddenField(`spec.ephemeralContainers[${index}]`, 'existing ephemeral containers may not be changed'),
      );
  }
  return errors;
}
