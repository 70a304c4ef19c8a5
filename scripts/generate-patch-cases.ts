// Generates test/differential/cases by running Kubernetes' own Go code: the
// program in scripts/oracle, built from the sources that Debian ships.
// Usage: node scripts/generate-patch-cases.ts
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildGoProgram } from './go-program.ts';

const cases = join(import.meta.dirname, '../test/differential/cases');
mkdirSync(cases, { recursive: true });
execFileSync(await buildGoProgram(join(import.meta.dirname, 'oracle')), [cases], { stdio: 'inherit' });
