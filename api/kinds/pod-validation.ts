// Validation of pod specs: what Kubernetes refuses with 422, in its words.
import type { Container, PodSpec } from '../meta/kubernetes.ts';
import { dnsLabelError, dnsSubdomainError } from '../meta/names.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { duplicate, type FieldError, invalidValue, notSupported, required } from '../meta/status.ts';
import { resizePolicyErrors } from './pod-resize.ts';

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const protocols = ['TCP', 'UDP', 'SCTP'];
const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];

/** https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/ */
const sysctlSegment = '[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?';
const sysctlPattern = new RegExp(`^(?:${sysctlSegment}[./])*${sysctlSegment}$`);
const maxSysctlLength = 253;

/** Most containers of each sort in a pod. */
const maxContainers = 256;

/** Checks the pod spec found at `path`. */
export function validatePodSpec(spec: PodSpec | undefined, path: string): FieldError[] {
  if (spec === undefined) return [required(`${path}.containers`)];
  const errors: FieldError[] = [];
  const volumes = new Set<string>();
  spec.volumes?.forEach((volume, index) => {
    const at = `${path}.volumes[${index}]`;
    if (!volume.name) errors.push(required(`${at}.name`));
    else {
      const problem = dnsLabelError(volume.name);
      if (problem !== undefined) errors.push(invalidValue(`${at}.name`, volume.name, problem));
      if (volumes.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
      volumes.add(volume.name);
    }
    if (Object.keys(volume).length > 2)
      errors.push({
        reason: 'FieldValueForbidden',
        field: at,
        message: 'Forbidden: may not specify more than 1 volume type',
      });
    if (volume.hostPath !== undefined && !volume.hostPath.path) errors.push(required(`${at}.hostPath.path`));
    if (volume.secret !== undefined && !volume.secret.secretName) errors.push(required(`${at}.secret.secretName`));
    if (volume.configMap !== undefined && !volume.configMap.name) errors.push(required(`${at}.configMap.name`));
  });
  if ((spec.containers ?? []).length === 0) errors.push(required(`${path}.containers`));
  const names = new Set<string>();
  for (const [field, list] of Object.entries({ initContainers: spec.initContainers, containers: spec.containers })) {
    if ((list?.length ?? 0) > maxContainers)
      errors.push(invalidValue(`${path}.${field}`, list?.length, `must have at most ${maxContainers} items`));
    list?.forEach((container, index) => {
      const at = `${path}.${field}[${index}]`;
      errors.push(...validateContainer(container, at, names, volumes));
      errors.push(...resizePolicyErrors(container, spec.restartPolicy ?? 'Always', at));
    });
  }
  errors.push(...validateChoices(spec, path), ...validateSysctls(spec, `${path}.securityContext.sysctls`));
  return errors;
}

function validateSysctls(spec: PodSpec, path: string): FieldError[] {
  const names = new Set<string>();
  return (spec.securityContext?.sysctls ?? []).flatMap(({ name }, index) => {
    const at = `${path}[${index}].name`;
    if (!name) return [required(at)];
    if (name.length > maxSysctlLength || !sysctlPattern.test(name)) {
      const rule = `must have at most ${maxSysctlLength} characters and match regex ${sysctlPattern.source}`;
      return [invalidValue(at, name, rule)];
    }
    // The first separator says which one it is; the other stands for itself.
    const dotted = /^[^./]*\//.test(name) ? name.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : name;
    const isDouble = names.has(dotted);
    names.add(dotted);
    return isDouble ? [duplicate(at, name)] : [];
  });
}

function validateChoices(spec: PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!restartPolicies.includes(spec.restartPolicy ?? ''))
    errors.push(notSupported(`${path}.restartPolicy`, spec.restartPolicy, restartPolicies));
  if (!dnsPolicies.includes(spec.dnsPolicy ?? ''))
    errors.push(notSupported(`${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    errors.push(
      invalidValue(
        `${path}.terminationGracePeriodSeconds`,
        spec.terminationGracePeriodSeconds,
        'must be greater than or equal to 0',
      ),
    );
  }
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) {
    errors.push(
      invalidValue(
        `${path}.activeDeadlineSeconds`,
        spec.activeDeadlineSeconds,
        'must be between 1 and 2147483647, inclusive',
      ),
    );
  }
  for (const [field, name] of Object.entries({
    nodeName: spec.nodeName,
    serviceAccountName: spec.serviceAccountName,
  })) {
    const problem = name ? dnsSubdomainError(name) : undefined;
    if (problem !== undefined) errors.push(invalidValue(`${path}.${field}`, name, problem));
  }
  return errors;
}

function validateContainer(container: Container, path: string, names: Set<string>, volumes: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (!container.name) errors.push(required(`${path}.name`));
  else {
    const problem = dnsLabelError(container.name);
    if (problem !== undefined) errors.push(invalidValue(`${path}.name`, container.name, problem));
    if (names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name));
    names.add(container.name);
  }
  if (!container.image) errors.push(required(`${path}.image`));
  else if (container.image !== container.image.trim())
    errors.push(invalidValue(`${path}.image`, container.image, 'must not have leading or trailing whitespace'));
  if (!pullPolicies.includes(container.imagePullPolicy ?? '')) {
    errors.push(notSupported(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies));
  }
  errors.push(
    ...validatePorts(container, path),
    ...validateEnvironment(container, path),
    ...validateResources(container, path),
  );
  const mountPaths = new Set<string>();
  container.volumeMounts?.forEach((mount, index) => {
    const at = `${path}.volumeMounts[${index}]`;
    if (!mount.name) errors.push(required(`${at}.name`));
    else if (!volumes.has(mount.name))
      errors.push({
        reason: 'FieldValueNotFound',
        field: `${at}.name`,
        message: `Not found: ${JSON.stringify(mount.name)}`,
      });
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`));
    else if (mountPaths.has(mount.mountPath))
      errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    mountPaths.add(mount.mountPath ?? '');
    if (mount.subPath?.split('/').includes('..'))
      errors.push(invalidValue(`${at}.subPath`, mount.subPath, "must not contain '..'"));
  });
  return errors;
}

function validatePorts(container: Container, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const inRange = (port: number | undefined): boolean => port !== undefined && port >= 1 && port <= 65535;
  const portNames = new Set<string>();
  container.ports?.forEach((port, index) => {
    const at = `${path}.ports[${index}]`;
    if (port.containerPort === undefined) errors.push(required(`${at}.containerPort`));
    else if (!inRange(port.containerPort))
      errors.push(invalidValue(`${at}.containerPort`, port.containerPort, 'must be between 1 and 65535, inclusive'));
    if (port.hostPort !== undefined && port.hostPort !== 0 && !inRange(port.hostPort)) {
      errors.push(invalidValue(`${at}.hostPort`, port.hostPort, 'must be between 1 and 65535, inclusive'));
    }
    if (!protocols.includes(port.protocol ?? '')) errors.push(notSupported(`${at}.protocol`, port.protocol, protocols));
    if (port.name) {
      if (portNames.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      portNames.add(port.name);
    }
  });
  return errors;
}

function validateEnvironment(container: Container, path: string): FieldError[] {
  const errors: FieldError[] = [];
  container.env?.forEach((variable, index) => {
    const at = `${path}.env[${index}]`;
    if (!variable.name) errors.push(required(`${at}.name`));
    else if (variable.name.includes('='))
      errors.push(
        invalidValue(
          `${at}.name`,
          variable.name,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      );
    if (variable.valueFrom !== undefined && variable.value) {
      errors.push(invalidValue(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    }
  });
  return errors;
}

function validateResources(container: Container, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = container.resources ?? {};
  for (const [field, list] of Object.entries({ limits, requests })) {
    for (const [name, quantity] of Object.entries(list)) {
      if ((parseQuantity(quantity) ?? 0) < 0) {
        errors.push(invalidValue(`${path}.resources.${field}.${name}`, quantity, 'must be greater than or equal to 0'));
      }
    }
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const limit = parseQuantity(limits[name]);
    if (limit !== undefined && (parseQuantity(quantity) ?? 0) > limit) {
      errors.push(
        invalidValue(
          `${path}.resources.requests`,
          quantity,
          `must be less than or equal to ${name} limit of ${limits[name]}`,
        ),
      );
    }
  }
  return errors;
}
