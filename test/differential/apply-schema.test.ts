// What server-side apply takes for one value, and by what it tells the items of
// lists apart, field by field of every type, against Kubernetes' own schema.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Shape, shapeOfType } from '../../api/patch/apply/shape.ts';
import { isType } from '../../api/schema/schema.ts';
import { readCases } from './cases.ts';

type Row = { type: string; fields: Record<string, unknown> };

function formOf(shape: Shape | undefined): unknown {
  if (shape?.form !== 'list') return shape?.form;
  return Object.fromEntries(shape.keys.map((key) => [key, shape.keyDefaults[key] ?? null]));
}

// Nobody looks into managedFields, which are one value as a whole.
const unseen = 'meta.v1.ManagedFieldsEntry';
const rows = readCases<Row>('apply-schema.jsonl').filter(({ type }) => isType(type) && type !== unseen);
it('has types', () => assert.ok(rows.length > 400, `${rows.length} types`));
for (const { type, fields } of rows) {
  it(type, () => {
    const shape = shapeOfType(type);
    assert.equal(shape.form, 'struct');
    if (shape.form !== 'struct') return;
    const ours = Object.fromEntries(Object.keys(fields).map((name) => [name, formOf(shape.fields.get(name)?.shape)]));
    assert.deepEqual(ours, fields);
  });
}
