// npm test: all tests of the tree, kind by kind, and one closing line with the counts.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = join(import.meta.dirname, '..');

type Group = { name: string; patterns: string[]; concurrency: number };
/** Real engines and networks are shared: those tests go one file at a time. */
const groups: Group[] = [
  {
    name: 'unit',
    patterns: ['{api,platform,hub,agent,firmware-images,cli,scripts,bench}/**/*.test.ts'],
    concurrency: 2,
  },
  { name: 'contract', patterns: ['test/contract/**/*.test.ts'], concurrency: 2 },
  { name: 'differential', patterns: ['test/differential/**/*.test.ts'], concurrency: 2 },
  { name: 'simulation', patterns: ['test/simulation/**/*.test.ts'], concurrency: 2 },
  { name: 'crash', patterns: ['test/crash/**/*.test.ts'], concurrency: 2 },
  { name: 'security', patterns: ['test/security/**/*.test.ts'], concurrency: 2 },
  { name: 'integration', patterns: ['test/integration/**/*.test.ts'], concurrency: 2 },
  { name: 'e2e', patterns: ['test/e2e/**/*.test.ts'], concurrency: 1 },
];
/** Takes many minutes or large downloads: run when it is asked for (`npm test -- long`), and not with the others. */
const long: Group = {
  name: 'long',
  patterns: [
    'test/integration/kubectl-matrix/*.test.ts',
    'test/integration/go-client.test.ts',
    'test/integration/packages.test.ts',
    'test/e2e/streams-bulk.test.ts',
    'test/e2e/streams-faults.test.ts',
  ],
  concurrency: 1,
};
/** Devices in QEMU: wants an image (SKERRY_RIG_IMAGE, or it builds one) and most of an hour; run when it is asked for. */
const rig: Group = { name: 'rig', patterns: ['test/rig/*.test.ts'], concurrency: 1 };
const fileTimeoutMs = 900_000;
const rigTimeoutMs = 4 * 3_600_000;
const maximumCauseCharacters = 4_000;

type Counts = { passed: number; failed: number; skipped: number };

/** What failed, told once more at the end: there it is found without reading what the others printed. */
const failures: string[] = [];

function runGroup({ name, patterns, concurrency }: Group): Promise<Counts> {
  const apart = name === long.name ? [] : globSync(long.patterns, { cwd: root });
  const files = globSync(patterns, { cwd: root, exclude: (path) => path.includes('node_modules') })
    .filter((file) => !apart.includes(file))
    .map((file) => join(root, file));
  if (files.length === 0) return Promise.resolve({ passed: 0, failed: 0, skipped: 0 });
  process.stdout.write(`\n== ${name}: ${files.length} files\n`);
  return new Promise((resolve) => {
    const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
    const events = run({ files, concurrency, timeout: name === rig.name ? rigTimeoutMs : fileTimeoutMs });
    events.on('test:pass', ({ details, skip }) => {
      if (details.type === 'suite') return;
      if (skip !== undefined && skip !== false) counts.skipped += 1;
      else counts.passed += 1;
    });
    events.on('test:fail', ({ details, todo, name: failed, file, line }) => {
      if (details.type === 'suite') return;
      // What is not built yet, and says so.
      if (todo !== undefined && todo !== false) counts.skipped += 1;
      else {
        counts.failed += 1;
        failures.push(failureText(file, line, failed, details.error));
      }
    });
    const report = events.compose(new spec());
    report.pipe(process.stdout, { end: false });
    report.on('end', () => resolve(counts));
  });
}

function failureText(file: string | undefined, line: number | undefined, name: string, error: Error): string {
  const where = file === undefined ? '' : `${relative(root, file)}:${line ?? 1} `;
  const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : error.message;
  return `${where}${name}\n${cause.slice(0, maximumCauseCharacters).replaceAll(/^/gm, '    ')}`;
}

/** Waits for a child process; resolves with its exit code. */
function check(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'scripts/check.ts')], { stdio: 'inherit' });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const only = process.argv.slice(2);
const chosen = only.length === 0 ? groups : [...groups, long, rig].filter((group) => only.includes(group.name));
if (chosen.length === 0) {
  process.stderr.write(
    `test: expected names of ${groups.map((group) => group.name).join(', ')}, found ${only.join(', ')}\n`,
  );
  process.exit(2);
}
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
if (only.length === 0 && (await check()) !== 0) {
  total.failed += 1;
  failures.push('scripts/check.ts');
}
for (const group of chosen) {
  const counts = await runGroup(group);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
if (failures.length > 0) process.stdout.write(`\n== failed\n${failures.join('\n')}\n`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
