// Field validation of built-in kinds: strict requests name what they don't know
// and what is said twice.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
import assert from 'node:assert/strict';
import { type Cluster, conformance } from './support/conformance.ts';

const template =
  '"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"web:1"}]}}';
const selector = '"selector":{"matchLabels":{"app":"web"}}';

/** Creates a Deployment from text, strictly; it must be refused. Resolves with the message. */
async function refusal(cluster: Cluster, metadata: string, spec: string): Promise<string> {
  const body = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{${metadata}},"spec":{${spec}${selector},${template}}}`;
  const path = `${cluster.path('deployments', 'apps/v1')}?fieldManager=tester&fieldValidation=Strict`;
  const { message } = await cluster.refused(400, 'BadRequest', 'POST', path, { body });
  assert.deepEqual((await cluster.list(cluster.path('deployments', 'apps/v1'))).items, []);
  return message;
}

conformance(
  '[sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object [Conformance]',
  async (cluster) => {
    const message = await refusal(cluster, '"name":"web"', '"unknownField":"foo","replicas":2,"replicas":3,');
    assert.ok(
      message.includes('strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"'),
      message,
    );
  },
);

conformance(
  '[sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object [Conformance]',
  async (cluster) => {
    const message = await refusal(cluster, '"name":"web","unknownMeta":"foo","labels":{"app":"web"}', '');
    assert.ok(message.includes('strict decoding error: unknown field "metadata.unknownMeta"'), message);
  },
);
