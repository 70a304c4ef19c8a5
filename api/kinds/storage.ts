// storage.k8s.io/v1: classes, drivers, attachments and capacities.
// https://kubernetes.io/docs/concepts/storage/storage-classes/
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type KubeObject } from '../meta/object.ts';
import { ageColumn, booleanAt, countAt, integerColumn, textAt, textColumn } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { oneOfAt, requiredAt, unchangedAt } from './validation.ts';

const group = 'storage.k8s.io';
const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';
const defaultAttributesAnnotation = 'volumeattributesclass.kubernetes.io/is-default-class';

/** The name, marked where an annotation makes the class the default. */
function markedName(annotation: string): Kind['columns'][number] {
  return {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name of the class.',
    value: ({ metadata }) => metadata.name + (metadata.annotations?.[annotation] === 'true' ? ' (default)' : ''),
  };
}

export const storageClassKind: Kind = defineKind({
  group,
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  typeId: 'storage.v1.StorageClass',
  nameError: dnsSubdomainError,
  applyDefaults: (object) => setDefaults(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  validate: (object) => [
    ...requiredAt(object, 'provisioner'),
    ...oneOfAt(object, 'reclaimPolicy', ['Delete', 'Retain']),
    ...oneOfAt(object, 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer']),
  ],
  validateUpdate: (object, old) =>
    unchangedAt(object, old, 'parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode').map((error) => ({
      ...error,
      reason: 'FieldValueForbidden' as const,
      message: `Forbidden: updates to ${error.field} are forbidden.`,
    })),
  columns: [
    markedName(defaultClassAnnotation),
    textAt('Provisioner', 'provisioner', 'Driver that makes its volumes.'),
    textAt('ReclaimPolicy', 'reclaimPolicy', 'What becomes of volumes whose claim goes.'),
    textAt('VolumeBindingMode', 'volumeBindingMode', 'When volumes are bound.'),
    booleanAt('AllowVolumeExpansion', 'allowVolumeExpansion', 'Whether claims may grow.'),
    ageColumn,
  ],
});

export const volumeAttributesClassKind: Kind = defineKind({
  group,
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  shortNames: ['vac'],
  namespaced: false,
  typeId: 'storage.v1.VolumeAttributesClass',
  nameError: dnsSubdomainError,
  validate: (object) => requiredAt(object, 'driverName'),
  validateUpdate: (object, old) => unchangedAt(object, old, 'driverName', 'parameters'),
  columns: [
    markedName(defaultAttributesAnnotation),
    textAt('DriverName', 'driverName', 'Driver that applies the attributes.'),
    ageColumn,
  ],
});

export const csiDriverKind: Kind = defineKind({
  group,
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
  typeId: 'storage.v1.CSIDriver',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      requiresRepublish: false,
      seLinuxMount: false,
      volumeLifecycleModes: ['Persistent'],
    });
  },
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec.attachRequired', 'spec.volumeLifecycleModes'),
  columns: [
    booleanAt('AttachRequired', 'spec.attachRequired', 'Whether volumes are attached before they are mounted.', true),
    booleanAt('PodInfoOnMount', 'spec.podInfoOnMount', 'Whether the driver is told about pods.'),
    booleanAt('StorageCapacity', 'spec.storageCapacity', 'Whether the driver publishes its capacity.'),
    textColumn('TokenRequests', 'Audiences of the tokens it gets.', (object) => {
      const requests = (specOf(object).tokenRequests as { audience: string }[] | undefined) ?? [];
      return requests.map(({ audience }) => audience).join(',') || '<unset>';
    }),
    booleanAt('RequiresRepublish', 'spec.requiresRepublish', 'Whether mounts are renewed.'),
    textColumn('Modes', 'Sorts of volumes that it knows.', (object) =>
      ((specOf(object).volumeLifecycleModes as string[] | undefined) ?? []).join(','),
    ),
    ageColumn,
  ],
});

export const csiNodeKind: Kind = defineKind({
  group,
  kind: 'CSINode',
  plural: 'csinodes',
  namespaced: false,
  typeId: 'storage.v1.CSINode',
  nameError: dnsSubdomainError,
  applyDefaults: (object) => setDefaults(specOf(object), { drivers: null }),
  columns: [integerColumn('Drivers', 'Number of its drivers.', (object) => countAt(object, 'spec.drivers')), ageColumn],
});

export const csiStorageCapacityKind: Kind = defineKind({
  group,
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  typeId: 'storage.v1.CSIStorageCapacity',
  nameError: dnsSubdomainError,
  validate: (object) => requiredAt(object, 'storageClassName'),
  validateUpdate: (object, old) => unchangedAt(object, old, 'nodeTopology', 'storageClassName'),
  columns: [
    textAt('StorageClassName', 'storageClassName', 'Class whose capacity this is.'),
    textAt('Capacity', 'capacity', 'Room that is left.', { missing: '<unset>' }),
  ],
});

function attachedVolume(object: KubeObject): string {
  const source = specOf(object).source;
  return isJsonObject(source) ? String(source.persistentVolumeName ?? '') : '';
}

export const volumeAttachmentKind: Kind = defineKind({
  group,
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  typeId: 'storage.v1.VolumeAttachment',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
  prepareCreate: (object) => {
    object.status = { attached: false };
  },
  validate: (object) => requiredAt(object, 'spec.attacher', 'spec.nodeName', 'spec.source'),
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec'),
  columns: [
    textAt('Attacher', 'spec.attacher', 'Driver that attaches.'),
    textColumn('PV', 'The volume.', attachedVolume),
    textAt('Node', 'spec.nodeName', 'The node.'),
    booleanAt('Attached', 'status.attached', 'Whether it is attached.'),
    ageColumn,
  ],
});
