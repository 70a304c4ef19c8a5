// What the embedded store makes of a process that is killed, a power cut, a
// full disk and damaged files. Started with the argument "writer" this file is
// the process that gets killed.
import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NedbStore } from '../../hub/store/nedb/nedb-store.ts';
import type { StoreError, StoreEvent } from '../../hub/store/store.ts';
import { createSystemDisk, type Disk } from '../../platform/disk.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { type Change, eventsOf, stateAfter, storeError, toChange } from '../contract/store-suite.ts';

const run = promisify(execFile);

async function openStore(
  directory: string,
  segmentBytes = 1 << 20,
  disk: Disk = createSystemDisk(),
): Promise<NedbStore> {
  const store = new NedbStore({ directory, segmentBytes }, { disk, log: createMemoryLog([]) });
  await store.start();
  return store;
}

/** A directory that goes when the test ends. */
async function temporary(test: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skerry-crash-'));
  test.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function segments(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /^segment-\d+\.db$/.test(name));
  return names.sort().map((name) => join(directory, name));
}

function last<T>(items: readonly T[]): T {
  const item = items.at(-1);
  assert.ok(item !== undefined);
  return item;
}

/** Writes one after the other and returns what was written. */
async function writeAll(store: NedbStore, writes: [key: string, value: string | undefined][]): Promise<Change[]> {
  const changes: Change[] = [];
  for (const [key, value] of writes) changes.push({ key, value, revision: await store.write({ key, value }) });
  return changes;
}

/** All events that the store still has. */
function history(store: NedbStore): StoreEvent[] {
  const events: StoreEvent[] = [];
  const controller = new AbortController();
  store.watch({ prefix: '', after: store.compactRevision(), signal: controller.signal }, (batch) =>
    events.push(...batch),
  );
  controller.abort();
  return events;
}

/** Proves that the store is exactly these changes, from revision 1 on, as far as it remembers. */
async function assertHolds(store: NedbStore, changes: readonly Change[], message: string): Promise<void> {
  assert.equal(store.revision(), changes.length, message);
  for (const revision of [store.compactRevision(), store.revision()]) {
    const { entries } = await store.list({ prefix: '', revision });
    assert.deepEqual(entries, stateAfter(changes.slice(0, revision)), `${message}: state at ${revision}`);
  }
  const expected = eventsOf(changes).filter((event) => event.revision > store.compactRevision());
  assert.deepEqual(history(store), expected, `${message}: history`);
}

/** Opens a directory that must be whole, looks at it, and proves that it can be written and opened again. */
async function reopenAndCheck(
  directory: string,
  changes: readonly Change[],
  acknowledged: number,
  message: string,
): Promise<void> {
  const store = await openStore(directory);
  const found = store.revision();
  assert.ok(
    found >= acknowledged,
    `${message}: revision ${found} is less than ${acknowledged}, which was acknowledged`,
  );
  const expected = changes.slice(0, found);
  await assertHolds(store, expected, message);
  assert.equal(await store.write({ key: 'after-the-crash', value: message }), found + 1);
  await store.close();
  const again = await openStore(directory);
  await assertHolds(
    again,
    [...expected, { key: 'after-the-crash', value: message, revision: found + 1 }],
    `${message}, opened again`,
  );
  await again.close();
}

async function rejectsAsCorrupt(directory: string, path: string, message: string): Promise<void> {
  await assert.rejects(openStore(directory), (error: unknown) => {
    assert.equal((error as StoreError).code, 'corrupt', `${message}: ${error}`);
    assert.match((error as StoreError).message, new RegExp(basename(path)), message);
    assert.match((error as StoreError).message, /restore/, message);
    return true;
  });
}

function testDamage(): void {
  it('opens with the newest segment cut at any byte of its last batch', { timeout: 60_000 }, async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const store = await openStore(directory);
    const changes = await writeAll(store, [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
      ['b', undefined],
    ]);
    const acknowledged = store.revision();
    const newest = last(segments(directory));
    const startBytes = statSync(newest).size;
    const batch: [string, string | undefined][] = [
      ['a', '3 ünï'],
      ['c', undefined],
      ['b', '2'],
      ['a', undefined],
    ];
    await Promise.all(batch.map(([key, value]) => store.write({ key, value })));
    for (const [key, value] of batch.filter(([key]) => key !== 'c'))
      changes.push({ key, value, revision: changes.length + 1 });
    await store.close();
    const endBytes = statSync(newest).size;
    assert.ok(endBytes - startBytes > 100);
    for (let lengthBytes = startBytes; lengthBytes <= endBytes; lengthBytes += 1) {
      const copy = join(root, `cut-${lengthBytes}`);
      cpSync(directory, copy, { recursive: true });
      truncateSync(last(segments(copy)), lengthBytes);
      await reopenAndCheck(
        copy,
        changes,
        lengthBytes === endBytes ? changes.length : acknowledged,
        `cut at ${lengthBytes}`,
      );
      await rm(copy, { recursive: true });
    }
  });

  it('opens when the newest segment was being made', async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const store = await openStore(directory, 200);
    const changes = await writeAll(store, [
      ['a', '1'.repeat(200)],
      ['b', '1'],
    ]);
    await store.close();
    const next = join(directory, 'segment-00000099.db');
    const header = readFileSync(last(segments(directory)), 'utf8').split('\n')[0] ?? '';
    for (const content of ['', header.slice(0, 1), header.slice(0, -1), header]) {
      const copy = await mkdtemp(join(root, 'copy-'));
      cpSync(directory, copy, { recursive: true });
      writeFileSync(join(copy, basename(next)), content);
      writeFileSync(join(copy, `${basename(next)}~`), content);
      await reopenAndCheck(copy, changes, changes.length, `a header of ${content.length} bytes`);
    }
  });

  it('refuses damage anywhere but at the end, naming the file', { timeout: 60_000 }, async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const store = await openStore(directory, 250);
    await writeAll(
      store,
      Array.from({ length: 12 }, (_, index) => [`k${index % 4}`, `value ${index}`]),
    );
    await store.close();
    const files = segments(directory);
    assert.ok(files.length >= 3);
    for (const [index, path] of files.entries()) {
      const content = readFileSync(path);
      const lastLine = content.subarray(0, -1).lastIndexOf(10) + 1;
      const endBytes = path === last(files) ? lastLine : content.length;
      // Each byte of one segment, a sample of the others.
      for (let offset = index; offset < endBytes; offset += index === 1 ? 1 : 23) {
        const damaged = Buffer.from(content);
        damaged[offset] = (damaged[offset] ?? 0) ^ 1;
        writeFileSync(path, damaged);
        await rejectsAsCorrupt(directory, path, `byte ${offset} of ${basename(path)}`);
      }
      if (path !== last(files)) {
        for (const lengthBytes of [0, lastLine, content.length - 1]) {
          writeFileSync(path, content.subarray(0, lengthBytes));
          await assert.rejects(openStore(directory), storeError('corrupt'), `${basename(path)} cut at ${lengthBytes}`);
        }
      }
      writeFileSync(path, content);
    }
    await reopenAndCheck(directory, await readChanges(directory), 12, 'undamaged');
  });

  it('refuses to open without one of its segments, naming it', async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const store = await openStore(directory, 250);
    await writeAll(
      store,
      Array.from({ length: 12 }, (_, index) => [`k${index}`, `value ${index}`]),
    );
    await store.compact(6);
    await store.close();
    for (const path of segments(directory).slice(0, -1)) {
      const content = readFileSync(path);
      await rm(path);
      await rejectsAsCorrupt(directory, path, `without ${basename(path)}`);
      writeFileSync(path, content);
    }
    await (await openStore(directory)).close();
  });
}

async function readChanges(directory: string): Promise<Change[]> {
  const store = await openStore(directory);
  const changes = history(store).map(toChange);
  await store.close();
  return changes;
}

/** A crash at a moment: the files as they were, how much of each was durable, and what had been acknowledged. */
type CrashPoint = { directory: string; what: string; acknowledged: number; durableBytes: Map<string, number> };

/** A disk that keeps a copy of a directory from before each step that changes something on it. */
class RecordingDisk {
  readonly points: CrashPoint[] = [];
  /** How much of each file fdatasync has vouched for. */
  readonly durableBytes = new Map<string, number>();
  readonly disk: Disk;
  acknowledged = 0;
  recording = false;
  #directory: string;
  #copies: string;

  constructor(directory: string, copies: string) {
    this.#directory = directory;
    this.#copies = copies;
    const real = createSystemDisk();
    this.disk = {
      ...real,
      write: async (path, content, options) => {
        this.#point(`before writing ${basename(path)}`);
        await real.write(path, content, options);
      },
      remove: async (path) => {
        if (existsSync(path)) this.#point(`before removing ${basename(path)}`);
        await real.remove(path);
        if (this.recording) this.#point(`after removing ${basename(path)}`);
      },
      open: async (path) => {
        const file = await real.open(path);
        return {
          ...file,
          sync: async () => {
            this.#point(`before fdatasync of ${basename(path)}`);
            await file.sync();
            this.durableBytes.set(basename(path), await file.sizeBytes());
            this.#point(`after fdatasync of ${basename(path)}`);
          },
          truncate: async (lengthBytes) => {
            this.#point(`before truncating ${basename(path)}`);
            await file.truncate(lengthBytes);
            this.durableBytes.set(basename(path), lengthBytes);
          },
        };
      },
    };
  }

  #point(what: string): void {
    if (!this.recording || this.points.length >= 400) return;
    const directory = join(this.#copies, String(this.points.length));
    cpSync(this.#directory, directory, { recursive: true });
    this.points.push({ directory, what, acknowledged: this.acknowledged, durableBytes: new Map(this.durableBytes) });
  }
}

/** Takes from the files what a power cut may take: all that no fdatasync has vouched for. */
function cutPower(directory: string, durableBytes: Map<string, number>): void {
  for (const path of segments(directory)) {
    const durable = durableBytes.get(basename(path)) ?? 0;
    if (statSync(path).size > durable) truncateSync(path, durable);
  }
}

function testCrashPoints(): void {
  it('survives a kill and a power cut at every step of compactions beside writers', {
    timeout: 120_000,
  }, async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const recorder = new RecordingDisk(directory, join(root, 'copies'));
    const store = await openStore(directory, 300, recorder.disk);
    const changes: Change[] = [];
    const write = async (key: string, value: string | undefined): Promise<void> => {
      const revision = await store.write({ key, value });
      recorder.acknowledged = Math.max(recorder.acknowledged, revision);
      changes.push({ key, value, revision });
    };
    for (let turn = 0; turn < 40; turn += 1)
      await write(`k${turn % 6}`, turn % 6 === 5 && turn % 4 === 3 ? undefined : `v${turn}`);
    const doomed = store.revision();
    await write('k0', undefined);
    recorder.recording = true;
    const writer = async (name: string): Promise<void> => {
      for (let turn = 0; turn < 6; turn += 1)
        await write(`${name}${turn % 2}`, turn === 4 ? undefined : `beside ${turn}`);
    };
    await Promise.all([writer('x'), writer('y'), store.compact(doomed)]);
    await Promise.all([writer('x'), store.compact(store.revision() - 2)]);
    recorder.recording = false;
    await store.close();
    changes.sort((a, b) => a.revision - b.revision);
    assert.ok(
      recorder.points.some(({ what }) => what.startsWith('after removing')),
      'no segment was ever reclaimed',
    );
    for (const { directory: copy, what, acknowledged, durableBytes } of recorder.points) {
      const powerless = `${copy}-power`;
      cpSync(copy, powerless, { recursive: true });
      await reopenAndCheck(copy, changes, acknowledged, `killed ${what}`);
      cutPower(powerless, durableBytes);
      await reopenAndCheck(powerless, changes, acknowledged, `power cut ${what}`);
      await rm(powerless, { recursive: true });
    }
    await reopenAndCheck(directory, changes, changes.length, 'closed');
  });

  it('makes what it found at its start durable before it writes more', async (test) => {
    const root = await temporary(test);
    const directory = join(root, 'data');
    const before = await openStore(directory);
    const changes = await writeAll(before, [['a', '1']]);
    const killed = last(segments(directory));
    const acknowledgedBytes = statSync(killed).size;
    // The process is killed between its append and its fdatasync: the line is in the page cache only.
    changes.push(...(await writeAll(before, [['a', '2']])));
    await before.close();
    const recorder = new RecordingDisk(directory, join(root, 'copies'));
    recorder.durableBytes.set(basename(killed), acknowledgedBytes);
    const store = await openStore(directory, 1 << 20, recorder.disk);
    assert.equal(store.revision(), 2);
    changes.push(...(await writeAll(store, [['a', '3']])));
    await store.close();
    cutPower(directory, recorder.durableBytes);
    await reopenAndCheck(directory, changes, 3, 'power cut after the restart');
  });
}

const writerCount = 8;

/** The child: writers that print each acknowledged write as one line of JSON, until somebody kills it. */
async function writeUntilKilled(directory: string): Promise<void> {
  const store = await openStore(directory, 4096);
  const fail = (error: unknown): void => {
    writeSync(1, `${JSON.stringify({ failed: String(error) })}\n`);
    process.exit(1);
  };
  const writer = async (number: number): Promise<void> => {
    // Bounded, should the parent die first.
    for (let turn = 0; turn < 50_000; turn += 1) {
      const key = `w${number}/${turn % 7}`;
      const present = await store.get(key);
      const value = turn % 5 === 4 && present !== undefined ? undefined : `${process.pid}/${number}/${turn}`;
      const revision = await store.write({ key, value, expect: present?.modRevision ?? 0 });
      writeSync(1, `${JSON.stringify({ revision, key, value })}\n`);
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

function testFullDisk(): void {
  const valueBytes = 1024;

  const onTinyDisk = (title: string, body: (directory: string) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async (test) => {
      const directory = await temporary(test);
      try {
        await run('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', directory]);
      } catch (error) {
        test.skip(`a tmpfs can't be mounted here: ${(error as Error).message}`);
        return;
      }
      try {
        await body(directory);
      } finally {
        await run('umount', ['-l', directory]);
      }
    });
  };

  /** Takes all the space there is, but for this many bytes. */
  const fill = (directory: string, leaveBytes: number): string => {
    const path = join(directory, 'ballast');
    const page = Buffer.alloc(4096);
    writeFileSync(path, '');
    try {
      for (let pages = 0; pages < 1000; pages += 1) writeFileSync(path, page, { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
    truncateSync(path, Math.max(0, statSync(path).size - leaveBytes));
    return path;
  };

  const data = (index: number): [string, string] => [`k${index % 20}`, `${index}/`.padEnd(valueBytes, 'x')];

  const failingWrites = async (store: NedbStore, count: number): Promise<void> => {
    const writes = Array.from({ length: count }, (_, index) =>
      store.write({ key: `refused/${index}`, value: 'y'.repeat(valueBytes) }),
    );
    for (const result of await Promise.allSettled(writes)) {
      assert.equal(result.status, 'rejected');
      storeError('no-space')(result.reason);
    }
  };

  onTinyDisk(
    'on a full disk writes fail with no-space, reads go on, and all heals when there is space',
    async (directory) => {
      const store = await openStore(join(directory, 'data'), 32 << 10);
      const changes = await writeAll(
        store,
        Array.from({ length: 60 }, (_, index) => data(index)),
      );
      for (let round = 0; round < 5; round += 1) {
        const ballast = fill(directory, round * 4096);
        const before = store.revision();
        // More than fits, so that the failing batch gets partly into the file.
        await failingWrites(store, 40);
        await failingWrites(store, 40);
        assert.equal(store.revision(), before);
        await assertHolds(store, changes, `round ${round}, full`);
        await rm(ballast);
        changes.push(...(await writeAll(store, [data(100 + round)])));
        await assertHolds(store, changes, `round ${round}, healed`);
      }
      await store.close();
      await reopenAndCheck(join(directory, 'data'), changes, changes.length, 'reopened');
    },
  );

  onTinyDisk('what a full disk refused is not there after a restart', async (directory) => {
    const data0 = join(directory, 'data');
    const store = await openStore(data0);
    const changes = await writeAll(
      store,
      Array.from({ length: 60 }, (_, index) => data(index)),
    );
    const ballast = fill(directory, 12 << 10);
    await failingWrites(store, 40);
    await store.close();
    await rm(ballast);
    await reopenAndCheck(data0, changes, changes.length, 'reopened');
  });

  onTinyDisk('starts on a full disk: reads first, writes when there is space', async (directory) => {
    const data0 = join(directory, 'data');
    const first = await openStore(data0);
    const changes = await writeAll(
      first,
      Array.from({ length: 40 }, (_, index) => data(index)),
    );
    await first.close();
    const ballast = fill(directory, 0);
    const store = await openStore(data0);
    await assertHolds(store, changes, 'started full');
    await failingWrites(store, 3);
    await rm(ballast);
    changes.push(...(await writeAll(store, [data(1)])));
    await store.close();
    await reopenAndCheck(data0, changes, changes.length, 'reopened');
  });

  onTinyDisk('a compaction that runs out of space loses nothing and can be done again', async (directory) => {
    const data0 = join(directory, 'data');
    const store = await openStore(data0, 16 << 10);
    const changes = await writeAll(
      store,
      Array.from({ length: 200 }, (_, index) => data(index)),
    );
    const ballast = fill(directory, 8 << 10);
    await store.compact(150).catch(storeError('no-space'));
    await assertHolds(store, changes, 'after the first try');
    await rm(ballast);
    await store.compact(190);
    await assertHolds(store, changes, 'after the second try');
    await store.close();
    await reopenAndCheck(data0, changes, changes.length, 'reopened');
  });
}

function testLeftovers(): void {
  it('a segment that should have been removed does no harm and goes with the next compaction', async (test) => {
    const directory = await temporary(test);
    const before = await openStore(directory, 300);
    await writeAll(
      before,
      Array.from({ length: 30 }, (_, index) => [`k${index % 5}`, `value ${index}`]),
    );
    const { entries } = await before.list({ prefix: '' });
    const oldest = segments(directory)[0] ?? '';
    const content = readFileSync(oldest);
    await before.compact(28);
    await before.close();
    assert.ok(!existsSync(oldest), 'the oldest segment was not reclaimed');
    // The power went between the note that the segment is empty and the removal of its file.
    writeFileSync(oldest, content);
    for (let round = 0; round < 3; round += 1) {
      const store = await openStore(directory, 300);
      assert.deepEqual((await store.list({ prefix: 'k' })).entries, entries);
      await writeAll(
        store,
        Array.from({ length: 10 }, (_, index) => ['more', `${round}/${index}`]),
      );
      await store.compact(store.revision());
      await store.close();
    }
    assert.ok(!existsSync(oldest));
  });
}

const [, , role, writerDirectory] = process.argv;
if (role === 'writer' && writerDirectory !== undefined) {
  await writeUntilKilled(writerDirectory);
} else {
  describe('nedb store, damaged files', testDamage);
  describe('nedb store, crash points', testCrashPoints);
  describe('nedb store, kill -9', testKills);
  describe('nedb store, full disk', testFullDisk);
  describe('nedb store, leftovers of a compaction', testLeftovers);
}
