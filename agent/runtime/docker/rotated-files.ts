// The files of a log that its writer rotates: NAME is written to, NAME.1 was
// before it, and so on; the oldest goes when a new one is made. A writer that
// keeps one file makes a new NAME in place of the old. Files are known
// by what they are, not by their names: whatever is renamed or removed
// meanwhile, every line is read once and in order, or known to be missing.
import type { Disk, ReadableFile } from '../../../platform/disk.ts';
import { logReadBytes, maxLogScans } from '../limits.ts';
import { RuntimeError } from '../runtime.ts';

export type RotatedFilesOptions = {
  path: string;
  /** Files that the writer keeps, with the one it writes to. */
  maxFiles: number;
  /** A file of this size or more gets no more lines, a smaller one was never rotated. */
  rotatedFromBytes: number;
  /** The writer puts a new file in the place of its only one, instead of renaming it. */
  isReplaced?: boolean;
};

/** Whole lines, and whether there may have been others before them that nobody can read any more. */
export type Piece = { lines: Uint8Array; missingBefore: boolean };

type Held = {
  file: ReadableFile;
  /** All before it has been read. */
  position: number;
  /** Nothing is read from here on. */
  end: number;
  missingBefore: boolean;
};

const lineBreak = 10;

export class RotatedFiles {
  #options: RotatedFilesOptions;
  #disk: Disk;
  /** Oldest first; the first is being read, the last is the newest that is known of. Never empty. */
  #held: Held[];
  #buffer = Buffer.allocUnsafe(logReadBytes);

  private constructor(options: RotatedFilesOptions, disk: Disk, files: ReadableFile[]) {
    this.#options = options;
    this.#disk = disk;
    this.#held = files.map(hold);
  }

  /** Opens all files of a log at their beginning; undefined when there are none. @throws Error when they can't be read */
  static async open(options: RotatedFilesOptions, disk: Disk): Promise<RotatedFiles | undefined> {
    const files = await openAll(options, disk);
    return files.length === 0 ? undefined : new RotatedFiles(options, disk, files);
  }

  async close(): Promise<void> {
    await Promise.all(this.#held.map(({ file }) => file.close()));
  }

  /** What is written from now on is not read. */
  async endHere(): Promise<void> {
    const newest = this.#newest();
    newest.end = await newest.file.sizeBytes();
  }

  /** Goes to the beginning of the last lines. */
  async skipToLast(lines: number): Promise<void> {
    let left = lines;
    for (let index = this.#held.length - 1; index >= 0; index -= 1) {
      const held = this.#held[index];
      if (held === undefined) return;
      const found = await this.#startOfLast(held, left);
      held.position = found.position;
      left -= found.lines;
      if (left > 0) continue;
      await this.#drop(0, index);
      return;
    }
  }

  /**
   * Whole lines, good until the next call; undefined when there are no more yet.
   * @throws RuntimeError when files are made faster than they can be found
   */
  async next(): Promise<Piece | undefined> {
    await this.#findNewer();
    for (;;) {
      const [held = this.#newest(), newer] = this.#held;
      const room = Math.min(this.#buffer.length, held.end - held.position);
      const count = room <= 0 ? 0 : await held.file.read(this.#buffer.subarray(0, room), held.position);
      const length = this.#wholeLines(count);
      if (length > 0) {
        held.position += length;
        const { missingBefore } = held;
        held.missingBefore = false;
        return { lines: this.#buffer.subarray(0, length), missingBefore };
      }
      // A file with a newer one was closed by its writer before that was made, and we knew so before we read.
      if (newer !== undefined) await this.#drop(0, 1);
      else if (held.position > (await held.file.sizeBytes())) Object.assign(held, { position: 0, missingBefore: true });
      else return undefined;
    }
  }

  /**
   * Once the writer has ended and all has been read: whether lines may be missing at the end, because the log
   * was removed before its last files were found.
   */
  async missesEnd(): Promise<boolean> {
    if ((await this.#disk.fileId(this.#options.path)) !== undefined) return false;
    return (await this.#newest().file.sizeBytes()) >= this.#options.rotatedFromBytes;
  }

  #newest(): Held {
    const newest = this.#held.at(-1);
    if (newest === undefined) throw new Error('a log without files');
    return newest;
  }

  /** Opens the files that were made since the newest that is known of. */
  async #findNewer(): Promise<void> {
    const newest = this.#newest();
    // What we hold open no other file can be mistaken for.
    if (newest.end !== Number.POSITIVE_INFINITY) return;
    if ((await this.#disk.fileId(this.#options.path)) === newest.file.id) return;
    const files = await openAll(this.#options, this.#disk);
    const known = files.findIndex(({ id }) => id === newest.file.id);
    const newer = files.splice(known + 1).map(hold);
    await Promise.all(files.map((file) => file.close()));
    // The newest one that we knew has gone: so may have others after it.
    const [first] = newer;
    if (known < 0 && first !== undefined) first.missingBefore = !(await this.#tookPlaceOf(newest.file, first.file));
    this.#held.push(...newer);
    await this.#limit();
  }

  /** Whether a file came in the place of another, with none between them: made before the other lost its name. */
  async #tookPlaceOf(old: ReadableFile, file: ReadableFile): Promise<boolean> {
    if (this.#options.isReplaced !== true) return false;
    const [{ changedMs }, { madeMs }] = await Promise.all([old.times(), file.times()]);
    return madeMs <= changedMs;
  }

  /** Of what the writer has removed, only the file that is being read is kept on the disk. */
  async #limit(): Promise<void> {
    const tooMany = this.#held.length - (this.#options.maxFiles + 1);
    if (tooMany <= 0) return;
    await this.#drop(1, tooMany);
    const [, next] = this.#held;
    if (next !== undefined) next.missingBefore = true;
  }

  async #drop(from: number, count: number): Promise<void> {
    await Promise.all(this.#held.splice(from, count).map(({ file }) => file.close()));
  }

  /** Bytes of whole lines in the buffer; all, when a line does not fit: only a damaged one is so long. */
  #wholeLines(count: number): number {
    if (count === 0) return 0;
    const length = this.#buffer.lastIndexOf(lineBreak, count - 1) + 1;
    return length === 0 && count === this.#buffer.length ? count : length;
  }

  /** Where the last lines of a file begin, and how many there are: fewer when it has no more. */
  async #startOfLast({ file, end }: Held, lines: number): Promise<{ position: number; lines: number }> {
    let seen = 0;
    for (let blockEnd = Math.min(end, await file.sizeBytes()); blockEnd > 0; ) {
      const blockStart = Math.max(0, blockEnd - this.#buffer.length);
      const block = this.#buffer.subarray(0, blockEnd - blockStart);
      const count = await file.read(block, blockStart);
      for (let at = count; at > 0; seen += 1) {
        at = block.lastIndexOf(lineBreak, at - 1);
        if (at < 0) break;
        if (seen === lines) return { position: blockStart + at + 1, lines };
      }
      blockEnd = blockStart;
    }
    return { position: 0, lines: seen };
  }
}

function hold(file: ReadableFile): Held {
  return { file, position: 0, end: Number.POSITIVE_INFINITY, missingBefore: false };
}

/**
 * All files of a log, oldest first. From the newest to the oldest, as they move while they are renamed, none
 * is passed by; when the newest is still where it was found, none has come between them either.
 */
async function openAll({ path, maxFiles }: RotatedFilesOptions, disk: Disk): Promise<ReadableFile[]> {
  for (let scan = 0; scan < maxLogScans; scan += 1) {
    const found = new Map<string, ReadableFile>();
    let newestPath = path;
    try {
      for (let number = 0; number < maxFiles; number += 1) {
        const name = number === 0 ? path : `${path}.${number}`;
        const file = await disk.openToRead(name);
        if (file === undefined) continue;
        if (found.size === 0) newestPath = name;
        if (found.has(file.id)) await file.close();
        else found.set(file.id, file);
      }
      const [newest] = found.keys();
      if ((await disk.fileId(newestPath)) === newest) return [...found.values()].reverse();
    } catch (error) {
      await closeAll(found);
      throw error;
    }
    await closeAll(found);
  }
  throw new RuntimeError('failed', `the log is rotated faster than its files can be found: ${path}`);
}

async function closeAll(files: Map<string, ReadableFile>): Promise<void> {
  await Promise.all([...files.values()].map((file) => file.close()));
}
