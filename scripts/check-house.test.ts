// The alarm must ring: each rule of the house is broken once in a tree of its own.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { checkHouse } from './check-house.ts';

const header = '// A file for the test.\n';
/** A small tree that keeps all rules. */
const good: Record<string, string> = {
  'cli/main.ts': "import { start } from '../hub/main.ts';\nstart();\n",
  'hub/main.ts': "import { work } from './controllers/a/controller.ts';\nexport const start = work;\n",
  'hub/controllers/a/controller.ts':
    "import { name } from '../../../api/meta/name.ts';\nexport const work = (): string => name;\n",
  'api/meta/name.ts': "export const name = 'x';\n",
};

async function problemsOf(changes: Record<string, string>, minFiles = 1): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), 'skerry-house-'));
  try {
    for (const [path, text] of Object.entries({ ...good, ...changes })) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), header + text);
    }
    return await checkHouse({ root, minFiles });
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe('check-house', () => {
  it('passes a tree that keeps the rules', async () => {
    assert.deepEqual(await problemsOf({}), []);
  });

  it('finds an import against the table', async () => {
    const problems = await problemsOf({
      'hub/store/store.ts': 'export const store = 1;\n',
      'hub/controllers/a/controller.ts':
        "import { store } from '../../store/store.ts';\nexport const work = (): number => store;\n",
      'api/meta/name.ts': "import { store } from '../../hub/store/store.ts';\nexport const name = store;\n",
      'cli/main.ts':
        "import { start } from '../hub/main.ts';\nimport { name } from '../api/meta/name.ts';\nstart(name);\n",
    });
    assert.equal(problems.length, 2);
    assert.match(problems[0] ?? '', /^api\/meta\/name\.ts: may not import hub\/store\/store\.ts/);
    assert.match(problems[1] ?? '', /^hub\/controllers\/a\/controller\.ts: may not import hub\/store\/store\.ts/);
  });

  it('finds controllers that import each other, and the hub importing the agent', async () => {
    const problems = await problemsOf({
      'hub/controllers/b/plan.ts': 'export const plan = 1;\n',
      'hub/controllers/a/controller.ts':
        "import { plan } from '../b/plan.ts';\nimport { name } from '../../../api/meta/name.ts';\nexport const work = (): unknown => [plan, name];\n",
      'agent/main.ts': 'export const agent = 1;\n',
      'hub/main.ts':
        "import { agent } from '../agent/main.ts';\nimport { work } from './controllers/a/controller.ts';\nexport const start = (): unknown => [work, agent];\n",
    });
    assert.equal(problems.length, 2);
    assert.match(
      problems.join('\n'),
      /hub\/controllers\/a\/controller\.ts: may not import hub\/controllers\/b\/plan\.ts/,
    );
    assert.match(problems.join('\n'), /hub\/main\.ts: may not import agent\/main\.ts/);
  });

  it('finds time, timers, randomness, files and sockets taken past the door', async () => {
    const body = (line: string): Record<string, string> => ({
      'api/meta/name.ts': `${line}\nexport const name = 'x';\n`,
    });
    for (const call of [
      'Date.now()',
      'setTimeout(() => 1, 1)',
      'setInterval(() => 1, 1)',
      'Math.random()',
      'new Date()',
    ]) {
      const problems = await problemsOf(body(`export const bad = (): unknown => ${call};`));
      assert.equal(problems.length, 1, `${call}: ${problems.join('; ')}`);
      assert.match(problems[0] ?? '', /is to be had from platform only/);
    }
    assert.match((await problemsOf(body("import 'node:fs';")))[0] ?? '', /node:fs may be imported only in platform/);
    assert.match(
      (
        await problemsOf({
          'hub/main.ts':
            "import { work } from './controllers/a/controller.ts';\nimport 'dockerode';\nexport const start = work;\n",
        })
      )[0] ?? '',
      /dockerode may be imported only in agent\/runtime\/docker/,
    );
  });

  it('does not mind the words in comments', async () => {
    assert.deepEqual(
      await problemsOf({ 'api/meta/name.ts': "// Date.now() is not for us.\nexport const name = 'x';\n" }),
      [],
    );
  });

  it('finds Date.now in hub/', async () => {
    const problems = await problemsOf({
      'hub/main.ts':
        "import { work } from './controllers/a/controller.ts';\nexport const start = (): unknown => [work, Date.now()];\n",
    });
    assert.deepEqual(problems, ['hub/main.ts: Date.now is to be had from platform only']);
  });

  it('finds a file that nobody imports', async () => {
    assert.deepEqual(await problemsOf({ 'api/meta/lonely.ts': 'export const lonely = 1;\n' }), [
      'api/meta/lonely.ts: is imported by nobody',
    ]);
  });

  it('finds circles, long files and files that do not say what they are for', async () => {
    const circle = await problemsOf({
      'api/meta/name.ts': "import { other } from './other.ts';\nexport const name = other;\n",
      'api/meta/other.ts': "import { name } from './name.ts';\nexport const other = name;\n",
    });
    assert.equal(circle.length, 1);
    assert.match(
      circle[0] ?? '',
      /^circle of imports: api\/meta\/name\.ts -> api\/meta\/other\.ts -> api\/meta\/name\.ts$/,
    );
    assert.match(
      (await problemsOf({ 'api/meta/name.ts': `export const name = 'x';\n${'\n'.repeat(500)}` }))[0] ?? '',
      /503 lines, at most 500/,
    );
  });

  it('does not pass when it sees no tree', async () => {
    assert.match((await problemsOf({}, 100))[0] ?? '', /saw only 4 files/);
  });
});
