// npm run conformance: runs our versions of Kubernetes' conformance tests and
// writes docs/conformance.md, which says of each whether it passes. Refuses to
// write when a test file broke off, so that the table never lacks a test.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { notBuilt, notCovered } from '../test/contract/kubernetes/not-covered.ts';

const root = join(import.meta.dirname, '..');
const folder = 'test/contract/kubernetes';
const fileTimeoutMs = 900_000;

type Outcome = { name: string; result: string };

/** Names of the tests that a source registers: literals, as `conformance` asks for. */
function namesIn(source: string): string[] {
  return [...source.matchAll(/^conformance\(\s*(['"`])(.+?)\1,/gm)].map((match) => match[2] ?? '');
}

/** Runs the files one after the other; resolves with the names that passed, and with what failed beside tests. */
function runFiles(files: string[], names: Set<string>): Promise<{ passed: Set<string>; troubles: string[] }> {
  const passed = new Set<string>();
  const troubles: string[] = [];
  const events = run({ files, concurrency: 1, timeout: fileTimeoutMs });
  events.on('test:pass', ({ name, skip, todo }) => {
    const counts = (skip === undefined || skip === false) && (todo === undefined || todo === false);
    if (counts && names.has(name)) passed.add(name);
    process.stdout.write(`${counts ? 'passes ' : 'skipped'} ${name}\n`);
  });
  events.on('test:fail', ({ name, details }) => {
    const { cause } = details.error;
    process.stdout.write(`FAILS   ${name}\n${cause instanceof Error ? cause.message : String(cause)}\n`);
    if (!names.has(name)) troubles.push(name);
  });
  return new Promise((resolve) => {
    events.on('end', () => resolve({ passed, troubles }));
    events.resume();
  });
}

function sigOf(name: string): string {
  return /^\[(sig-[a-z-]+)\]/.exec(name)?.[1] ?? 'other';
}

function section(sig: string, outcomes: Outcome[]): string {
  const rows = outcomes
    .filter(({ name }) => sigOf(name) === sig)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, result }) => `| ${name.replace(`[${sig}] `, '').replaceAll('|', '\\|')} | ${result} |`);
  return [`## ${sig}`, '', '| test | result |', '|---|---|', ...rows, ''].join('\n');
}

function page(outcomes: Outcome[], passing: number, inScope: number): string {
  const share = inScope === 0 ? '0' : ((100 * passing) / inScope).toFixed(1);
  const sigs = [...new Set(outcomes.map(({ name }) => sigOf(name)))].sort();
  return `<!-- Written by \`npm run conformance\`; edit nothing here. -->
# Conformance

Of the ${outcomes.length} conformance tests of Kubernetes 1.36 that need no more than an API server and controllers,
${inScope} are in scope, and of those **${passing} pass (${share} %)**. The others need what the last column says.

These are tests of our own: each is named after the test of Kubernetes whose behaviour it checks, asks for the same
behaviour of a real hub process over HTTPS, and lives in \`${folder}\`. Passing them is no certification.

${sigs.map((sig) => section(sig, outcomes)).join('\n')}`;
}

const files = globSync(`${folder}/**/*.test.ts`, { cwd: root })
  .sort()
  .map((file) => join(root, file));
const named = files.flatMap((file) => namesIn(readFileSync(file, 'utf8')));
const reasons = new Map(notCovered.flatMap(({ reason, tests }) => tests.map((name) => [name, reason] as const)));
const listed = notCovered.flatMap(({ tests }) => tests);
const doubled = [...named, ...listed].filter((name, index, all) => all.indexOf(name) !== index);
if (doubled.length > 0) {
  process.stderr.write(`conformance: named twice:\n${doubled.join('\n')}\n`);
  process.exit(2);
}
const { passed, troubles } = await runFiles(files, new Set(named));
if (troubles.length > 0) {
  process.stderr.write(`conformance: failed beside the tests, nothing is written:\n${troubles.join('\n')}\n`);
  process.exit(1);
}
const resultOf = (name: string): string =>
  passed.has(name) ? 'passes' : `**fails**${notBuilt[name] === undefined ? '' : `: ${notBuilt[name]}`}`;
const outcomes: Outcome[] = [
  ...named.map((name) => ({ name, result: resultOf(name) })),
  ...[...reasons].map(([name, reason]) => ({ name, result: `out of scope: ${reason}` })),
];
writeFileSync(join(root, 'docs/conformance.md'), page(outcomes, passed.size, named.length));
process.stdout.write(`\n${passed.size} of ${named.length} in scope pass; ${listed.length} are out of scope\n`);
process.exit(named.every((name) => passed.has(name) || notBuilt[name] !== undefined) ? 0 : 1);
