// Scopes of ResourceQuotas: who is in them, and what is refused.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResourceQuota } from '../meta/kubernetes.ts';
import type { KubeObject } from '../meta/object.ts';
import { podKind } from './pod.ts';
import { resourceQuotaKind } from './quota.ts';
import { isInScopes } from './quota-scopes.ts';
import { persistentVolumeClaimKind } from './volumes.ts';

const quota = (spec: object): ResourceQuota => ({ metadata: { name: 'q' }, spec }) as unknown as ResourceQuota;
const term = (scopeName: string, operator = 'Exists', ...values: string[]): object => ({
  scopeName,
  operator,
  ...(values.length === 0 ? {} : { values }),
});
const selecting = (...matchExpressions: object[]): object => ({ scopeSelector: { matchExpressions } });
const pod = (spec: object, qosClass = 'Burstable'): KubeObject => ({
  metadata: { name: 'p' },
  spec,
  status: { qosClass },
});
const claim = (spec: object, status: object = {}): KubeObject => ({ metadata: { name: 'c' }, spec, status });

describe('pods in a scope', () => {
  const near = (where: object, kind = 'podAffinity', terms = 'required'): object => {
    const one = { topologyKey: 'zone', ...where };
    const list = terms === 'required' ? [one] : [{ weight: 1, podAffinityTerm: one }];
    return { affinity: { [kind]: { [`${terms}DuringSchedulingIgnoredDuringExecution`]: list } } };
  };
  const others = { namespaces: ['other'] };
  const ending = { activeDeadlineSeconds: 9 };
  const high = { priorityClassName: 'high' };
  const cases: [scopes: object, pod: KubeObject, isIn: boolean][] = [
    [{}, pod({}), true],
    [{ scopes: ['Terminating'] }, pod(ending), true],
    [{ scopes: ['Terminating'] }, pod({}), false],
    [{ scopes: ['NotTerminating'] }, pod(ending), false],
    [{ scopes: ['NotTerminating'] }, pod({}), true],
    [{ scopes: ['BestEffort'] }, pod({}, 'BestEffort'), true],
    [{ scopes: ['BestEffort'] }, pod({}, 'Guaranteed'), false],
    [{ scopes: ['NotBestEffort'] }, pod({}, 'Guaranteed'), true],
    [{ scopes: ['NotBestEffort', 'Terminating'] }, pod({}), false],
    [{ scopes: ['PriorityClass'] }, pod(high), true],
    [{ scopes: ['PriorityClass'] }, pod({}), false],
    [selecting(term('PriorityClass', 'In', 'high', 'low')), pod(high), true],
    [selecting(term('PriorityClass', 'In', 'low')), pod(high), false],
    [selecting(term('PriorityClass', 'NotIn', 'low')), pod(high), true],
    [selecting(term('PriorityClass', 'NotIn', 'low')), pod({}), true],
    [selecting(term('PriorityClass', 'DoesNotExist')), pod({}), true],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod(near(others)), true],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod(near({ namespaceSelector: {} })), true],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod(near(others, 'podAntiAffinity', 'preferred')), true],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod(near({})), false],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod({}), false],
    [{ scopes: ['VolumeAttributesClass'] }, pod({}), false],
  ];
  for (const [scopes, object, isIn] of cases)
    it(JSON.stringify([scopes, object.spec]), () => assert.equal(isInScopes(quota(scopes), podKind, object), isIn));
});

describe('claims in a scope', () => {
  const gold = selecting(term('VolumeAttributesClass', 'In', 'gold'));
  const cases: [scopes: object, claim: KubeObject, isIn: boolean][] = [
    [gold, claim({ volumeAttributesClassName: 'gold' }), true],
    [gold, claim({ volumeAttributesClassName: 'silver' }), false],
    [gold, claim({ volumeAttributesClassName: 'silver' }, { currentVolumeAttributesClassName: 'gold' }), true],
    [gold, claim({}, { modifyVolumeStatus: { status: 'InProgress', targetVolumeAttributesClassName: 'gold' } }), true],
    [{ scopes: ['VolumeAttributesClass'] }, claim({}), false],
    [selecting(term('VolumeAttributesClass', 'DoesNotExist')), claim({}), true],
    [{ scopes: ['Terminating'] }, claim({}), false],
  ];
  for (const [scopes, object, isIn] of cases)
    it(JSON.stringify([scopes, object.spec, object.status]), () =>
      assert.equal(isInScopes(quota(scopes), persistentVolumeClaimKind, object), isIn),
    );
});

describe('a quota is refused', () => {
  const at = 'spec.scopeSelector.matchExpressions';
  const pods = { pods: '1' };
  const plain =
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
  const cases: [spec: object, errors: string[]][] = [
    [
      {
        hard: { pods: '1', 'requests.hugepages-2Mi': '1', 'count/jobs.batch': '1', 'requests.example.com/dongle': '1' },
      },
      [],
    ],
    [
      { hard: { dongles: '1' } },
      ['spec.hard[dongles]: Invalid value: "dongles": must be a standard resource for quota'],
    ],
    [{ hard: { pods: '-1' } }, ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0']],
    [{ hard: { pods: '1', 'requests.cpu': '1' }, scopes: ['NotBestEffort', 'Terminating'] }, []],
    [
      { hard: { 'requests.cpu': '1' }, scopes: ['BestEffort'] },
      ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
    ],
    [
      { hard: { services: '1' }, scopes: ['Terminating'] },
      ['spec.scopes: Invalid value: ["Terminating"]: unsupported scope applied to resource'],
    ],
    [{ hard: pods, scopes: ['Some'] }, ['spec.scopes: Invalid value: ["Some"]: unsupported scope']],
    [
      { hard: pods, scopes: ['BestEffort', 'NotBestEffort'] },
      ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ],
    [{ hard: { 'requests.storage': '1Gi' }, ...selecting(term('VolumeAttributesClass', 'In', 'gold')) }, []],
    [{ hard: pods, ...selecting(term('CrossNamespacePodAffinity')) }, []],
    [
      { hard: pods, ...selecting(term('Terminating', 'DoesNotExist')) },
      [`${at}.operator: Invalid value: "DoesNotExist": ${plain}`],
    ],
    [
      { hard: pods, ...selecting(term('PriorityClass', 'In')) },
      [
        `${at}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
      ],
    ],
    [
      { hard: pods, ...selecting(term('PriorityClass', 'Exists', 'high')) },
      [
        `${at}.values: Invalid value: ["high"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
      ],
    ],
    [
      { hard: pods, ...selecting(term('PriorityClass', 'Gt', '1')) },
      [`${at}.operator: Invalid value: "Gt": not a valid selector operator`],
    ],
  ];
  for (const [spec, errors] of cases)
    it(JSON.stringify(spec), () => {
      const found = resourceQuotaKind.validate?.(quota(spec)) ?? [];
      assert.deepEqual(
        found.map(({ field, message }) => `${field}: ${message}`),
        errors,
      );
    });
  it('when its scopes change, but not when their order does', () => {
    const changed = (to: object): number =>
      resourceQuotaKind.validateUpdate?.(quota(to), quota({ scopes: ['Terminating', 'NotBestEffort'] })).length ?? -1;
    assert.equal(changed({ scopes: ['NotBestEffort', 'Terminating'] }), 0);
    assert.equal(changed({ scopes: ['Terminating'] }), 1);
  });
});
