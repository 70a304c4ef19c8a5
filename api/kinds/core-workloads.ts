// ReplicationController and PodTemplate: the core group's old forms of
// ReplicaSet and of its template.
// https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, notSupported, required } from '../meta/status.ts';
import { ageColumn, integerAt, templateColumns, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, scaleSubresource, setDefaults, specOf, statusSubresource } from './kind.ts';
import { defaultTemplate } from './pod-template.ts';
import { validateTemplateSpec } from './pod-validation.ts';
import { notNegative } from './validation.ts';

type Labels = Record<string, string>;
type Template = { metadata?: { labels?: Labels }; spec?: Parameters<typeof validateTemplateSpec>[0] };

function labelsText(labels: unknown): string {
  const entries = isJsonObject(labels) ? Object.entries(labels) : [];
  return entries.map(([key, value]) => `${key}=${value}`).join(',') || '<none>';
}

function controllerErrors(object: KubeObject): FieldError[] {
  const { selector, template } = specOf(object) as { selector?: Labels; template?: Template };
  const errors = notNegative(object, 'spec.replicas', 'spec.minReadySeconds');
  if (Object.keys(selector ?? {}).length === 0) errors.push(required('spec.selector'));
  const labels = template?.metadata?.labels ?? {};
  if (Object.entries(selector ?? {}).some(([key, value]) => labels[key] !== value))
    errors.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  errors.push(...validateTemplateSpec(template?.spec, 'spec.template.spec'));
  const policy = template?.spec?.restartPolicy;
  if (policy !== undefined && policy !== 'Always')
    errors.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  return errors;
}

export const replicationControllerKind: Kind = defineKind({
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  typeId: 'core.v1.ReplicationController',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource, scaleSubresource],
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { replicas: 1 });
    defaultTemplate(spec);
    const labels = valueAt(spec, 'template.metadata.labels');
    if (!isJsonObject(labels)) return;
    // A controller without a selector looks for what it makes, and without labels is labelled like that.
    setDefaults(spec, { selector: { ...labels } });
    if (object.metadata.labels === undefined) object.metadata.labels = { ...(labels as Labels) };
  },
  prepareCreate: (object) => {
    object.status = { replicas: 0 };
  },
  validate: controllerErrors,
  selectableFields: (object) => ({ 'status.replicas': String(valueAt(object, 'status.replicas') ?? 0) }),
  columns: [
    integerAt('Desired', 'spec.replicas', 'Number of desired pods.'),
    integerAt('Current', 'status.replicas', 'Number of pods that exist.'),
    integerAt('Ready', 'status.readyReplicas', 'Number of ready pods.'),
    ageColumn,
    ...templateColumns,
    textColumn('Selector', 'Labels of its pods.', (object) => labelsText(specOf(object).selector), 1),
  ],
});

const asTemplated = (object: KubeObject): KubeObject => ({
  metadata: object.metadata,
  spec: { template: object.template },
});

export const podTemplateKind: Kind = defineKind({
  kind: 'PodTemplate',
  plural: 'podtemplates',
  typeId: 'core.v1.PodTemplate',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  applyDefaults: (object) => defaultTemplate(object as unknown as JsonObject),
  validate: (object) => validateTemplateSpec((object.template as Template | undefined)?.spec, 'template.spec'),
  columns: [
    ...templateColumns.map((column) => ({
      ...column,
      priority: 0 as const,
      value: (object: KubeObject, nowMs: number) => column.value(asTemplated(object), nowMs),
    })),
    textColumn('Pod Labels', 'Labels of its pods.', (object) =>
      labelsText(valueAt(object, 'template.metadata.labels')),
    ),
  ],
});
