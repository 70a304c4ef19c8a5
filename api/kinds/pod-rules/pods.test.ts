// What Kubernetes refuses of pod specs beside their containers, rule by rule, in its words; and what it takes.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../meta/object.ts';
import { podKind } from '../pod.ts';
import { deploymentKind } from '../workload.ts';

type Case = [title: string, spec: object, errors?: string[]];

function podOf(spec: object): KubeObject {
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } };
  podKind.applyDefaults?.(pod);
  return pod;
}

const texts = (errors: { field: string; message: string }[] = []): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);

function runs(prefix: string, cases: Case[]): void {
  for (const [title, spec, errors = []] of cases) {
    it(title, () =>
      assert.deepEqual(
        texts(podKind.validate?.(podOf(spec))),
        errors.map((error) => prefix + error),
      ),
    );
  }
}

describe('tolerations', () => {
  const toleration = (one: object): object => ({ tolerations: [one] });
  const empty = { operator: 'Exists', value: 'v', key: 'k' };
  runs('spec.tolerations[0].', [
    ['of a value', toleration({ key: 'k', value: 'v', effect: 'NoSchedule' })],
    ['of all', toleration({ operator: 'Exists' })],
    ['for a while', toleration({ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 })],
    [
      'of no key',
      toleration({ operator: 'Equal', value: 'v' }),
      [
        'operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      'of a key that is none',
      toleration({ key: 'a/b/c', operator: 'Exists' }),
      [
        'key: Invalid value: "a/b/c": a qualified name must consist of an optional DNS subdomain prefix and a name separated by "/"',
      ],
    ],
    [
      'of every value, and one',
      toleration(empty),
      [`operator: Invalid value: ${JSON.stringify(empty)}: value must be empty when \`operator\` is 'Exists'`],
    ],
    [
      'for a while, of what ends nothing',
      toleration({ key: 'k', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 5 }),
      ['effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set'],
    ],
  ]);
});

describe('node affinity', () => {
  const needs = (...nodeSelectorTerms: object[]): object => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
  });
  const wants = (weight: number): object => ({
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, preference: {} }] } },
  });
  const label = (operator: string, ...values: string[]): object => ({
    matchExpressions: [{ key: 'k', operator, ...(values.length === 0 ? {} : { values }) }],
  });
  const field = (key: string, operator: string, ...values: string[]): object => ({
    matchFields: [{ key, operator, values }],
  });
  const terms = 'requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const first = `${terms}[0].matchExpressions[0]`;
  const firstField = `${terms}[0].matchFields[0]`;
  const weight = 'preferredDuringSchedulingIgnoredDuringExecution[0].weight';
  runs('spec.affinity.nodeAffinity.', [
    ['every operator', needs(label('In', 'a', 'b'), label('NotIn', 'a'), label('Exists'), label('Gt', '1'))],
    ['a name', needs(field('metadata.name', 'In', 'n1'))],
    ['no terms', needs(), [`${terms}: Required value: must have at least one node selector term`]],
    [
      'no values',
      needs(label('In')),
      [`${first}.values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`],
    ],
    [
      'needless values',
      needs(label('Exists', 'a')),
      [`${first}.values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`],
    ],
    [
      'two bounds',
      needs(label('Lt', '1', '2')),
      [`${first}.values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`],
    ],
    [
      'an unknown operator',
      needs(label('Is', 'a')),
      [`${first}.operator: Invalid value: "Is": not a valid selector operator`],
    ],
    [
      'two names',
      needs(field('metadata.name', 'In', 'a', 'b')),
      [
        `${firstField}.values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
      ],
    ],
    [
      'another field',
      needs(field('spec.x', 'Exists')),
      [
        `${firstField}.operator: Invalid value: "Exists": not a valid selector operator`,
        `${firstField}.key: Invalid value: "spec.x": not a valid field selector key`,
      ],
    ],
    ['weight 100', wants(100)],
    ['weight 0', wants(0), [`${weight}: Invalid value: 0: must be in the range 1-100`]],
    ['weight 101', wants(101), [`${weight}: Invalid value: 101: must be in the range 1-100`]],
  ]);
});

describe('pod affinity', () => {
  const term = (rest: object = {}): object => ({
    labelSelector: { matchLabels: { a: 'b' } },
    topologyKey: 'k',
    ...rest,
  });
  const needs = (one: object): object => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [one] } },
  });
  const wants = (weight: number, podAffinityTerm: object): object => ({
    affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] } },
  });
  const first = 'podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]';
  const wanted = 'podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]';
  runs('spec.affinity.', [
    ['a good one', { affinity: { ...(needs(term()) as { affinity: object }).affinity } }],
    ['no topology key', needs(term({ topologyKey: '' })), [`${first}.topologyKey: Required value: can not be empty`]],
    [
      'a wrong selector',
      needs(term({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] } })),
      [
        `${first}.labelSelector.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
      ],
    ],
    ['a good wish', wants(1, term())],
    [
      'a wish too heavy, of nowhere',
      wants(101, term({ topologyKey: '' })),
      [
        `${wanted}.weight: Invalid value: 101: must be in the range 1-100`,
        `${wanted}.podAffinityTerm.topologyKey: Required value: can not be empty`,
      ],
    ],
  ]);
});

describe('topology spread', () => {
  const good = { maxSkew: 1, topologyKey: 'k', whenUnsatisfiable: 'DoNotSchedule' };
  const spread = (...rest: object[]): object => ({
    topologySpreadConstraints: rest.map((one) => ({ ...good, ...one })),
  });
  runs('spec.topologySpreadConstraints', [
    ['over two', spread({ minDomains: 2 }, { whenUnsatisfiable: 'ScheduleAnyway' })],
    ['no skew', spread({ maxSkew: 0 }), ['[0].maxSkew: Invalid value: 0: must be greater than zero']],
    ['no key', spread({ topologyKey: '' }), ['[0].topologyKey: Required value: can not be empty']],
    [
      'no action',
      spread({ whenUnsatisfiable: '' }),
      ['[0].whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"'],
    ],
    ['the same twice', spread({}, {}), ['[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{k, DoNotSchedule}"']],
    ['no domains', spread({ minDomains: 0 }), ['[0].minDomains: Invalid value: 0: must be greater than zero']],
    [
      'domains that do not matter',
      spread({ whenUnsatisfiable: 'ScheduleAnyway', minDomains: 1 }),
      [
        '[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      ],
    ],
  ]);
});

describe('gates and node selector', () => {
  const gates = [{ name: 'example.com/a' }];
  runs('spec.', [
    ['a gate', { schedulingGates: gates, nodeSelector: { 'a.b/c': '' } }],
    [
      'a gate on a node',
      { schedulingGates: gates, nodeName: 'n' },
      ['nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
    ],
    [
      'a gate twice',
      { schedulingGates: [...gates, ...gates] },
      ['schedulingGates[1]: Duplicate value: "example.com/a"'],
    ],
    [
      'a label that is none',
      { nodeSelector: { 'a/b/c': 'x' } },
      [
        'nodeSelector: Invalid value: "a/b/c": a qualified name must consist of an optional DNS subdomain prefix and a name separated by "/"',
      ],
    ],
  ]);
});

describe('volumes', () => {
  const volume = (rest: object): object => ({ volumes: [{ name: 'v', ...rest }] });
  const inside = 'Invalid value: "../a": must not contain \'..\'';
  runs('spec.volumes[0]', [
    ['without a source is empty', volume({})],
    ['of a host', volume({ hostPath: { path: '/a' } })],
    ['of a Secret', volume({ secret: { secretName: 's', items: [{ key: 'k', path: 'a/b', mode: 0o400 }] } })],
    ['of a pod', volume({ downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } })],
    ['of a claim', volume({ persistentVolumeClaim: { claimName: 'c' } })],
    ['of several', volume({ projected: { sources: [{ serviceAccountToken: { path: 't' } }] } })],
    [
      'two sources',
      volume({ emptyDir: {}, hostPath: { path: '/a' } }),
      ['.hostPath: Forbidden: may not specify more than 1 volume type'],
    ],
    ['no path', volume({ hostPath: { path: '' } }), ['.hostPath.path: Required value']],
    ['a path outside', volume({ hostPath: { path: '../a' } }), [`.hostPath.path: ${inside}`]],
    ['no Secret', volume({ secret: {} }), ['.secret.secretName: Required value']],
    ['no ConfigMap', volume({ configMap: {} }), ['.configMap.name: Required value']],
    ['no claim', volume({ persistentVolumeClaim: {} }), ['.persistentVolumeClaim.claimName: Required value']],
    [
      'a wrong mode',
      volume({ configMap: { name: 'c', defaultMode: 0o1000 } }),
      ['.configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive'],
    ],
    [
      'keys to nowhere',
      volume({
        secret: {
          secretName: 's',
          items: [
            { key: '', path: '' },
            { key: 'k', path: '../a' },
          ],
        },
      }),
      [
        '.secret.items[0].key: Required value',
        '.secret.items[0].path: Required value',
        `.secret.items[1].path: ${inside}`,
      ],
    ],
    [
      'a file of a name of its own',
      volume({ configMap: { name: 'c', items: [{ key: 'k', path: '..data' }] } }),
      ['.configMap.items[0].path: Invalid value: "..data": must not start with \'..\''],
    ],
    [
      'a field that volumes do not have',
      volume({ downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'status.podIP' } }] } }),
      [
        '.downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      ],
    ],
    [
      'neither field nor resource',
      volume({ downwardAPI: { items: [{ path: 'a' }] } }),
      ['.downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required'],
    ],
    [
      'a resource of nobody',
      volume({ downwardAPI: { items: [{ path: 'a', resourceFieldRef: { resource: 'limits.cpu' } }] } }),
      ['.downwardAPI.items[0].resourceFieldRef.containerName: Required value'],
    ],
    [
      'a token for too short',
      volume({ projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 599 } }] } }),
      [
        '.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
      ],
    ],
    [
      'two sources in one',
      volume({ projected: { sources: [{ secret: { name: 's' }, configMap: { name: 'c' } }] } }),
      ['.projected.sources[0]: Forbidden: may not specify more than 1 volume type per source'],
    ],
  ]);
});

describe('names', () => {
  const address = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  const four = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
  const own = { dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.1', 'FD00::1'], searches: ['a.b.', '_tcp.c'] } };
  runs('spec.', [
    ['servers of its own', { ...own, hostname: 'h', subdomain: 's' }],
    ['none', { dnsPolicy: 'None' }, ['dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None']],
    [
      'no servers',
      { dnsPolicy: 'None', dnsConfig: {} },
      ['dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None'],
    ],
    [
      'four servers',
      { dnsConfig: { nameservers: four } },
      [`dnsConfig.nameservers: Invalid value: ${JSON.stringify(four)}: must not have more than 3 nameservers`],
    ],
    [
      'a server by name',
      { dnsConfig: { nameservers: ['ns'] } },
      [`dnsConfig.nameservers[0]: Invalid value: "ns": ${address}`],
    ],
    [
      'an option without a name',
      { dnsConfig: { options: [{ value: '2' }] } },
      ['dnsConfig.options[0]: Required value: must not be empty'],
    ],
    ['an alias', { hostAliases: [{ ip: '127.0.0.1', hostnames: ['a.b'] }] }],
    [
      'an alias of nothing',
      { hostAliases: [{ ip: '1.2.3', hostnames: [] }] },
      [`hostAliases[0].ip: Invalid value: "1.2.3": ${address}`],
    ],
    [
      'a host name too long',
      { hostname: 'a'.repeat(64) },
      [`hostname: Invalid value: "${'a'.repeat(64)}": must be no more than 63 bytes`],
    ],
  ]);

  it('of hosts that are none', () => {
    const [error] = podKind.validate?.(podOf({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['A'] }] })) ?? [];
    assert.equal(error?.field, 'spec.hostAliases[0].hostnames');
  });
});

describe('the security context', () => {
  const range = 'must be between 0 and 2147483647, inclusive';
  runs('spec.securityContext.', [
    ['of users', { securityContext: { runAsUser: 1, fsGroup: 2, supplementalGroups: [3] } }],
    [
      'of none',
      { securityContext: { fsGroup: -1, supplementalGroups: [0, -3] } },
      [`fsGroup: Invalid value: -1: ${range}`, `supplementalGroups[1]: Invalid value: -3: ${range}`],
    ],
    [
      'with all processes, and its own',
      { hostPID: true, shareProcessNamespace: true },
      ['shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled'],
    ],
  ]);
});

describe('lifetime', () => {
  runs('spec.', [
    ['within bounds', { terminationGracePeriodSeconds: 0, activeDeadlineSeconds: 2_147_483_647 }],
    [
      'beyond',
      { terminationGracePeriodSeconds: -1, activeDeadlineSeconds: 2_147_483_648 },
      [
        'terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0',
        'activeDeadlineSeconds: Invalid value: 2147483648: must be between 1 and 2147483647, inclusive',
      ],
    ],
  ]);
});

describe('an update', () => {
  const fixed =
    'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  const toleration = { key: 'k', operator: 'Exists', effect: 'NoExecute' };
  const gates = (...names: string[]): object => ({ schedulingGates: names.map((name) => ({ name })) });
  const cases: [title: string, old: object, change: object, errors?: string[]][] = [
    ['to the same', {}, {}],
    ['a deadline', {}, { activeDeadlineSeconds: 9 }],
    ['a nearer deadline', { activeDeadlineSeconds: 9 }, { activeDeadlineSeconds: 8 }],
    [
      'a later deadline',
      { activeDeadlineSeconds: 9 },
      { activeDeadlineSeconds: 10 },
      ['spec.activeDeadlineSeconds: Invalid value: 10: must be less than or equal to previous value'],
    ],
    [
      'no deadline any more',
      { activeDeadlineSeconds: 9 },
      {},
      ['spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value'],
    ],
    ['one more toleration', {}, { tolerations: [toleration] }],
    [
      'a toleration for longer',
      { tolerations: [toleration] },
      { tolerations: [{ ...toleration, tolerationSeconds: 1 }] },
    ],
    [
      'one toleration less',
      { tolerations: [toleration] },
      {},
      ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
    ],
    ['another grace period', {}, { terminationGracePeriodSeconds: 1 }, [fixed]],
    [
      'a grace period where there was less than none',
      { terminationGracePeriodSeconds: -5 },
      { terminationGracePeriodSeconds: 1 },
    ],
    ['an open gate', gates('a', 'b'), gates('b')],
    [
      'another gate',
      gates('a'),
      gates('a', 'b'),
      ["spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"],
    ],
    ['a narrower place behind a gate', gates('a'), { ...gates('a'), nodeSelector: { a: 'b' } }],
    ['a narrower place', {}, { nodeSelector: { a: 'b' } }, [fixed]],
    [
      'one container more',
      {},
      { containers: ['c', 'd'].map((name) => ({ name, image: 'i:1' })) },
      ['spec.containers: Forbidden: pod updates may not add or remove containers'],
    ],
    ['another image', {}, { containers: [{ name: 'c', image: 'i:2', imagePullPolicy: 'IfNotPresent' }] }],
    ['another name', {}, { containers: [{ name: 'd', image: 'i:1' }] }, [fixed]],
  ];
  for (const [title, old, change, errors = []] of cases)
    it(title, () => assert.deepEqual(texts(podKind.validateUpdate?.(podOf(change), podOf(old))), errors));
});

describe('a template', () => {
  const cases: Case[] = [
    ['of pods that last', {}],
    [
      'of pods that end',
      { restartPolicy: 'Never', activeDeadlineSeconds: 9 },
      [
        'restartPolicy: Unsupported value: "Never": supported values: "Always"',
        'activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
      ],
    ],
    [
      'with ephemeral containers',
      { ephemeralContainers: [{ name: 'd', image: 'd:1' }] },
      ['ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template'],
    ],
  ];
  for (const [title, spec, errors = []] of cases) {
    it(title, () => {
      const labels = { a: 'b' };
      const template = { metadata: { labels }, spec: podOf(spec).spec };
      const object = {
        kind: 'Deployment',
        metadata: { name: 'd' },
        spec: { selector: { matchLabels: labels }, template },
      };
      deploymentKind.applyDefaults?.(object);
      assert.deepEqual(
        texts(deploymentKind.validate?.(object)),
        errors.map((error) => `spec.template.spec.${error}`),
      );
    });
  }
});
