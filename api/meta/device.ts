// Names by which hub, agent and command line speak of devices in Kubernetes'
// objects, and what a device may say of itself there.

/** Annotation of a Node: SHA-256 (hex) of the public key of the device that it was given to. */
export const deviceKeyAnnotation = 'skerry.io/device-key';
/** Annotation of a Node and of a certificate request: the board, as it says itself. */
export const hardwareIdAnnotation = 'skerry.io/hardware-id';
/** The annotations of a Node that say whose it is. */
export function ownerAnnotations({ key, hardwareId }: { key?: string; hardwareId?: string }): Record<string, string> {
  return {
    ...(key === undefined ? {} : { [deviceKeyAnnotation]: key }),
    ...(hardwareId === undefined ? {} : { [hardwareIdAnnotation]: hardwareId }),
  };
}

/** Annotation of a Node: the labels that its agent has set, JSON, so that those it drops go. */
export const reportedLabelsAnnotation = 'skerry.io/reported-labels';

/** Conditions of a Node that its agent reports where the device tells of such things; True is a problem. */
export const deviceConditionTypes = [
  'UnderVoltage',
  'Throttled',
  'HighTemperature',
  'ReadonlyFilesystem',
  'DiskProblem',
  'ClockNotSynchronized',
] as const;

/** Condition of a Node: another device has come with its identity. */
export const duplicateIdentityCondition = 'DuplicateIdentity';

/**
 * Group of the certificate requests of tokens that people approve: such requests wait for `kubectl certificate approve`.
 * https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#bootstrap-token-secret-format
 */
export const manualApprovalGroup = 'system:bootstrappers:skerry:manual-approval';

/** Whether a text may be a hardware id. */
export function isHardwareId(text: string): boolean {
  return /^[\w.-]{1,128}$/.test(text);
}

const reserved = /(^|\.)(kubernetes|k8s)\.io$/;
const allowedKeys = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const allowedPrefixes = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

/**
 * Whether a node may set a label on itself: of Kubernetes' own those that describe it, and all that are not Kubernetes'.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
 */
export function nodeMaySetLabel(key: string): boolean {
  const [prefix = '', name] = key.split('/');
  if (name === undefined || !reserved.test(prefix) || allowedKeys.has(key)) return true;
  return allowedPrefixes.some((allowed) => prefix === allowed || prefix.endsWith(`.${allowed}`));
}
