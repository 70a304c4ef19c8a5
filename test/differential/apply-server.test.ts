// Server-side apply, updates and the scale subresource through a real hub, with
// what Kubernetes' field manager and scale handler made of the same requests.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject, KubeObject } from '../../api/meta/object.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { type ApplyCase, comparable, type Refusal, type Step } from './apply-cases.ts';
import { readCases, withoutFields } from './cases.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

type Status = { message: string; reason: string; code: number; details?: { causes?: JsonObject[] } };

/** The request of a step on the Deployment `it` of a namespace. */
async function send(namespace: string, step: Step): Promise<{ code: number; body: KubeObject & Status }> {
  const collection = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const path = { create: collection, update: `${collection}/it`, apply: `${collection}/it` }[step.op as 'apply'];
  const method = { create: 'POST', update: 'PUT', apply: 'PATCH', scale: 'PUT', scaleApply: 'PATCH' }[step.op];
  const query = `fieldManager=${step.manager}${step.force === true ? '&force=true' : ''}`;
  const object = withoutFields(step.object, (name) => name === 'uid') as JsonObject;
  const scaled = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'it', namespace }, ...object };
  const { code, text } = await hub.request(method, `${path ?? `${collection}/it/scale`}?${query}`, {
    body: JSON.stringify(step.op === 'scale' ? scaled : object),
    headers: { 'content-type': method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json' },
  });
  return { code, body: JSON.parse(text) as KubeObject & Status };
}

/** managedFields without times: the hub's clock is not the case's. */
function entriesOf(entries: unknown): unknown {
  return withoutFields(entries ?? [], (name) => name === 'time');
}

/** Entries of one operation come by time, and where there is none by name: their order is compared by the other test. */
function sorted(entries: unknown): unknown[] {
  return (entriesOf(entries) as JsonObject[]).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function checkRefusal(status: Status, { code, message, causes = [] }: Refusal, where: string): void {
  assert.deepEqual({ code: status.code, message: status.message }, { code, message }, where);
  const actual = (status.details?.causes ?? []).map(({ message: text, field }) => ({ message: text, field }));
  assert.deepEqual(actual, causes, where);
}

async function check(example: ApplyCase, namespace: string): Promise<void> {
  const made = await hub.request('POST', '/api/v1/namespaces', {
    body: JSON.stringify({ metadata: { name: namespace } }),
  });
  assert.equal(made.code, 201, made.text);
  let spec: unknown;
  let managedFields: JsonObject[] = [];
  for (const [index, step] of example.steps.entries()) {
    const where = `step ${index + 1}, ${step.op} by ${step.manager}`;
    if (step.sameLive !== true) spec = step.live?.spec;
    if (step.sameManagedFields !== true) managedFields = step.managedFields ?? [];
    const { code, body } = await send(namespace, step);
    if (step.error !== undefined) checkRefusal(body, step.error, where);
    else assert.ok(code === 200 || code === 201, `${where}: ${code} ${body.message}`);
    const live = await hub.get<KubeObject>(`/apis/apps/v1/namespaces/${namespace}/deployments/it`);
    assert.deepEqual(
      comparable(live.spec, 'apps.v1.DeploymentSpec'),
      comparable(spec, 'apps.v1.DeploymentSpec'),
      where,
    );
    // Controllers write the status under a name of their own.
    const written = (live.metadata.managedFields ?? []) as JsonObject[];
    const byClients = written.filter(
      ({ manager, subresource }) => manager !== 'skerry-hub' && subresource !== 'status',
    );
    assert.deepEqual(sorted(byClients), sorted(managedFields), `${where}: managedFields`);
  }
}

describe('through a hub', () => {
  const cases = readCases<ApplyCase>('apply-server.jsonl');
  it('has cases', () => assert.ok(cases.length > 5));
  for (const [index, example] of cases.entries()) it(example.name, () => check(example, `apply-${index}`));
});
