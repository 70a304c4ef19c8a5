// CustomResourceDefinition (apiextensions.k8s.io/v1) and APIService
// (apiregistration.k8s.io/v1): kept and served. Custom resources themselves and
// other servers behind this one are not built; the conditions say so.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
import type { CustomResourceDefinition } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import type { JsonObject, KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, required } from '../meta/status.ts';
import { ageColumn, createdAtColumn, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { oneOfAt, requiredAt, unchangedAt } from './validation.ts';

const asDefinition = (object: KubeObject): CustomResourceDefinition => object as CustomResourceDefinition;

function definitionErrors(object: KubeObject): FieldError[] {
  const { group, names, versions = [] } = asDefinition(object).spec;
  const errors = [
    ...requiredAt(object, 'spec.group', 'spec.names.plural', 'spec.names.kind', 'spec.scope'),
    ...oneOfAt(object, 'spec.scope', ['Cluster', 'Namespaced']),
  ];
  const wanted = `${names?.plural}.${group}`;
  if (object.metadata.name !== wanted)
    errors.push(invalidValue('metadata.name', object.metadata.name, `must be spec.names.plural+"."+spec.group`));
  if (versions.filter((version) => version.storage).length !== 1)
    errors.push(invalidValue('spec.versions', versions, 'must have exactly one version marked as storage version'));
  versions.forEach((version, index) => {
    if (valueAt(version, 'schema.openAPIV3Schema') === undefined)
      errors.push(required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required'));
  });
  return errors;
}

export const customResourceDefinitionKind: Kind = defineKind({
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  typeId: 'apiextensions.v1.CustomResourceDefinition',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { conversion: { strategy: 'None' }, names: {} });
    const names = spec.names as JsonObject;
    if (typeof names.kind === 'string')
      setDefaults(names, { singular: names.kind.toLowerCase(), listKind: `${names.kind}List` });
  },
  prepareCreate: (object) => {
    const versions = asDefinition(object).spec.versions ?? [];
    object.status = {
      conditions: [
        {
          type: 'Established',
          status: 'False',
          reason: 'NotServed',
          message: 'custom resources are not served by this release',
          lastTransitionTime: object.metadata.creationTimestamp,
        },
      ],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: versions.filter(({ storage }) => storage).map(({ name }) => name),
    };
  },
  validate: definitionErrors,
  validateUpdate: (object, old) => unchangedAt(object, old, 'spec.group', 'spec.names.plural', 'spec.scope'),
  columns: [createdAtColumn],
});

export const apiServiceKind: Kind = defineKind({
  group: 'apiregistration.k8s.io',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  namespaced: false,
  typeId: 'apiregistration.v1.APIService',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource],
  applyDefaults: (object) => {
    const service = specOf(object).service as JsonObject | undefined;
    if (service !== undefined) setDefaults(service, { port: 443 });
  },
  prepareCreate: (object) => {
    const isLocal = specOf(object).service === undefined;
    object.status = {
      conditions: [
        {
          type: 'Available',
          status: isLocal ? 'True' : 'False',
          reason: isLocal ? 'Local' : 'NotServed',
          message: isLocal
            ? 'Local APIServices are always available'
            : 'servers behind this one are not reached by this release',
          lastTransitionTime: object.metadata.creationTimestamp,
        },
      ],
    };
  },
  validate: (object) => {
    const { group = '', version = '' } = specOf(object) as Record<string, string>;
    const errors = requiredAt(object, 'spec.version');
    if (object.metadata.name !== `${version}.${group}`)
      errors.push(invalidValue('metadata.name', object.metadata.name, 'must be `spec.version+"."+spec.group`'));
    return errors;
  },
  columns: [
    textColumn('Service', 'Where its server is.', (object) => {
      const service = specOf(object).service as Record<string, string> | undefined;
      return service === undefined ? 'Local' : `${service.namespace}/${service.name}`;
    }),
    textColumn('Available', 'Whether its server answers.', (object) => {
      const conditions = (valueAt(object, 'status.conditions') ?? []) as {
        type: string;
        status: string;
        reason?: string;
      }[];
      const available = conditions.find(({ type }) => type === 'Available');
      if (available === undefined) return 'Unknown';
      return available.status === 'True' ? 'True' : `${available.status} (${available.reason ?? ''})`;
    }),
    ageColumn,
  ],
});
