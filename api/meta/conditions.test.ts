// Conditions, after the API conventions: one of a type, and the transition
// time says when the status changed, not when somebody last wrote it.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findCondition, isConditionTrue, setCondition } from './conditions.ts';

const then = '2024-01-01T00:00:00Z';
const now = '2024-01-02T00:00:00Z';

it('finds a condition by its type', () => {
  const conditions = [
    { type: 'Ready', status: 'True' },
    { type: 'Available', status: 'Unknown' },
  ];
  assert.equal(findCondition(conditions, 'Available'), conditions[1]);
  assert.equal(findCondition(conditions, 'available'), undefined);
  assert.equal(findCondition(undefined, 'Ready'), undefined);
});

it('is true only when the status says True', () => {
  for (const [status, expected] of [
    ['True', true],
    ['False', false],
    ['Unknown', false],
    ['true', false],
  ] as const) {
    assert.equal(isConditionTrue([{ type: 'Ready', status }], 'Ready'), expected, status);
  }
  assert.equal(isConditionTrue([], 'Ready'), false);
  assert.equal(isConditionTrue(undefined, 'Ready'), false);
});

it('adds a new condition at the end, with the time', () => {
  const other = { type: 'Other', status: 'True', lastTransitionTime: then };
  const next = { type: 'Ready', status: 'False', reason: 'Starting', message: 'wait' };
  assert.deepEqual(setCondition(undefined, next, now), [{ ...next, lastTransitionTime: now }]);
  assert.deepEqual(setCondition([other], next, now), [other, { ...next, lastTransitionTime: now }]);
});

it('keeps the transition time while the status is the same', () => {
  const before = [{ type: 'Ready', status: 'True', reason: 'A', lastTransitionTime: then }];
  const after = setCondition(before, { type: 'Ready', status: 'True', reason: 'B', message: 'new' }, now);
  assert.deepEqual(after, [{ type: 'Ready', status: 'True', reason: 'B', message: 'new', lastTransitionTime: then }]);
});

it('moves the transition time when the status changes, in place, and leaves its input alone', () => {
  const before = [
    { type: 'A', status: 'True', lastTransitionTime: then },
    { type: 'B', status: 'True', lastTransitionTime: then },
    { type: 'C', status: 'True', lastTransitionTime: then },
  ];
  const copy = structuredClone(before);
  const after = setCondition(before, { type: 'B', status: 'Unknown' }, now);
  assert.deepEqual(after, [before[0], { type: 'B', status: 'Unknown', lastTransitionTime: now }, before[2]]);
  assert.deepEqual(before, copy);
});
