// Containers of all three sorts: what they share, and what only one sort may have.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
import type { Container, PodSpec } from '../../meta/kubernetes.ts';
import { dnsLabelError } from '../../meta/names.ts';
import { parseQuantity } from '../../meta/quantity.ts';
import { duplicate, type FieldError, forbiddenField, invalidValue, notSupported, required } from '../../meta/status.ts';
import { resizePolicyErrors } from '../pod-resize.ts';
import { environmentErrors } from './environment.ts';
import { containerProbeErrors, lifecycleErrors } from './handlers.ts';
import { containerPortErrors } from './ports.ts';
import { containerSecurityErrors } from './security.ts';
import { volumeMountErrors } from './volumes.ts';

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const restartPolicies = ['Always', 'Never', 'OnFailure'];
/** Most containers of each sort in a pod. */
const maxContainers = 256;
const standardResources = ['cpu', 'ephemeral-storage', 'memory'];

type Ephemeral = NonNullable<PodSpec['ephemeralContainers']>[number];
/** What the containers of a pod are checked against. `names`: of those checked before. */
type Surroundings = {
  names: Set<string>;
  volumes: ReadonlySet<string>;
  graceSeconds: number;
  podRestartPolicy: string;
};

function identityErrors({ name, image, imagePullPolicy }: Container, path: string, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  const problem = name ? dnsLabelError(name) : undefined;
  if (!name) errors.push(required(`${path}.name`));
  else if (problem !== undefined) errors.push(invalidValue(`${path}.name`, name, problem));
  if (name && names.has(name)) errors.push(duplicate(`${path}.name`, name));
  names.add(name);
  if (!image) errors.push(required(`${path}.image`));
  else if (image !== image.trim())
    errors.push(invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  if (!pullPolicies.includes(imagePullPolicy ?? ''))
    errors.push(notSupported(`${path}.imagePullPolicy`, imagePullPolicy, pullPolicies));
  return errors;
}

/** https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ */
function resourceErrors({ resources = {} }: Container, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = resources;
  for (const [field, list] of Object.entries({ limits, requests })) {
    for (const [name, quantity] of Object.entries(list)) {
      const at = `${path}.resources.${field}`;
      if (!name.includes('/') && !standardResources.includes(name) && !name.startsWith('hugepages-'))
        errors.push(invalidValue(at, name, 'must be a standard resource type or fully qualified'));
      if ((parseQuantity(quantity) ?? 0) < 0)
        errors.push(invalidValue(`${at}[${name}]`, quantity, 'must be greater than or equal to 0'));
    }
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const limit = parseQuantity(limits[name]);
    if (limit === undefined || (parseQuantity(quantity) ?? 0) <= limit) continue;
    const rule = `must be less than or equal to ${name} limit of ${limits[name]}`;
    errors.push(invalidValue(`${path}.resources.requests`, quantity, rule));
  }
  return errors;
}

/** What containers of every sort must be. */
function commonErrors(
  container: Container,
  path: string,
  { names, volumes, graceSeconds, podRestartPolicy }: Surroundings,
): FieldError[] {
  const errors = identityErrors(container, path, names);
  if (container.restartPolicy !== undefined && !restartPolicies.includes(container.restartPolicy))
    errors.push(notSupported(`${path}.restartPolicy`, container.restartPolicy, restartPolicies));
  return [
    ...errors,
    ...containerPortErrors(container, path),
    ...environmentErrors(container, path),
    ...volumeMountErrors(container, path, volumes),
    ...containerProbeErrors(container, path, graceSeconds),
    ...lifecycleErrors(container, path, graceSeconds),
    ...resourceErrors(container, path),
    ...resizePolicyErrors(container, podRestartPolicy, path),
    ...containerSecurityErrors(container, path),
  ];
}

const lifelong = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

/** Of what ends before the pod begins nobody asks whether it lives; sidecars do not end. */
function initErrors(container: Container, path: string, around: Surroundings): FieldError[] {
  if (container.restartPolicy === 'Always') return commonErrors(container, path, around);
  const given = lifelong.filter((field) => container[field] !== undefined);
  const plain = Object.fromEntries(Object.entries(container).filter(([field]) => !given.includes(field as never)));
  return [
    ...commonErrors(plain as unknown as Container, path, around),
    ...given.map((field) =>
      forbiddenField(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
    ),
  ];
}

/** https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/ */
function ephemeralErrors(container: Ephemeral, path: string, around: Surroundings, targets: string[]): FieldError[] {
  const {
    name,
    image,
    imagePullPolicy,
    env,
    envFrom,
    volumeMounts = [],
    securityContext,
    targetContainerName,
  } = container;
  const allowed = { name, image, imagePullPolicy, env, envFrom, volumeMounts, securityContext } as Container;
  const errors = commonErrors(allowed, path, around);
  const refuse = (field: string): number =>
    errors.push(forbiddenField(`${path}.${field}`, 'cannot be set for an Ephemeral Container'));
  for (const field of ['ports', ...lifelong] as const) if (container[field] !== undefined) refuse(field);
  if (Object.keys(container.resources ?? {}).length > 0) refuse('resources');
  volumeMounts.forEach(({ subPath, subPathExpr }, index) => {
    if (subPath) refuse(`volumeMounts[${index}].subPath`);
    if (subPathExpr) refuse(`volumeMounts[${index}].subPathExpr`);
  });
  if (targetContainerName && !targets.includes(targetContainerName))
    errors.push({
      reason: 'FieldValueNotFound',
      field: `${path}.targetContainerName`,
      message: `Not found: ${JSON.stringify(targetContainerName)}`,
    });
  return errors;
}

/** All containers of a pod. Their names are different ones, whatever their sort. */
export function containerErrors(spec: PodSpec, path: string): FieldError[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const around: Surroundings = {
    names: new Set(),
    volumes: new Set((spec.volumes ?? []).map(({ name }) => name)),
    graceSeconds: spec.terminationGracePeriodSeconds ?? 0,
    podRestartPolicy: spec.restartPolicy ?? 'Always',
  };
  const errors = containers.length === 0 ? [required(`${path}.containers`)] : [];
  for (const [field, list] of Object.entries({ initContainers, containers }))
    if (list.length > maxContainers)
      errors.push(invalidValue(`${path}.${field}`, list.length, `must have at most ${maxContainers} items`));
  const targets = containers.map(({ name }) => name);
  return [
    ...errors,
    ...initContainers.flatMap((one, index) => initErrors(one, `${path}.initContainers[${index}]`, around)),
    ...containers.flatMap((one, index) => commonErrors(one, `${path}.containers[${index}]`, around)),
    ...ephemeralContainers.flatMap((one, index) =>
      ephemeralErrors(one, `${path}.ephemeralContainers[${index}]`, around, targets),
    ),
  ];
}
