// What an image is written to: a drive, past all caches, or a file that gets its
// name only when it is complete.
import { constants, readFileSync, realpathSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CommandError } from '../errors.ts';
import type { Drive } from './drives.ts';
import { sectorBytes } from './partition-table.ts';
import { humanBytes } from './text.ts';

export type Target = {
  /** As the user knows it. */
  readonly name: string;
  /** Capacity; files take what they are given. */
  readonly bytes: number;
  /** What was there before must be wiped: it is no new file. */
  readonly holdsOldData: boolean;
  /** @throws TargetError; offsets and lengths are whole sectors, buffers are aligned (see aligned-buffer.ts) */
  read: (startBytes: number, into: Buffer) => Promise<void>;
  write: (startBytes: number, data: Buffer) => Promise<void>;
  /** Resolves when all that was written has reached the medium. */
  sync: () => Promise<void>;
  /** After all is written and verified. */
  finish: () => Promise<void>;
  /** Lets go of it, whatever it holds. Never throws. */
  abandon: () => Promise<void>;
};

/** One target can't be written, which says nothing of the others. */
export class TargetError extends CommandError {}

/** What is read or written within a drive's size has an end only when the drive has gone. */
const endCode = 'nothing is there';
const goneCodes = [endCode, 'EIO', 'ENXIO', 'ENODEV', 'ENOMEDIUM', 'ENOSPC', 'EREMOTEIO', 'ETIMEDOUT'];

/** @returns what the error of an access says to a person */
function accessError(name: string, doing: string, startBytes: number, error: unknown): TargetError {
  const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  const hint = goneCodes.includes(code) ? ': was it pulled out, or is it worn out?' : '';
  return new TargetError(`${name}: ${doing} failed at ${humanBytes(startBytes)} (${code})${hint}`, { cause: error });
}

class OpenTarget {
  readonly name: string;
  #file: FileHandle;

  constructor(name: string, file: FileHandle) {
    this.name = name;
    this.#file = file;
  }

  async read(startBytes: number, into: Buffer): Promise<void> {
    await this.#all('reading', startBytes, into, async (done) => {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, startBytes + done);
      return bytesRead;
    });
  }

  async write(startBytes: number, data: Buffer): Promise<void> {
    await this.#all('writing', startBytes, data, async (done) => {
      const { bytesWritten } = await this.#file.write(data, done, data.length - done, startBytes + done);
      return bytesWritten;
    });
  }

  /** Goes on after short reads and writes. */
  async #all(doing: string, startBytes: number, data: Buffer, step: (done: number) => Promise<number>): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const moved = await step(done).catch((error: unknown) => {
        throw accessError(this.name, doing, startBytes + done, error);
      });
      if (moved === 0) throw accessError(this.name, doing, startBytes + done, new Error(endCode));
      done += moved;
    }
  }

  async sync(): Promise<void> {
    await this.#file.sync().catch((error: unknown) => {
      throw accessError(this.name, 'writing', 0, error);
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async truncate(bytes: number): Promise<void> {
    await this.#file.truncate(bytes);
  }
}

/** Size of a drive as the kernel knows it now; 0 when it is gone. */
function currentBytes(path: string): number {
  try {
    return Number(readFileSync(`/sys/class/block/${basename(realpathSync(path))}/size`, 'utf8')) * sectorBytes;
  } catch {
    return 0;
  }
}

const openErrors: Record<string, string> = {
  EBUSY: 'is in use by something else on this machine (mounted, swap, or part of an array)',
  EACCES: 'may not be written by this user: run it with sudo',
  EPERM: 'may not be written: it is write-protected, or this user has no right to (sudo)',
  EROFS: 'is write-protected (cards have a switch on their side)',
  ENOMEDIUM: 'has no medium in it',
  ENOENT: 'is gone',
  ENXIO: 'is gone',
};

class DriveTarget extends OpenTarget implements Target {
  readonly bytes: number;
  readonly holdsOldData = true;

  constructor(drive: Drive, file: FileHandle) {
    super(drive.path, file);
    this.bytes = drive.bytes;
  }

  finish(): Promise<void> {
    return this.close();
  }

  async abandon(): Promise<void> {
    await this.close().catch(() => undefined);
  }
}

/**
 * Opens a drive for itself: the kernel refuses when anything on it is in use, and lets nothing be mounted meanwhile.
 * Reads and writes go past the page cache (O_DIRECT), so that what is read back comes from the drive.
 * @throws TargetError
 */
export async function openDrive(drive: Drive): Promise<Target> {
  // Looked at once more: since it was listed, another card may have been put in.
  if (currentBytes(drive.path) !== drive.bytes)
    throw new TargetError(`${drive.path}: is not the drive any more that was listed`);
  try {
    const file = await open(drive.path, constants.O_RDWR | constants.O_EXCL | constants.O_DIRECT);
    return new DriveTarget(drive, file);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new TargetError(`${drive.path}: ${openErrors[code] ?? message}`, { cause: error });
  }
}

class FileTarget extends OpenTarget implements Target {
  readonly bytes: number;
  readonly holdsOldData = false;
  #partial: string;

  constructor(path: string, partial: string, file: FileHandle, bytes: number) {
    super(path, file);
    this.#partial = partial;
    this.bytes = bytes;
  }

  async finish(): Promise<void> {
    await this.close();
    await rename(this.#partial, this.name);
    const directory = await open(dirname(this.name), 'r');
    await directory.sync().finally(() => directory.close());
  }

  async abandon(): Promise<void> {
    await this.close().catch(() => undefined);
    await rm(this.#partial, { force: true }).catch(() => undefined);
  }
}

/** Opens a new sparse file of this size beside the one that it will become. @throws TargetError */
export async function openFile(path: string, bytes: number): Promise<Target> {
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, 'w+');
    const target = new FileTarget(path, partial, file, bytes);
    await target.truncate(bytes);
    return target;
  } catch (error) {
    throw new TargetError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
