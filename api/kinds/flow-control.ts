// flowcontrol.apiserver.k8s.io/v1: kept and served. Requests are not queued by them.
// https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
import { dnsSubdomainError } from '../meta/names.ts';
import { isJsonObject, type JsonObject, type KubeObject } from '../meta/object.ts';
import { forbiddenField } from '../meta/status.ts';
import { ageColumn, integerAt, textAt, textColumn, valueAt } from './columns.ts';
import { defineKind, type Kind, setDefaults, setPositiveDefaults, specOf, statusSubresource } from './kind.ts';
import { oneOfAt, rangeAt, requiredAt } from './validation.ts';

const group = 'flowcontrol.apiserver.k8s.io';

export const flowSchemaKind: Kind = defineKind({
  group,
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  typeId: 'flowcontrol.v1.FlowSchema',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => setPositiveDefaults(specOf(object), { matchingPrecedence: 1000 }),
  validate: (object) => [
    ...requiredAt(object, 'spec.priorityLevelConfiguration.name'),
    ...rangeAt(object, 'spec.matchingPrecedence', 1, 10_000),
  ],
  columns: [
    textAt('PriorityLevel', 'spec.priorityLevelConfiguration.name', 'The level of its requests.'),
    integerAt('MatchingPrecedence', 'spec.matchingPrecedence', 'Lower ones are looked at first.'),
    textAt('DistinguisherMethod', 'spec.distinguisherMethod.type', 'How flows are told apart.', { missing: '<none>' }),
    ageColumn,
    textColumn('MissingPL', 'Whether its level is missing.', (object) => {
      const conditions = (valueAt(object, 'status.conditions') ?? []) as { type: string; status: string }[];
      return conditions.find(({ type }) => type === 'Dangling')?.status ?? '?';
    }),
  ],
});

function defaultLevel(spec: JsonObject): void {
  const limited = spec.limited;
  if (spec.type === 'Exempt') {
    spec.exempt ??= {};
    if (isJsonObject(spec.exempt)) setDefaults(spec.exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 });
  }
  if (!isJsonObject(limited)) return;
  setDefaults(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 });
  const queuing = valueAt(limited, 'limitResponse.queuing');
  if (isJsonObject(queuing)) setPositiveDefaults(queuing, { queues: 64, handSize: 8, queueLengthLimit: 50 });
}

/** The number at a path below `spec.limited`, or a word for there being none. */
function limitedText(object: KubeObject, path: string): string {
  const value = valueAt(object, `spec.limited.${path}`);
  return value === undefined ? '<none>' : String(value);
}

export const priorityLevelKind: Kind = defineKind({
  group,
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  typeId: 'flowcontrol.v1.PriorityLevelConfiguration',
  nameError: dnsSubdomainError,
  hasGeneration: true,
  subresources: [statusSubresource],
  applyDefaults: (object) => defaultLevel(specOf(object)),
  validate: (object) => {
    const spec = specOf(object);
    const errors = [...requiredAt(object, 'spec.type'), ...oneOfAt(object, 'spec.type', ['Exempt', 'Limited'])];
    if (spec.type === 'Exempt' && spec.limited !== undefined)
      errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
    if (spec.type === 'Limited') errors.push(...requiredAt(object, 'spec.limited'));
    return errors;
  },
  columns: [
    textAt('Type', 'spec.type', 'Exempt or limited.'),
    textColumn('NominalConcurrencyShares', 'Its part of all requests.', (object) =>
      limitedText(object, 'nominalConcurrencyShares'),
    ),
    textColumn('Queues', 'Number of queues.', (object) => limitedText(object, 'limitResponse.queuing.queues')),
    textColumn('HandSize', 'Queues that a flow may use.', (object) =>
      limitedText(object, 'limitResponse.queuing.handSize'),
    ),
    textColumn('QueueLengthLimit', 'Requests that a queue holds.', (object) =>
      limitedText(object, 'limitResponse.queuing.queueLengthLimit'),
    ),
    ageColumn,
  ],
});
