// Reading files that are rotated between any two steps of the reader: every
// line once and in order, or told to be missing. The disk takes inode numbers
// again as soon as they are free.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { ReadableFile } from '../../../platform/disk.ts';
import { VirtualDisk } from '../../../platform/virtual-disk.ts';
import { RotatedFiles } from './rotated-files.ts';

const path = '/log';
const lineBytes = 8;
const rotatedFromBytes = 5 * lineBytes;

/** Writes numbered lines and rotates as dockerd does, or conmon when it keeps one file, a system call a step. */
class Writer {
  readonly disk: VirtualDisk;
  readonly maxFiles: number;
  /** Lines that are whole. */
  written = 0;
  rotations = 0;
  #steps: (() => void | Promise<void>)[] = [];
  #bytes = 0;

  constructor(disk: VirtualDisk, maxFiles: number) {
    this.disk = disk;
    this.maxFiles = maxFiles;
    disk.append(path, '');
  }

  /** Whether the next step is to begin a line. */
  get idle(): boolean {
    return this.#steps.length === 0;
  }

  async step(): Promise<void> {
    if (this.idle) this.#plan();
    await this.#steps.shift()?.();
  }

  async write(lines: number): Promise<void> {
    for (const target = this.written + lines; this.written < target || !this.idle; ) await this.step();
  }

  #plan(): void {
    if (this.#bytes >= rotatedFromBytes) {
      this.#steps.push(...(this.maxFiles === 1 ? this.#replacement() : this.#renames()));
      this.#steps.push(() => {
        this.#bytes = 0;
        this.rotations += 1;
      });
    }
    const text = `${String(this.written + 1).padStart(lineBytes - 1, '0')}\n`;
    this.#steps.push(
      () => this.disk.append(path, text.slice(0, 3)),
      () => {
        this.disk.append(path, text.slice(3));
        this.#bytes += lineBytes;
        this.written += 1;
      },
    );
  }

  #renames(): (() => void | Promise<void>)[] {
    const { disk, maxFiles } = this;
    const renames = Array.from({ length: maxFiles - 1 }, (_, index) => maxFiles - 1 - index).map((number) => {
      const from = number === 1 ? path : `${path}.${number - 1}`;
      return () => disk.rename(from, `${path}.${number}`);
    });
    return [() => disk.remove(`${path}.${maxFiles - 1}`), ...renames, () => disk.append(path, '')];
  }

  #replacement(): (() => void)[] {
    return [() => this.disk.append(`${path}.tmp`, ''), () => this.disk.rename(`${path}.tmp`, path)];
  }
}

/** A disk on which something happens before each look at it. */
class BusyDisk extends VirtualDisk {
  between: () => Promise<void> = async () => undefined;

  override async openToRead(name: string): Promise<ReadableFile | undefined> {
    await this.between();
    const file = await super.openToRead(name);
    if (file === undefined) return undefined;
    return {
      ...file,
      read: async (buffer, position) => {
        await this.between();
        return file.read(buffer, position);
      },
      sizeBytes: async () => {
        await this.between();
        return file.sizeBytes();
      },
      times: async () => {
        await this.between();
        return file.times();
      },
    };
  }

  override async fileId(name: string): Promise<string | undefined> {
    await this.between();
    return super.fileId(name);
  }
}

type Read = { lines: number[] /** Lines in front of which others were said to be missing. */; missingBefore: number[] };

/** Reads what there is now. */
async function drain(files: RotatedFiles, read: Read = { lines: [], missingBefore: [] }): Promise<Read> {
  for (;;) {
    const piece = await files.next();
    if (piece === undefined) return read;
    const lines = Buffer.from(piece.lines).toString().trim().split('\n').map(Number);
    if (piece.missingBefore) read.missingBefore.push(lines[0] ?? 0);
    read.lines.push(...lines);
  }
}

async function openFiles(disk: VirtualDisk, maxFiles: number): Promise<RotatedFiles> {
  const files = await RotatedFiles.open({ path, maxFiles, rotatedFromBytes, isReplaced: maxFiles === 1 }, disk);
  assert.ok(files);
  return files;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

const maxFiles = fc.integer({ min: 2, max: 5 });

describe('rotated files', () => {
  it('nothing is lost or repeated when the writer is less than all files ahead', async () => {
    const steps = fc.array(fc.nat({ max: 25 }), { maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(maxFiles, steps, async (count, counts) => {
        const disk = new BusyDisk();
        const writer = new Writer(disk, count);
        const read: Read = { lines: [], missingBefore: [] };
        let [at, opened] = [0, false];
        // The oldest file goes with the rotation that is one too many.
        const mayGoOn = (): boolean =>
          opened ? writer.written - read.lines.length < (count - 1) * 5 - 5 : writer.written < 5 * (count - 2) + 3;
        disk.between = async () => {
          for (let left = counts[at++] ?? 0; left > 0 && (!writer.idle || mayGoOn()); left -= 1) await writer.step();
        };
        const files = await openFiles(disk, count);
        opened = true;
        while (at < counts.length) await drain(files, read);
        await drain(files, read);
        assert.deepEqual(read, { lines: numbers(1, writer.written), missingBefore: [] });
        await files.close();
        assert.equal(disk.openFiles, 0);
      }),
      { numRuns: 300 },
    );
  });

  it('whatever the writer does, lines come in order, and where some are missing that is told', async () => {
    const steps = fc.array(fc.oneof(fc.nat({ max: 6 }), fc.nat({ max: 150 })), { maxLength: 200 });
    let told = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(maxFiles, fc.constant(1)), steps, async (count, counts) => {
        const disk = new BusyDisk();
        const writer = new Writer(disk, count);
        const files = await openFiles(disk, count);
        let at = 0;
        disk.between = async () => {
          for (let left = counts[at++] ?? 0; left > 0; left -= 1) await writer.step();
        };
        const read: Read = { lines: [], missingBefore: [] };
        while (at < counts.length) await drain(files, read);
        while (!writer.idle) await writer.step();
        await drain(files, read);
        let last = 0;
        for (const line of read.lines) {
          assert.ok(line > last, `${line} came after ${last}`);
          if (line !== last + 1)
            assert.ok(read.missingBefore.includes(line), `nothing told of ${last + 1} to ${line - 1}`);
          last = line;
        }
        assert.equal(last, writer.written);
        told += read.missingBefore.length;
        await files.close();
        assert.equal(disk.openFiles, 0);
      }),
      { numRuns: 300 },
    );
    assert.ok(told > 50, `lines were missing only ${told} times: the writer was too slow to show anything`);
  });

  it('nothing is missing when one file has come in the place of another, and what was between two is', async () => {
    const disk = new VirtualDisk();
    const writer = new Writer(disk, 1);
    const files = await openFiles(disk, 1);
    const read: Read = { lines: [], missingBefore: [] };
    while (writer.rotations < 10) {
      await writer.write(4);
      await drain(files, read);
    }
    assert.deepEqual(read, { lines: numbers(1, writer.written), missingBefore: [] });
    const before = writer.rotations;
    while (writer.rotations < before + 2) await writer.write(1);
    await drain(files, read);
    assert.deepEqual(read.missingBefore, [writer.written]);
    await files.close();
  });

  it('the last lines are found in whichever files they are', async () => {
    const disk = new VirtualDisk();
    const writer = new Writer(disk, 4);
    await writer.write(18);
    disk.append(path, '00000');
    for (let count = 0; count <= 20; count += 1) {
      const files = await openFiles(disk, 4);
      await files.endHere();
      await files.skipToLast(count);
      assert.deepEqual((await drain(files)).lines, numbers(Math.max(1, 19 - count), 18), `the last ${count}`);
      await files.close();
    }
  });

  it('gives what is there at a time, and nothing that comes later', async () => {
    const disk = new VirtualDisk();
    const writer = new Writer(disk, 3);
    await writer.write(12);
    const files = await openFiles(disk, 3);
    await files.endHere();
    await writer.write(40);
    assert.deepEqual(await drain(files), { lines: numbers(1, 12), missingBefore: [] });
    await files.close();
  });

  it('goes on from the beginning when the file was emptied by somebody else', async () => {
    const disk = new VirtualDisk();
    disk.append(path, '1\n2\n3\n');
    const files = await openFiles(disk, 1);
    await drain(files);
    // As copytruncate does, which keeps the file.
    disk.truncate(path);
    disk.append(path, '4\n');
    assert.deepEqual(await drain(files), { lines: [4], missingBefore: [4] });
    await files.close();
  });

  it('tells whether the end may be missing when the log was removed', async () => {
    for (const { lines, missing } of [
      { lines: 4, missing: false },
      { lines: 5, missing: true },
    ]) {
      const disk = new VirtualDisk();
      await new Writer(disk, 3).write(lines);
      const files = await openFiles(disk, 3);
      await drain(files);
      assert.equal(await files.missesEnd(), false);
      await disk.remove(path);
      assert.deepEqual((await drain(files)).lines, []);
      assert.equal(await files.missesEnd(), missing);
      await files.close();
    }
  });

  it('of what the writer has removed, keeps only the file that is being read', async () => {
    const disk = new VirtualDisk();
    const writer = new Writer(disk, 3);
    await writer.write(2);
    const files = await openFiles(disk, 3);
    const read: Read = { lines: [], missingBefore: [] };
    for (let round = 0; round < 10; round += 1) {
      await writer.write(7);
      // Finds what is new, and reads a piece of what is old.
      const piece = await files.next();
      if (piece !== undefined) read.lines.push(...Buffer.from(piece.lines).toString().trim().split('\n').map(Number));
      assert.ok(disk.openFiles <= 4, `${disk.openFiles} files are open`);
    }
    await files.close();
    assert.equal(disk.openFiles, 0);
  });

  it('there is no log without files', async () => {
    assert.equal(await RotatedFiles.open({ path, maxFiles: 3, rotatedFromBytes }, new VirtualDisk()), undefined);
  });
});
