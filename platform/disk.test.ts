// The machine's file system behind the Disk port: replacing in one step,
// modes, listing, and what happens when something is not there.
import assert from 'node:assert/strict';
import { appendFileSync, renameSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSystemDisk, type Disk } from './disk.ts';
import { VirtualDisk } from './virtual-disk.ts';

describe('system disk', () => {
  const disk = createSystemDisk();
  let root = '';
  let count = 0;

  /** A directory of its own for each test. */
  const fresh = async (): Promise<string> => {
    count += 1;
    const directory = join(root, String(count));
    await mkdir(directory);
    return directory;
  };

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'skerry-disk-'));
  });
  after(() => rm(root, { recursive: true }));

  it('writes and reads text and bytes, and replaces what was there', async () => {
    const path = join(await fresh(), 'file');
    assert.equal(await disk.read(path), undefined);
    for (const content of ['text ünï', Buffer.from([0, 255, 10, 0]), '', 'x'.repeat(3 << 20)]) {
      await disk.write(path, content);
      assert.deepEqual(Buffer.from((await disk.read(path)) ?? 'missing'), Buffer.from(content));
    }
  });

  it('files are for their owner alone unless asked otherwise', async () => {
    const directory = await fresh();
    await disk.write(join(directory, 'secret'), '');
    await disk.write(join(directory, 'public'), '', { mode: 0o644 });
    await disk.makeDirectory(join(directory, 'd'));
    const modes = ['secret', 'public', 'd'].map(async (name) => (await stat(join(directory, name))).mode & 0o777);
    assert.deepEqual(await Promise.all(modes), [0o600, 0o644, 0o700]);
  });

  it('a write that fails leaves the old content and nothing else', async () => {
    const directory = await fresh();
    await mkdir(join(directory, 'taken', 'by-a-directory'), { recursive: true });
    await assert.rejects(disk.write(join(directory, 'taken'), 'new'));
    await assert.rejects(disk.write(join(directory, 'absent', 'file'), 'new'), { code: 'ENOENT' });
    assert.deepEqual(await readdir(directory), ['taken']);
    assert.deepEqual(await readdir(join(directory, 'taken')), ['by-a-directory']);
  });

  it('readers see the old content or the new, never a part', async () => {
    const path = join(await fresh(), 'file');
    const contents = ['a'.repeat(1 << 18), 'b'.repeat(1 << 18)];
    await disk.write(path, contents[0] ?? '');
    let writing = true;
    const writer = (async (): Promise<void> => {
      for (let turn = 1; turn <= 20; turn += 1) await disk.write(path, contents[turn % 2] ?? '');
      writing = false;
    })();
    for (let reads = 0; writing && reads < 10_000; reads += 1) {
      assert.ok(contents.includes(Buffer.from((await disk.read(path)) ?? '').toString()));
    }
    await writer;
  });

  it('many writers of one file do not disturb each other', async () => {
    const directory = await fresh();
    const path = join(directory, 'file');
    await Promise.all(Array.from({ length: 20 }, (_, index) => disk.write(path, `content ${index}`)));
    assert.match(await readFile(path, 'utf8'), /^content \d+$/);
    assert.deepEqual(await readdir(directory), ['file']);
  });

  it('lists names sorted, without what an interrupted write left', async () => {
    const directory = await fresh();
    for (const name of ['b', 'a', 'C']) await disk.write(join(directory, name), '');
    await disk.makeDirectory(join(directory, 'd'));
    await writeFile(join(directory, '.a.1.1.tmp'), 'half');
    assert.deepEqual(await disk.list(directory), ['C', 'a', 'b', 'd']);
    assert.deepEqual(await disk.list(join(directory, 'absent')), []);
    await assert.rejects(disk.list(join(directory, 'a')), { code: 'ENOTDIR' });
  });

  it('makes directories with their parents, again without complaint', async () => {
    const path = join(await fresh(), 'a', 'b', 'c');
    await disk.makeDirectory(path);
    await disk.makeDirectory(path);
    assert.ok((await stat(path)).isDirectory());
  });

  it('removes files and trees, and what is not there', async () => {
    const directory = await fresh();
    await disk.makeDirectory(join(directory, 'tree', 'deep'));
    await disk.write(join(directory, 'tree', 'deep', 'file'), '');
    await disk.write(join(directory, 'file'), '');
    for (const name of ['tree', 'file', 'absent', join('absent', 'deep')]) await disk.remove(join(directory, name));
    assert.deepEqual(await readdir(directory), []);
  });

  it('streams a file, and fails when there is none', async () => {
    const directory = await fresh();
    const content = Buffer.alloc(2_500_000, 'abcdefg');
    await disk.write(join(directory, 'file'), content);
    const chunks: Uint8Array[] = [];
    for await (const chunk of disk.readChunks(join(directory, 'file'))) chunks.push(chunk);
    assert.ok(chunks.length > 1);
    assert.ok(Buffer.concat(chunks).equals(content));
    await assert.rejects(disk.readChunks(join(directory, 'absent'))[Symbol.asyncIterator]().next(), { code: 'ENOENT' });
  });

  it('an open file is measured, cut and synced, and made when it is not there', async () => {
    const path = join(await fresh(), 'file');
    const file = await disk.open(path);
    assert.equal(await file.sizeBytes(), 0);
    await writeFile(path, '0123456789', { flag: 'a' });
    await file.sync();
    assert.equal(await file.sizeBytes(), 10);
    await file.truncate(4);
    assert.equal(await file.sizeBytes(), 4);
    await file.close();
    assert.equal(await readFile(path, 'utf8'), '0123');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await assert.rejects(disk.open(join(path, 'below-a-file')), { code: 'ENOTDIR' });
  });
});

/** What another program does with files while one is read. */
type Others = { append: (path: string, text: string) => void; rename: (from: string, to: string) => void };

function readingContract(name: string, open: () => Disk & Others): void {
  it(`a file open for reading is the same under other names and under none: ${name}`, async (test) => {
    const directory = await mkdtemp(join(tmpdir(), 'skerry-disk-'));
    test.after(() => rm(directory, { recursive: true }));
    const disk = open();
    const path = join(directory, 'file');
    assert.equal(await disk.openToRead(path), undefined);
    assert.equal(await disk.fileId(path), undefined);
    disk.append(path, '0123456789');
    const file = await disk.openToRead(path);
    assert.ok(file);
    assert.equal(await disk.fileId(path), file.id);
    disk.rename(path, `${path}.1`);
    disk.append(path, 'another');
    assert.equal(await disk.fileId(`${path}.1`), file.id);
    assert.notEqual(await disk.fileId(path), file.id);
    disk.append(`${path}.1`, 'ab');
    await disk.remove(`${path}.1`);
    // As long as it is open, nothing new is taken for it.
    for (let count = 0; count < 20; count += 1) {
      disk.append(`${path}.new`, '');
      assert.notEqual(await disk.fileId(`${path}.new`), file.id);
      await disk.remove(`${path}.new`);
    }
    const buffer = Buffer.alloc(4);
    assert.equal(await file.sizeBytes(), 12);
    assert.equal(await file.read(buffer, 9), 3);
    assert.equal(buffer.toString('latin1', 0, 3), '9ab');
    assert.equal(await file.read(buffer, 12), 0);
    await file.close();
  });
}

describe('files open for reading', () => {
  readingContract('system disk', () => ({ ...createSystemDisk(), append: appendFileSync, rename: renameSync }));
  readingContract('virtual disk', () => new VirtualDisk());
});
