// Server-side apply and the bookkeeping of other writes, step by step, against
// what Kubernetes' field manager made of the same steps: the object, who owns
// which fields since when, and conflicts to the letter.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import { runStep } from './apply-adapter.ts';
import { type ApplyCase, comparable, type Refusal, restorePaths, type Step } from './apply-cases.ts';
import { readCases } from './cases.ts';

/** What Kubernetes had after the last step that changed it. */
type Expected = { live: JsonObject | undefined; managedFields: JsonObject[] };

function check(example: ApplyCase): void {
  const { start, type } = example;
  let live: KubeObject | undefined = start;
  const expected: Expected = { live: start, managedFields: (start?.metadata.managedFields ?? []) as JsonObject[] };
  for (const [index, step] of example.steps.entries()) {
    const where = `step ${index + 1}, ${step.op} by ${step.manager}`;
    if (step.sameLive !== true) expected.live = step.live;
    if (step.sameManagedFields !== true) expected.managedFields = step.managedFields ?? [];
    const before = structuredClone(live);
    const outcome = runStep(live, step, example);
    assert.deepEqual(live, before, `${where}: its arguments were changed`);
    if (step.error !== undefined) {
      assert.ok('error' in outcome, `${where}: expected ${step.error.message}`);
      checkRefusal(outcome.error, step.error, where);
      continue;
    }
    if ('error' in outcome) assert.fail(`${where}: ${outcome.error.message}`);
    live = settled(outcome.object, before, step, expected.live);
    assert.deepEqual(comparable(live, type), comparable(expected.live, type), where);
    checkManaged(live.metadata.managedFields as JsonObject[] | undefined, expected.managedFields, where);
  }
}

/** What the registry does with a result: the server's uid, and fields that the endpoint does not change. */
function settled(object: KubeObject, before: KubeObject | undefined, step: Step, expected?: JsonObject): KubeObject {
  const live = structuredClone(object);
  restorePaths(live, before, step.resetFields ?? []);
  const { uid } = (expected?.metadata ?? {}) as { uid?: string };
  if (uid !== undefined) live.metadata.uid = uid;
  return live;
}

function checkManaged(actual: JsonObject[] | undefined, expected: JsonObject[], where: string): void {
  assert.deepEqual(actual ?? [], expected, `${where}: managedFields`);
  // Clients see the text: fields come in Kubernetes' order.
  const texts = (entries: JsonObject[]): string[] => entries.map(({ fieldsV1 }) => JSON.stringify(fieldsV1));
  assert.deepEqual(texts(actual ?? []), texts(expected), `${where}: order of fields`);
}

function checkRefusal(actual: Refusal, expected: Refusal, where: string): void {
  if (expected.code === 500) {
    // Kubernetes has no better code for these. What does not fit its schema it names by path.
    const reason = /^failed to create typed patch object \([^()]*\): (?!errors:)(.*)$/.exec(expected.message)?.[1];
    // Some of its texts show Go's own form of the value: only the path and what was expected count.
    const text = reason?.replace(/, got &.*$/, '');
    if (text !== undefined) assert.ok(actual.message.includes(text), `${where}: ${actual.message} lacks ${text}`);
    return;
  }
  if (expected.code === 400) {
    assert.equal(actual.code, 400, `${where}: ${actual.message}`);
    assert.ok(actual.message.startsWith(expected.message.replace(/:.*/, '')), `${where}: ${actual.message}`);
    return;
  }
  assert.deepEqual(
    { code: actual.code, message: actual.message },
    { code: expected.code, message: expected.message },
    where,
  );
  assert.deepEqual(actual.causes ?? [], expected.causes ?? [], `${where}: causes`);
}

for (const file of ['apply.jsonl', 'apply-kinds.jsonl']) {
  describe(file, () => {
    const cases = readCases<ApplyCase>(file);
    it('has cases', () => assert.ok(cases.length > 100));
    for (const example of cases) it(example.name, () => check(example));
  });
}
