// Proves that the tables of api/schema are what their generator makes: a digest
// of both, written with the tables. Whoever changes one without the other is told.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const digestFile = 'api/schema/digest.txt';
const parts = [
  'scripts/generate-schema.ts',
  'scripts/schema/apiregistration.ts',
  'scripts/schema/go-types.ts',
  'api/schema/types.json',
  'api/schema/traits.json',
  'api/schema/descriptions.json',
];

function digest(): string {
  const hash = createHash('sha256');
  for (const path of parts) hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  return hash.digest('hex');
}

export function writeSchemaDigest(): void {
  writeFileSync(join(root, digestFile), `${digest()}\n`);
}

/** What is wrong with the tables, or nothing. */
export function staleSchema(): string | undefined {
  if (readFileSync(join(root, digestFile), 'utf8').trim() === digest()) return undefined;
  return 'api/schema is not what scripts/generate-schema.ts made: run npm run generate';
}
