// What may change of volumes and claims, and in which words the rest is refused.
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../meta/object.ts';
import type { Kind } from './kind.ts';
import { persistentVolumeClaimKind, persistentVolumeKind } from './volumes.ts';

/** Fields of a spec that change; undefined takes one away. */
type Change = Record<string, unknown>;

function errorsOf(kind: Kind, old: KubeObject, change: Change): string[] {
  const object = structuredClone(old);
  object.spec = { ...(object.spec as object), ...change };
  return (kind.validateUpdate?.(object, old) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

const fixed =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
const tooSmall = 'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity';
const sized = (storage: string, rest: object = {}): Change => ({ resources: { requests: { storage, ...rest } } });

function claim(phase: string, spec: object = {}, capacity?: string): KubeObject {
  return {
    metadata: { name: 'c' },
    spec: { accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', storageClassName: 'a', ...sized('2Gi'), ...spec },
    status: { phase, ...(capacity === undefined ? {} : { capacity: { storage: capacity } }) },
  };
}

describe('a change of a claim', () => {
  const [pending, bound] = [claim('Pending'), claim('Bound', { volumeName: 'v' }, '2Gi')];
  const cases: [title: string, old: KubeObject, change: Change, errors: string[]][] = [
    ['to the same', bound, sized('2Gi'), []],
    ['to the same amount in other words', bound, sized('2048Mi'), []],
    ['growing, bound', bound, sized('3Gi'), []],
    ['growing, not bound', pending, sized('3Gi'), [fixed]],
    ['growing, lost', claim('Lost', { volumeName: 'v' }), sized('3Gi'), [fixed]],
    ['shrinking, bound', bound, sized('1Gi'), [tooSmall]],
    ['shrinking, not bound', claim('Pending', {}, '2Gi'), sized('1Gi'), [fixed, tooSmall]],
    ['taking back an expansion that failed', claim('Bound', sized('9Gi'), '2Gi'), sized('3Gi'), []],
    ['taking back more than that', claim('Bound', sized('9Gi'), '2Gi'), sized('2Gi'), [tooSmall]],
    ['asking for something else, bound', bound, sized('2Gi', { other: '1' }), [fixed]],
    ['a limit, bound', bound, { resources: { requests: { storage: '2Gi' }, limits: { storage: '9Gi' } } }, [fixed]],
    ['a volume, not bound', pending, { volumeName: 'v' }, []],
    ['another volume', bound, { volumeName: 'w' }, [fixed]],
    ['no volume any more', bound, { volumeName: undefined }, [fixed]],
    ['a class of attributes', bound, { volumeAttributesClassName: 'gold' }, []],
    ['a class of attributes, not bound', pending, { volumeAttributesClassName: 'gold' }, []],
    [
      'no class of attributes any more',
      claim('Bound', { volumeAttributesClassName: 'gold' }),
      { volumeAttributesClassName: undefined },
      ['spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden'],
    ],
    [
      'an empty class of attributes',
      claim('Bound', { volumeAttributesClassName: 'gold' }),
      { volumeAttributesClassName: '' },
      ['spec.volumeAttributesClassName: Forbidden: update from non-nil value to an empty string is forbidden'],
    ],
    ['a first storage class', claim('Pending', { storageClassName: undefined }), { storageClassName: 'b' }, []],
    ['another storage class', pending, { storageClassName: 'b' }, [fixed]],
    ['other access modes', pending, { accessModes: ['ReadOnlyMany'] }, [fixed]],
    ['a selector', bound, { selector: { matchLabels: { a: 'b' } } }, [fixed]],
    ['another mode', bound, { volumeMode: 'Block' }, [fixed, 'volumeMode: Invalid value: "Block": field is immutable']],
  ];
  for (const [title, old, change, errors] of cases)
    it(title, () => assert.deepEqual(errorsOf(persistentVolumeClaimKind, old, change), errors));
});

describe('a place of a volume', () => {
  const cases: [title: string, nodeAffinity: object, errors: string[]][] = [
    ['none', {}, ['spec.nodeAffinity.required: Required value: must specify required node constraints']],
    [
      'no terms',
      { required: { nodeSelectorTerms: [] } },
      ['spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector term'],
    ],
    [
      'a node',
      { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['n'] }] }] } },
      [],
    ],
  ];
  for (const [title, nodeAffinity, errors] of cases) {
    it(title, () => {
      const capacity = { storage: '1Gi' };
      const spec = { accessModes: ['ReadWriteOnce'], capacity, local: { path: '/a' }, nodeAffinity };
      const found = persistentVolumeKind.validate?.({ metadata: { name: 'v' }, spec }) ?? [];
      assert.deepEqual(
        found.map(({ field, message }) => `${field}: ${message}`),
        errors,
      );
    });
  }
});

describe('a change of a volume', () => {
  const at = (node: string): object => ({
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }],
    },
  });
  const volume = (spec: object = {}): KubeObject => ({
    metadata: { name: 'v' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '2Gi' },
      volumeMode: 'Filesystem',
      hostPath: { path: '/a', type: '' },
      ...spec,
    },
  });
  const source = 'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation';
  const cases: [title: string, old: KubeObject, change: Change, errors: string[]][] = [
    ['to the same', volume(), { hostPath: { path: '/a', type: '' } }, []],
    ['another path', volume(), { hostPath: { path: '/b', type: '' } }, [source]],
    ['another source', volume(), { hostPath: undefined, local: { path: '/a' } }, [source]],
    [
      'size, policy, class, claim',
      volume(),
      {
        capacity: { storage: '3Gi' },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'b',
        claimRef: { namespace: 'default', name: 'c' },
      },
      [],
    ],
    ['another mode', volume(), { volumeMode: 'Block' }, ['volumeMode: Invalid value: "Block": field is immutable']],
    ['a first place', volume(), { nodeAffinity: at('n1') }, []],
    [
      'another place',
      volume({ nodeAffinity: at('n1') }),
      { nodeAffinity: at('n2') },
      [
        `nodeAffinity: Invalid value: ${JSON.stringify(at('n2'))}: field is immutable, except for updating from beta label to GA`,
      ],
    ],
  ];
  for (const [title, old, change, errors] of cases)
    it(title, () => assert.deepEqual(errorsOf(persistentVolumeKind, old, change), errors));
});
