// Defaults of numbers that a decoded object always has.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject } from '../meta/object.ts';
import { decodeType } from '../schema/decode.ts';
import { flowSchemaKind, priorityLevelKind } from './flow-control.ts';
import type { Kind } from './kind.ts';

function specWithDefaults(kind: Kind, spec: object): object {
  const object = decodeType({ metadata: { name: 'a' }, spec }, kind.typeId).value as KubeObject;
  kind.applyDefaults?.(object);
  return object.spec as object;
}

it('a flow schema without a precedence, or with none, gets the usual one', () => {
  for (const spec of [{}, { matchingPrecedence: 0 }])
    assert.deepEqual(specWithDefaults(flowSchemaKind, spec), {
      matchingPrecedence: 1000,
      priorityLevelConfiguration: { name: '' },
    });
});

it('a level that queues gets numbers for its queues', () => {
  const limited = { limitResponse: { type: 'Queue', queuing: {} } };
  assert.deepEqual(specWithDefaults(priorityLevelKind, { type: 'Limited', limited }), {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 30,
      lendablePercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
    },
  });
});
