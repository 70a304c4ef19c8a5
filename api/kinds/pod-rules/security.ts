// Security contexts of pods and containers.
// https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
import type { Container, PodSpec } from '../../meta/kubernetes.ts';
import { duplicate, type FieldError, invalidValue, required } from '../../meta/status.ts';
import { rangeAt } from '../validation.ts';

type Profile = { type?: string; localhostProfile?: string };

/** https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/ */
const sysctlSegment = '[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?';
const sysctlPattern = new RegExp(`^(?:${sysctlSegment}[./])*${sysctlSegment}$`);
const maxSysctlLength = 253;
const maxId = 2 ** 31 - 1;

/** Errors of fields below a path, with the path before them. */
function below(path: string, errors: FieldError[]): FieldError[] {
  return errors.map((error) => ({ ...error, field: `${path}.${error.field}` }));
}

const idErrors = (context: object, path: string, ...fields: string[]): FieldError[] =>
  below(
    path,
    fields.flatMap((field) => rangeAt(context, field, 0, maxId)),
  );

function sysctlErrors(sysctls: readonly { name?: string }[], path: string): FieldError[] {
  const names = new Set<string>();
  return sysctls.flatMap(({ name }, index) => {
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

/** A seccomp or AppArmor profile: one of the node's has a name, and no other. */
function profileErrors(profile: Profile | undefined, path: string, word: string): FieldError[] {
  if (profile === undefined) return [];
  const { type, localhostProfile } = profile;
  const at = `${path}.localhostProfile`;
  if (type === 'Localhost') return localhostProfile ? [] : [required(at, `must be set when ${word} type is Localhost`)];
  return localhostProfile === undefined
    ? []
    : [invalidValue(at, localhostProfile, `can only be set when ${word} type is Localhost`)];
}

type Profiles = { seccompProfile?: Profile; appArmorProfile?: Profile };

function profilesErrors({ seccompProfile, appArmorProfile }: Profiles, path: string): FieldError[] {
  return [
    ...profileErrors(seccompProfile, `${path}.seccompProfile`, 'seccomp'),
    ...profileErrors(appArmorProfile, `${path}.appArmorProfile`, 'AppArmor'),
  ];
}

/** The security context of a pod, and which namespaces it shares. */
export function podSecurityErrors(
  { securityContext = {}, hostPID, shareProcessNamespace }: PodSpec,
  path: string,
): FieldError[] {
  const at = `${path}.securityContext`;
  const errors = idErrors(securityContext, at, 'runAsUser', 'runAsGroup', 'fsGroup');
  (securityContext.supplementalGroups ?? []).forEach((group, index) => {
    errors.push(
      ...below(at, rangeAt({ group }, 'group', 0, maxId)).map((error) => ({
        ...error,
        field: `${at}.supplementalGroups[${index}]`,
      })),
    );
  });
  if (hostPID && shareProcessNamespace) {
    const rule = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalidValue(`${at}.shareProcessNamespace`, true, rule));
  }
  errors.push(...profilesErrors(securityContext as Profiles, at));
  return [...errors, ...sysctlErrors(securityContext.sysctls ?? [], `${at}.sysctls`)];
}

/** The security context of a container. */
export function containerSecurityErrors({ securityContext }: Container, path: string): FieldError[] {
  if (securityContext === undefined) return [];
  const at = `${path}.securityContext`;
  const errors = idErrors(securityContext, at, 'runAsUser', 'runAsGroup');
  errors.push(...profilesErrors(securityContext as Profiles, at));
  if (securityContext.allowPrivilegeEscalation !== false) return errors;
  const refuse = (what: string): number =>
    errors.push(invalidValue(at, securityContext, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`));
  if (securityContext.privileged) refuse('`privileged` to true');
  const added = securityContext.capabilities?.add ?? [];
  if (added.includes('CAP_SYS_ADMIN') || added.includes('SYS_ADMIN')) refuse('`capabilities.Add` CAP_SYS_ADMIN');
  return errors;
}
