// Probes and lifecycle hooks: one handler each, and numbers that make sense.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes
// https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
import type { Container } from '../../meta/kubernetes.ts';
import { isJsonObject, type JsonObject } from '../../meta/object.ts';
import { type FieldError, forbiddenField, invalidValue, notSupported, required } from '../../meta/status.ts';
import { notNegative } from '../validation.ts';
import { portErrors } from './ports.ts';

type Probe = NonNullable<Container['livenessProbe']>;

const handlerNames = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];
const schemes = ['HTTP', 'HTTPS'];
const headerRule =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

/** Exactly one way of doing something, which is said in full. */
function handlerErrors(handler: JsonObject, path: string, graceSeconds: number): FieldError[] {
  const names = handlerNames.filter((name) => isJsonObject(handler[name]));
  if (names.length === 0) return [required(path, 'must specify a handler type')];
  return names.flatMap((name, index) => {
    const at = `${path}.${name}`;
    if (index > 0) return [forbiddenField(at, 'may not specify more than 1 handler type')];
    return actionErrors(name, handler[name] as JsonObject, at, graceSeconds);
  });
}

function actionErrors(name: string, action: JsonObject, path: string, graceSeconds: number): FieldError[] {
  switch (name) {
    case 'exec':
      return Array.isArray(action.command) && action.command.length > 0 ? [] : [required(`${path}.command`)];
    case 'httpGet':
      return httpErrors(action, path);
    case 'sleep': {
      const seconds = Number(action.seconds ?? 0);
      const rule = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
      return seconds < 0 || seconds > graceSeconds ? [invalidValue(path, seconds, rule)] : [];
    }
    default:
      return portErrors(action.port, `${path}.port`);
  }
}

function httpErrors({ path: asked, port, scheme, httpHeaders }: JsonObject, path: string): FieldError[] {
  const errors = asked ? [] : [required(`${path}.path`)];
  errors.push(...portErrors(port, `${path}.port`));
  if (!schemes.includes(String(scheme))) errors.push(notSupported(`${path}.scheme`, scheme, schemes));
  for (const { name } of (httpHeaders ?? []) as { name?: string }[])
    if (!/^[-A-Za-z0-9]+$/.test(name ?? '')) errors.push(invalidValue(`${path}.httpHeaders`, name, headerRule));
  return errors;
}

const probeNumbers = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

function probeErrors(probe: Probe, path: string, graceSeconds: number): FieldError[] {
  const errors = handlerErrors(probe as JsonObject, path, graceSeconds);
  for (const error of notNegative(probe, ...probeNumbers)) errors.push({ ...error, field: `${path}.${error.field}` });
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    errors.push(invalidValue(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  return errors;
}

/** The probes of a container. A pod is alive, or has started, when it was so once. */
export function containerProbeErrors(container: Container, path: string, graceSeconds: number): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (probe === undefined) continue;
    const at = `${path}.${name}`;
    errors.push(...probeErrors(probe, at, graceSeconds));
    const { successThreshold = 1, terminationGracePeriodSeconds: grace } = probe;
    if (name === 'readinessProbe') {
      if (grace !== undefined)
        errors.push(invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
    } else if (successThreshold !== 1)
      errors.push(invalidValue(`${at}.successThreshold`, successThreshold, 'must be 1'));
  }
  return errors;
}

/** The hooks of a container. */
export function lifecycleErrors({ lifecycle }: Container, path: string, graceSeconds: number): FieldError[] {
  return (['postStart', 'preStop'] as const).flatMap((name) => {
    const hook = lifecycle?.[name];
    return hook === undefined ? [] : handlerErrors(hook as JsonObject, `${path}.lifecycle.${name}`, graceSeconds);
  });
}
