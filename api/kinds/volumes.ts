// PersistentVolume and PersistentVolumeClaim.
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/
import type { PersistentVolume, PersistentVolumeClaim } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { type FieldError, forbiddenField, invalidValue, required } from '../meta/status.ts';
import { ageColumn, textAt, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { nodeSelectorErrors } from './pod-rules/scheduling.ts';
import { immutableMessage, oneOfAt, selectorAt } from './validation.ts';

const asVolume = (object: KubeObject): PersistentVolume => object as PersistentVolume;
const asClaim = (object: KubeObject): PersistentVolumeClaim => object as PersistentVolumeClaim;

const modeAbbreviations: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const accessModes = Object.keys(modeAbbreviations);

function modesText(modes: readonly string[] | undefined): string {
  return accessModes
    .filter((mode) => modes?.includes(mode))
    .map((mode) => modeAbbreviations[mode])
    .join(',');
}

function modeErrors(modes: readonly string[] | undefined): FieldError[] {
  if ((modes ?? []).length === 0) return [required('spec.accessModes', 'at least 1 access mode is required')];
  return modes?.includes('ReadWriteOncePod') && modes.length > 1
    ? [forbiddenField('spec.accessModes', 'may not use ReadWriteOncePod with other access modes')]
    : [];
}

function storageErrors(quantity: string | undefined, path: string): FieldError[] {
  if (quantity === undefined) return [required(path)];
  return (parseQuantity(quantity) ?? 0) > 0 ? [] : [invalidValue(path, quantity, 'must be greater than zero')];
}

/** What a volume's spec may hold beside its one source. */
const volumeFields = [
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
];

function sourceOf(object: KubeObject): JsonObject {
  return Object.fromEntries(Object.entries(specOf(object)).filter(([field]) => !volumeFields.includes(field)));
}

/** What may not change once it is so; https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-v1/ */
function volumeChangeErrors(object: KubeObject, old: KubeObject): FieldError[] {
  const [now, before] = [asVolume(object).spec, asVolume(old).spec];
  const errors = jsonEqual(sourceOf(object), sourceOf(old))
    ? []
    : [forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation')];
  errors.push(...modeChangeErrors(now?.volumeMode, before?.volumeMode));
  // Where a volume is may be said later, and then stays.
  if (before?.nodeAffinity !== undefined && !jsonEqual(now?.nodeAffinity, before.nodeAffinity)) {
    const rule = 'field is immutable, except for updating from beta label to GA';
    errors.push(invalidValue('nodeAffinity', now?.nodeAffinity ?? null, rule));
  }
  return errors;
}

/** (Kubernetes' errors name this field without its parent.) */
function modeChangeErrors(now: string | undefined, before: string | undefined): FieldError[] {
  return now === before ? [] : [invalidValue('volumeMode', now ?? null, immutableMessage)];
}

export const persistentVolumeKind: Kind = defineKind({
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  typeId: 'core.v1.PersistentVolume',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
    const hostPath = spec.hostPath as JsonObject | undefined;
    if (hostPath !== undefined) setDefaults(hostPath, { type: '' });
  },
  prepareCreate: (object) => {
    object.status = { phase: 'Pending' };
  },
  validate: (object) => {
    const spec = asVolume(object).spec;
    const errors = [
      ...modeErrors(spec?.accessModes),
      ...storageErrors(spec?.capacity?.storage, 'spec.capacity.storage'),
      ...oneOfAt(object, 'spec.persistentVolumeReclaimPolicy', ['Delete', 'Recycle', 'Retain']),
      ...oneOfAt(object, 'spec.volumeMode', ['Block', 'Filesystem']),
    ];
    const sources = Object.keys(sourceOf(object));
    if (sources.length === 0) errors.push(required('spec', 'must specify a volume type'));
    for (const source of sources.slice(1))
      errors.push(forbiddenField(`spec.${source}`, 'may not specify more than 1 volume type'));
    if (spec?.nodeAffinity !== undefined) {
      const { required: needed } = spec.nodeAffinity;
      const at = 'spec.nodeAffinity.required';
      if (needed === undefined) errors.push(required(at, 'must specify required node constraints'));
      else errors.push(...nodeSelectorErrors(needed.nodeSelectorTerms, at));
    }
    if (sources.includes('local') && spec?.nodeAffinity === undefined)
      errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
    return errors;
  },
  validateUpdate: volumeChangeErrors,
  selectableFields: () => ({}),
  columns: [
    textAt('Capacity', 'spec.capacity.storage', 'Size of the volume.'),
    textColumn('Access Modes', 'Ways in which it can be mounted.', (object) =>
      modesText(asVolume(object).spec?.accessModes),
    ),
    textAt('Reclaim Policy', 'spec.persistentVolumeReclaimPolicy', 'What becomes of it when its claim goes.'),
    textColumn('Status', 'Whether it is bound.', (object) =>
      object.metadata.deletionTimestamp === undefined ? (asVolume(object).status?.phase ?? '') : 'Terminating',
    ),
    textColumn('Claim', 'The claim that it is bound to.', (object) => {
      const claim = asVolume(object).spec?.claimRef;
      return claim === undefined ? '' : `${claim.namespace}/${claim.name}`;
    }),
    textAt('StorageClass', 'spec.storageClassName', 'Class that it belongs to.'),
    textAt('VolumeAttributesClass', 'spec.volumeAttributesClassName', 'Class of its attributes.', {
      missing: '<unset>',
    }),
    textAt('Reason', 'status.reason', 'Why it is in its phase.'),
    ageColumn,
    textAt('VolumeMode', 'spec.volumeMode', 'Filesystem or block device.', { missing: '<unset>', priority: 1 }),
  ],
});

/** Defaults of a claim, also of those in a StatefulSet. Works in place. */
export function defaultClaim(object: KubeObject): void {
  setDefaults(specOf(object), { volumeMode: 'Filesystem' });
}

type ClaimSpec = NonNullable<PersistentVolumeClaim['spec']>;

/** What of a claim's spec must be as it was: what a change from `before` may not touch is left out. */
function fixedPart(spec: ClaimSpec, before: ClaimSpec, isBound: boolean): object {
  const { volumeName, storageClassName, volumeAttributesClassName: _class, resources, ...rest } = spec;
  const { storage: _storage, ...requests } = resources?.requests ?? {};
  return {
    ...rest,
    // Both may be set once: by who binds the claim, and by who finds it a class.
    volumeName: before.volumeName ? volumeName : undefined,
    storageClassName: before.storageClassName === undefined ? undefined : storageClassName,
    resources: isBound ? { ...resources, requests } : resources,
  };
}

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims */
function sizeErrors(now: ClaimSpec, before: ClaimSpec, capacity: string | undefined): FieldError[] {
  const [size = 0, known = 0] = [now, before].map(({ resources }) => parseQuantity(resources?.requests?.storage));
  // An expansion that failed may be taken back, as far as it has not come.
  return size < known && size <= (parseQuantity(capacity) ?? 0)
    ? [forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity')]
    : [];
}

function claimChangeErrors(object: KubeObject, old: KubeObject): FieldError[] {
  const { spec: before = {}, status } = asClaim(old);
  const { spec: now = {} } = asClaim(object);
  const isBound = status?.phase === 'Bound';
  const errors: FieldError[] = [];
  if (!jsonEqual(fixedPart(now, before, isBound), fixedPart(before, before, isBound))) {
    const rule =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(forbiddenField('spec', rule));
  }
  errors.push(...sizeErrors(now, before, status?.capacity?.storage));
  errors.push(...modeChangeErrors(now.volumeMode, before.volumeMode));
  if (before.volumeAttributesClassName && !now.volumeAttributesClassName) {
    const what = now.volumeAttributesClassName === undefined ? 'nil' : 'an empty string';
    const field = 'spec.volumeAttributesClassName';
    errors.push(forbiddenField(field, `update from non-nil value to ${what} is forbidden`));
  }
  return errors;
}

export const persistentVolumeClaimKind: Kind = defineKind({
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  typeId: 'core.v1.PersistentVolumeClaim',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
  applyDefaults: defaultClaim,
  prepareCreate: (object) => {
    object.status = { phase: 'Pending' };
  },
  validate: (object) => [
    ...modeErrors(asClaim(object).spec?.accessModes),
    ...storageErrors(asClaim(object).spec?.resources?.requests?.storage, 'spec.resources[storage]'),
    ...oneOfAt(object, 'spec.volumeMode', ['Block', 'Filesystem']),
    ...selectorAt(object, 'spec.selector'),
  ],
  validateUpdate: claimChangeErrors,
  columns: [
    textColumn('Status', 'Whether it is bound.', (object) =>
      object.metadata.deletionTimestamp === undefined ? (asClaim(object).status?.phase ?? '') : 'Terminating',
    ),
    textAt('Volume', 'spec.volumeName', 'The volume that it is bound to.'),
    textColumn('Capacity', 'Size of the volume.', (object) =>
      asClaim(object).spec?.volumeName ? (asClaim(object).status?.capacity?.storage ?? '') : '',
    ),
    textColumn('Access Modes', 'Ways in which it can be mounted.', (object) =>
      asClaim(object).spec?.volumeName ? modesText(asClaim(object).status?.accessModes) : '',
    ),
    textAt('StorageClass', 'spec.storageClassName', 'Class that it asks for.'),
    textAt('VolumeAttributesClass', 'spec.volumeAttributesClassName', 'Class of its attributes.', {
      missing: '<unset>',
    }),
    ageColumn,
    textAt('VolumeMode', 'spec.volumeMode', 'Filesystem or block device.', { missing: '<unset>', priority: 1 }),
  ],
});
