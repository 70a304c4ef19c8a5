// A container's environment: values, references to ConfigMaps, Secrets and the
// pod's own fields, and $(VARIABLE) in values, command and arguments.
// https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import { cpuMillis, quantityBytes } from '../../api/meta/quantity.ts';

/** Something that the environment refers to is missing; the container waits and the message is shown. */
export class EnvironmentError extends Error {}

export type EnvironmentSources = {
  /** Data of a ConfigMap or Secret by slice key, or undefined when there is none. */
  data: (key: string) => ReadonlyMap<string, Buffer> | undefined;
  podAddress: string;
  hostAddress: string;
};

type Variable = NonNullable<Container['env']>[number];

/** Variables by name, in the order in which they are set. @throws EnvironmentError */
export function buildEnvironment(pod: Pod, container: Container, sources: EnvironmentSources): Map<string, string> {
  const environment = new Map<string, string>();
  const { namespace } = pod.metadata;
  for (const source of container.envFrom ?? []) {
    const [kind, reference] =
      source.configMapRef === undefined
        ? (['secrets', source.secretRef] as const)
        : (['configmaps', source.configMapRef] as const);
    const data = sources.data(`${kind}/${namespace}/${reference?.name ?? ''}`);
    if (data === undefined && reference?.optional !== true) throw missing(kind, reference?.name);
    for (const [key, value] of data ?? []) environment.set(`${source.prefix ?? ''}${key}`, value.toString());
  }
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? '', environment)
        : resolve(pod, container, variable, sources);
    if (value !== undefined) environment.set(variable.name, value);
  }
  return environment;
}

/** Replaces $(NAME) by known variables; unknown ones stay as they are, `$$` is a plain dollar. */
export function expand(text: string, environment: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) =>
    name === undefined ? '$' : (environment.get(name) ?? match),
  );
}

function missing(kind: string, name: string | undefined): EnvironmentError {
  return new EnvironmentError(`${kind === 'secrets' ? 'secret' : 'configmap'} ${JSON.stringify(name ?? '')} not found`);
}

function resolve(pod: Pod, container: Container, variable: Variable, sources: EnvironmentSources): string | undefined {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldOf(pod, fieldRef.fieldPath, sources);
  if (resourceFieldRef !== undefined)
    return resourceOf(container, resourceFieldRef.resource, resourceFieldRef.divisor as string | undefined);
  const [kind, reference] =
    configMapKeyRef === undefined ? (['secrets', secretKeyRef] as const) : (['configmaps', configMapKeyRef] as const);
  const data = sources.data(`${kind}/${pod.metadata.namespace}/${reference?.name ?? ''}`);
  const value = data?.get(reference?.key ?? '');
  if (value !== undefined) return value.toString();
  if (reference?.optional === true) return undefined;
  if (data === undefined) throw missing(kind, reference?.name);
  throw new EnvironmentError(
    `couldn't find key ${reference?.key} in ${kind === 'secrets' ? 'Secret' : 'ConfigMap'} ${pod.metadata.namespace}/${reference?.name}`,
  );
}

/** https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields */
function fieldOf(pod: Pod, path: string, { podAddress, hostAddress }: EnvironmentSources): string {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (subscript !== null) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] ?? ''] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec?.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName,
    'status.hostIP': hostAddress,
    'status.hostIPs': hostAddress,
    'status.podIP': podAddress,
    'status.podIPs': podAddress,
  };
  if (!Object.hasOwn(fields, path)) throw new EnvironmentError(`unsupported fieldPath: ${path}`);
  return fields[path] ?? '';
}

function resourceOf(container: Container, resource: string, divisor: string | undefined): string {
  const [list, name = ''] = resource.split('.');
  const amount = container.resources?.[list === 'limits' ? 'limits' : 'requests']?.[name];
  if (name === 'cpu') return String(Math.ceil(cpuMillis(amount) / (cpuMillis(divisor) || 1000)));
  return String(Math.ceil(quantityBytes(amount) / (quantityBytes(divisor) || 1)));
}
