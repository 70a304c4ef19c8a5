// What the embedded store makes of damaged files: a torn end is cut off, a hole
// anywhere else is an error that names the file and the way back.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import type { StoreError } from '../../hub/store/store.ts';
import { type Change, storeError, toChange } from '../contract/store/support.ts';
import { history, last, openStore, reopenAndCheck, segments, temporary, writeAll } from './support.ts';

async function rejectsAsCorrupt(directory: string, path: string, message: string): Promise<void> {
  await assert.rejects(openStore(directory), (error: unknown) => {
    assert.equal((error as StoreError).code, 'corrupt', `${message}: ${error}`);
    assert.match((error as StoreError).message, new RegExp(basename(path)), message);
    assert.match((error as StoreError).message, /restore/, message);
    return true;
  });
}

async function readChanges(directory: string): Promise<Change[]> {
  const store = await openStore(directory);
  const changes = history(store).map(toChange);
  await store.close();
  return changes;
}

describe('nedb store, damaged files', () => {
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
});
