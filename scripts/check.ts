// npm run check: format, lint, types, dead code, and the rules of the house.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkHouse } from './check-house.ts';
import { staleSchema } from './schema/digest.ts';

const root = join(import.meta.dirname, '..');
/** The tree had more than this when the check was written; it only grows. */
const minFiles = 150;

type Result = { name: string; ok: boolean; output: string };

function runTool(name: string, args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules/.bin', name), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (error) => resolve({ name, ok: false, output: error.message }));
    child.once('close', (code) => resolve({ name, ok: code === 0, output }));
  });
}

async function house(): Promise<Result> {
  const problems = await checkHouse({ root, minFiles });
  return { name: 'house', ok: problems.length === 0, output: problems.join('\n') };
}

function schema(): Result {
  const problem = staleSchema();
  return { name: 'schema', ok: problem === undefined, output: problem ?? '' };
}

const results = await Promise.all([
  runTool('biome', ['check', '--error-on-warnings', '--max-diagnostics=20', '.']),
  runTool('tsc', ['-p', '.']),
  runTool('knip', ['--no-progress']),
  house(),
  schema(),
]);
for (const { name, ok, output } of results) {
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name}\n`);
  if (!ok) process.stdout.write(`${output.trim()}\n`);
}
process.exitCode = results.every((result) => result.ok) ? 0 : 1;
