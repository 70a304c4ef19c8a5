// Garbage collection: what becomes of an object whose owners are gone, wait or
// orphan it, after the Kubernetes document on cascading deletion.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject, OwnerReference } from '../../../api/meta/object.ts';
import { planGarbage, type Step } from './plan.ts';

type Meta = { owners?: string[]; finalizers?: string[]; deleted?: boolean };

function object(name: string, { owners = [], finalizers, deleted = false }: Meta = {}): KubeObject {
  const ownerReferences = owners.map((uid): OwnerReference => ({ apiVersion: 'v1', kind: 'K', name: uid, uid }));
  return {
    metadata: {
      name,
      ...(ownerReferences.length > 0 ? { ownerReferences } : {}),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(deleted ? { deletionTimestamp: '2024-05-01T12:00:00Z' } : {}),
    },
  };
}

function text(step: Step): string {
  switch (step.type) {
    case 'delete':
      return `delete ${step.policy}`;
    case 'drop-references':
      return `drop references ${step.uids.join(' ')}`;
    case 'drop-finalizer':
      return `drop finalizer ${step.finalizer}`;
    default:
      return `${step.type} ${step.dependents.map(({ metadata }) => metadata.name).join(' ')}`.trim();
  }
}

const dependents = [object('d1'), object('d2', { deleted: true })];
type Case = [
  title: string,
  object: KubeObject,
  there: string[],
  waiting: string[],
  dependents: KubeObject[],
  steps: string[],
];
const cases: Case[] = [
  ['without owners', object('a'), [], [], [], []],
  ['its owner exists', object('a', { owners: ['o'] }), ['o'], [], [], []],
  ['its owner is gone', object('a', { owners: ['o'] }), [], [], [], ['delete Background']],
  ['all its owners are gone', object('a', { owners: ['o', 'p'] }), [], [], dependents, ['delete Background']],
  ['one of two owners is gone', object('a', { owners: ['o', 'p'] }), ['p'], [], [], ['drop references o']],
  ['its owner waits for it', object('a', { owners: ['o'] }), ['o'], ['o'], [], ['delete Background']],
  [
    'its owner waits, and it has dependents too',
    object('a', { owners: ['o'] }),
    ['o'],
    ['o'],
    dependents,
    ['delete Foreground'],
  ],
  ['one owner waits, another stays', object('a', { owners: ['o', 'p'] }), ['o', 'p'], ['o'], [], ['drop references o']],
  ['it is going already', object('a', { owners: ['o'], deleted: true }), [], [], [], []],
  [
    'going, with a finalizer of somebody else',
    object('a', { finalizers: ['x/y'], deleted: true }),
    [],
    [],
    dependents,
    [],
  ],
  [
    'going, orphaning',
    object('a', { finalizers: ['orphan'], deleted: true }),
    [],
    [],
    dependents,
    ['orphan-dependents d1 d2', 'drop finalizer orphan'],
  ],
  [
    'orphaning nobody',
    object('a', { finalizers: ['orphan'], deleted: true }),
    [],
    [],
    [],
    ['orphan-dependents', 'drop finalizer orphan'],
  ],
  [
    'going after its dependents',
    object('a', { finalizers: ['foregroundDeletion'], deleted: true }),
    [],
    [],
    dependents,
    ['delete-dependents d1'],
  ],
  [
    'waiting for the last ones',
    object('a', { finalizers: ['foregroundDeletion'], deleted: true }),
    [],
    [],
    [object('d', { deleted: true })],
    [],
  ],
  [
    'its dependents are gone',
    object('a', { finalizers: ['foregroundDeletion'], deleted: true }),
    [],
    [],
    [],
    ['drop finalizer foregroundDeletion'],
  ],
  ['a finalizer alone deletes nothing', object('a', { finalizers: ['foregroundDeletion'] }), [], [], dependents, []],
];
for (const [title, one, there, waiting, found, steps] of cases) {
  it(title, () => {
    const plan = planGarbage(one, {
      ownerExists: ({ uid }) => there.includes(uid),
      ownerWaits: ({ uid }) => waiting.includes(uid),
      dependents: found,
    });
    assert.deepEqual(plan.map(text), steps);
  });
}
