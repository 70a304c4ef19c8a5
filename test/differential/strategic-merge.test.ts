// Strategic merge patches with the results of Kubernetes' strategicpatch
// library: every directive on many lists and maps, and random patches.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../../api/meta/object.ts';
import { PatchError } from '../../api/patch/patch-error.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge.ts';
import { isType } from '../../api/schema/schema.ts';
import { readCases, withoutFields } from './cases.ts';

type MergeCase = {
  name: string;
  type: string;
  original: JsonObject;
  patch: JsonObject;
  result?: JsonObject;
  /** Kubernetes refuses the patch, in these words; ours may be others. */
  error?: string;
  /** Directives stayed in the result where nothing is merged; the server drops them when it decodes. */
  leftOver?: boolean;
};

function check({ type, original, patch, result, error, leftOver }: MergeCase): void {
  assert.ok(isType(type), `${type} is not in the tables`);
  const before = structuredClone({ original, patch });
  const apply = (): JsonObject => applyStrategicMergePatch(original, patch, type);
  if (error !== undefined) {
    assert.throws(apply, PatchError, `Kubernetes says: ${error}`);
  } else {
    const dropped = (name: string, item: unknown): boolean =>
      item === null || (leftOver === true && name.startsWith('$'));
    assert.deepEqual(withoutFields(apply(), dropped), result);
  }
  assert.deepEqual({ original, patch }, before, 'arguments were changed');
}

for (const file of ['strategic-merge.jsonl', 'strategic-merge-random.jsonl']) {
  describe(file, () => {
    const cases = readCases<MergeCase>(file);
    it('has cases', () => assert.ok(cases.length > 100));
    for (const example of cases) it(`${example.name} (${example.type})`, () => check(example));
  });
}
