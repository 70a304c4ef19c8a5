// What the embedded store makes of a process that is killed while it writes.
// Started with the argument "writer" this file is the process that gets killed.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Change, toChange } from '../contract/store/support.ts';
import { assertHolds, history, openStore, segments, temporary } from './support.ts';

const writerCount = 8;

/** Prints a line at once, so that no kill can come between a write and what is said of it. */
function say(message: object): void {
  for (;;) {
    try {
      writeSync(1, `${JSON.stringify(message)}\n`);
      return;
    } catch (error) {
      // The pipe is full because the parent is slow: short lines go in whole or not at all.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** The child: writers that print each acknowledged write as one line of JSON, until somebody kills it. */
async function writeUntilKilled(directory: string): Promise<void> {
  const store = await openStore(directory, 4096);
  const fail = (error: unknown): void => {
    say({ failed: String(error) });
    process.exit(1);
  };
  const writer = async (number: number): Promise<void> => {
    // Bounded, should the parent die first.
    for (let turn = 0; turn < 50_000; turn += 1) {
      const key = `w${number}/${turn % 7}`;
      const present = await store.get(key);
      const value = turn % 5 === 4 && present !== undefined ? undefined : `${process.pid}/${number}/${turn}`;
      const revision = await store.write({ key, value, expect: present?.modRevision ?? 0 });
      say({ revision, key, value });
      if (number === 0 && turn % 40 === 39) await store.compact(Math.max(0, store.revision() - 200));
    }
  };
  await Promise.all(Array.from({ length: writerCount }, (_, number) => writer(number))).catch(fail);
}

/** Runs the child until it has acknowledged that many writes, kills it, and returns what it acknowledged. */
async function writeAndKill(directory: string, killAfter: number): Promise<Change[]> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = fork(fileURLToPath(import.meta.url), ['writer', directory], {
    execArgv: [],
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const exited = new Promise<string | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  const timeout = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const acknowledged: Change[] = [];
  try {
    assert.ok(child.stdout !== null);
    for await (const line of createInterface(child.stdout)) {
      // The kill may have cut the last line.
      if (!line.endsWith('}')) break;
      const message: { failed?: string; revision: number; key: string; value?: string } = JSON.parse(line);
      assert.equal(message.failed, undefined);
      acknowledged.push({ revision: message.revision, key: message.key, value: message.value });
      if (acknowledged.length === killAfter) child.kill('SIGKILL');
    }
  } finally {
    child.kill('SIGKILL');
    clearTimeout(timeout);
  }
  assert.equal(await exited, 'SIGKILL');
  assert.ok(acknowledged.length >= killAfter, `only ${acknowledged.length} writes before the end`);
  return acknowledged;
}

function testKills(): void {
  it('loses no acknowledged write and reuses no revision over 15 kills', { timeout: 120_000 }, async (test) => {
    const directory = join(await temporary(test), 'data');
    const known: Change[] = [];
    const learn = (change: Change, from: string): void => {
      const earlier = known[change.revision - 1];
      if (earlier !== undefined)
        assert.deepEqual(change, earlier, `revision ${change.revision} was used twice (${from})`);
      known[change.revision - 1] = change;
    };
    for (let round = 0; round < 15; round += 1) {
      const killAfter = 1 + Math.floor(Math.random() ** 2 * 1500);
      const acknowledged = await writeAndKill(directory, killAfter);
      for (const change of acknowledged) learn(change, 'acknowledged');
      const store = await openStore(directory, 4096);
      const message = `round ${round}, killed after ${killAfter}`;
      assert.ok(
        store.revision() >= known.length,
        `${message}: ${store.revision()} of ${known.length} revisions are there`,
      );
      for (const event of history(store)) learn(toChange(event), 'history');
      assert.equal(Object.keys(known).length, store.revision(), `${message}: a revision that nobody knows`);
      await assertHolds(store, known, message);
      await store.close();
    }
    assert.ok(segments(directory).length > 1);
  });
}

const [, , role, writerDirectory] = process.argv;
if (role === 'writer' && writerDirectory !== undefined) {
  await writeUntilKilled(writerDirectory);
} else {
  describe('nedb store, kill -9', testKills);
}
