// Generates test/differential/cases/openapi.jsonl: what Kubernetes' own OpenAPI
// v2 says of its stable versions, without prose. The file to read is
// `src/gen/swagger.json.unprocessed` of kubernetes-client/javascript (Apache-2.0).
// Usage: node scripts/generate-openapi-cases.ts FILE[.gz]
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isJsonObject } from '../api/meta/object.ts';
import { definitionFacts, operationFacts } from '../test/differential/openapi-facts.ts';

const [file = ''] = process.argv.slice(2);
const bytes = readFileSync(file);
const document: unknown = JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString());
if (!isJsonObject(document)) throw new Error(`${file} is no OpenAPI document`);
const isStable = (name: string): boolean => !/[./]v\d+(alpha|beta)\d+[./]/.test(name);
const facts = [...definitionFacts(document), ...operationFacts(document)];
const lines = facts.filter(({ name }) => isStable(name)).map((fact) => `${JSON.stringify(fact)}\n`);
writeFileSync(join(import.meta.dirname, '../test/differential/cases/openapi.jsonl'), lines.join(''));
process.stdout.write(`${lines.length} facts written\n`);
