// admissionregistration.k8s.io/v1: webhooks and admission policies. They are
// kept and served; calling them is not built, so they don't act on requests.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, required } from '../meta/status.ts';
import { ageColumn, countAt, integerColumn, textAt, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, setDefaults, specOf, statusSubresource } from './kind.ts';
import { requiredAt } from './validation.ts';

const group = 'admissionregistration.k8s.io';

type Webhook = JsonObject & { name: string; clientConfig?: JsonObject; rules?: JsonObject[] };
const webhooksOf = (object: KubeObject): Webhook[] => (object.webhooks as Webhook[] | undefined) ?? [];

function defaultWebhook(webhook: Webhook, mutating: boolean): void {
  setDefaults(webhook, {
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
    ...(mutating ? { reinvocationPolicy: 'Never' } : {}),
  });
  for (const rule of webhook.rules ?? []) setDefaults(rule, { scope: '*' });
  const service = webhook.clientConfig?.service;
  if (isJsonObject(service)) setDefaults(service, { port: 443 });
}

function webhookErrors(object: KubeObject): FieldError[] {
  return webhooksOf(object).flatMap((webhook, index) => {
    const at = `webhooks[${index}]`;
    const errors: FieldError[] = [];
    const problem = dnsSubdomainError(webhook.name ?? '');
    if (!webhook.name) errors.push(required(`${at}.name`));
    else if (problem !== undefined) errors.push(invalidValue(`${at}.name`, webhook.name, problem));
    else if (webhook.name.split('.').length < 3)
      errors.push(
        invalidValue(`${at}.name`, webhook.name, 'should be a domain with at least three segments separated by dots'),
      );
    const config = webhook.clientConfig ?? {};
    if ((config.url === undefined) === (config.service === undefined))
      errors.push(required(`${at}.clientConfig`, 'exactly one of url or service is required'));
    if (!Array.isArray(webhook.admissionReviewVersions) || webhook.admissionReviewVersions.length === 0)
      errors.push(required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1'));
    if (!['None', 'NoneOnDryRun', 'Some', 'Unknown'].includes(String(webhook.sideEffects ?? '')))
      errors.push(required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
    const seconds = webhook.timeoutSeconds as number | undefined;
    if (seconds !== undefined && (seconds < 1 || seconds > 30))
      errors.push(invalidValue(`${at}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'));
    return errors;
  });
}

function webhookKind(kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration'): Kind {
  return defineKind({
    group,
    kind,
    plural: `${kind.toLowerCase()}s`,
    categories: ['api-extensions'],
    namespaced: false,
    typeId: `admissionregistration.v1.${kind}`,
    nameError: dnsSubdomainError,
    hasGeneration: true,
    applyDefaults: (object) => {
      for (const webhook of webhooksOf(object)) defaultWebhook(webhook, kind.startsWith('Mutating'));
    },
    validate: webhookErrors,
    columns: [integerColumn('Webhooks', 'Number of webhooks.', (object) => countAt(object, 'webhooks')), ageColumn],
  });
}

export const mutatingWebhookKind = webhookKind('MutatingWebhookConfiguration');
export const validatingWebhookKind = webhookKind('ValidatingWebhookConfiguration');

function parameterText(object: KubeObject): string {
  const { apiVersion, kind } = (valueAt(object, 'spec.paramKind') ?? {}) as Record<string, string>;
  return kind === undefined ? '<unset>' : `${apiVersion}/${kind}`;
}

function defaultConstraints(constraints: unknown): void {
  if (!isJsonObject(constraints)) return;
  setDefaults(constraints, { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} });
  for (const rule of [constraints.resourceRules, constraints.excludeResourceRules].flat())
    if (isJsonObject(rule)) setDefaults(rule, { scope: '*' });
}

function policyKind(kind: 'MutatingAdmissionPolicy' | 'ValidatingAdmissionPolicy'): Kind {
  const validating = kind.startsWith('Validating');
  const [label, path] = validating ? ['Validations', 'spec.validations'] : ['Mutations', 'spec.mutations'];
  return defineKind({
    group,
    kind,
    plural: kind.replace('Policy', 'Policies').toLowerCase(),
    categories: ['api-extensions'],
    namespaced: false,
    typeId: `admissionregistration.v1.${kind}`,
    nameError: dnsSubdomainError,
    hasGeneration: true,
    subresources: validating ? [statusSubresource] : [],
    applyDefaults: (object) => {
      const spec = specOf(object);
      setDefaults(spec, { failurePolicy: 'Fail' });
      defaultConstraints(spec.matchConstraints);
    },
    validate: (object) => requiredAt(object, 'spec.matchConstraints'),
    columns: [
      integerColumn(label ?? '', 'How much it holds.', (object) => countAt(object, path ?? '')),
      textColumn('ParamKind', 'Kind of its parameters.', parameterText),
      ageColumn,
    ],
  });
}

export const mutatingPolicyKind = policyKind('MutatingAdmissionPolicy');
export const validatingPolicyKind = policyKind('ValidatingAdmissionPolicy');

function bindingKind(kind: 'MutatingAdmissionPolicyBinding' | 'ValidatingAdmissionPolicyBinding'): Kind {
  return defineKind({
    group,
    kind,
    plural: `${kind.toLowerCase()}s`,
    categories: ['api-extensions'],
    namespaced: false,
    typeId: `admissionregistration.v1.${kind}`,
    nameError: dnsSubdomainError,
    hasGeneration: true,
    applyDefaults: (object) => defaultConstraints(specOf(object).matchResources),
    validate: (object) => [
      ...requiredAt(object, 'spec.policyName'),
      ...(kind.startsWith('Validating') && countAt(object, 'spec.validationActions') === 0
        ? [required('spec.validationActions')]
        : []),
    ],
    columns: [
      textAt('PolicyName', 'spec.policyName', 'The policy.'),
      textColumn('ParamRef', 'Its parameters.', (object) => {
        const reference = valueAt(object, 'spec.paramRef') as Record<string, string> | undefined;
        if (reference === undefined) return '<unset>';
        if (!reference.name) return '<selector>';
        return reference.namespace ? `${reference.namespace}/${reference.name}` : reference.name;
      }),
      ageColumn,
    ],
  });
}

export const mutatingPolicyBindingKind = bindingKind('MutatingAdmissionPolicyBinding');
export const validatingPolicyBindingKind = bindingKind('ValidatingAdmissionPolicyBinding');
