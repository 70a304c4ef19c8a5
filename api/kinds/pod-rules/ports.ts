// Ports of containers, and ports that probes and hooks name.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports
import type { Container, PodSpec } from '../../meta/kubernetes.ts';
import { duplicate, type FieldError, invalidValue, notSupported, required } from '../../meta/status.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];
const rangeMessage = 'must be between 1 and 65535, inclusive';
const maxNameLength = 15;

const isInRange = (port: number): boolean => port >= 1 && port <= 65_535;

/** A port by its number, which must be there. */
function numberErrors(port: number | undefined, field: string): FieldError[] {
  if (!port) return [required(field)];
  return isInRange(port) ? [] : [invalidValue(field, port, rangeMessage)];
}

/** Says what is wrong with an IANA service name, or nothing; RFC 6335, section 5.1. */
function nameError(name: string): string | undefined {
  if (name.length > maxNameLength) return `must be no more than ${maxNameLength} bytes`;
  if (!/^[-a-z0-9]+$/.test(name)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)';
  if (!/[a-z]/.test(name)) return 'must contain at least one letter (a-z)';
  if (name.includes('--')) return 'must not contain consecutive hyphens';
  return /^-|-$/.test(name) ? 'must not begin or end with a hyphen' : undefined;
}

/** A port by number or name, as a probe has it. */
export function portErrors(port: unknown, field: string): FieldError[] {
  if (typeof port === 'string') {
    const problem = nameError(port);
    return problem === undefined ? [] : [invalidValue(field, port, problem)];
  }
  const number = typeof port === 'number' ? port : 0;
  return isInRange(number) ? [] : [invalidValue(field, number, rangeMessage)];
}

/** The ports of a container. */
export function containerPortErrors({ ports = [] }: Container, path: string): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `${path}.ports[${index}]`;
    const errors: FieldError[] = [];
    if (port.name) {
      const problem = nameError(port.name);
      if (problem !== undefined) errors.push(invalidValue(`${at}.name`, port.name, problem));
      else if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    errors.push(...numberErrors(port.containerPort, `${at}.containerPort`));
    if (port.hostPort && !isInRange(port.hostPort))
      errors.push(invalidValue(`${at}.hostPort`, port.hostPort, rangeMessage));
    if (!protocols.includes(port.protocol ?? '')) errors.push(notSupported(`${at}.protocol`, port.protocol, protocols));
    return errors;
  });
}

/** Ports of the node: no two containers may have the same, and on the host's network they are the container's own. */
export function hostPortErrors({ containers = [], hostNetwork }: PodSpec, path: string): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap(({ ports = [] }, container) =>
    ports.flatMap(({ hostPort, hostIP = '', protocol, containerPort }, index) => {
      if (!hostPort) return [];
      const at = `${path}.containers[${container}].ports[${index}]`;
      const errors: FieldError[] = [];
      if (hostNetwork && hostPort !== containerPort) {
        const rule = 'must match `hostPort` when `hostNetwork` is true';
        errors.push(invalidValue(`${at}.containerPort`, containerPort, rule));
      }
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) errors.push(duplicate(`${at}.hostPort`, key));
      taken.add(key);
      return errors;
    }),
  );
}
