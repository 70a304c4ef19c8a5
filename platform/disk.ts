// Files behind a door. Whatever is written through it is durable when the
// promise resolves: fsync of the file, rename, fsync of the directory.
import { type BigIntStats, createReadStream } from 'node:fs';
import {
  chmod,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** An open file of which only durability and length are managed here. */
export type DiskFile = {
  /** fdatasync(2). */
  sync(): Promise<void>;
  truncate(lengthBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
};

/** A file open for reading. It can be read to its end also when it is renamed or removed meanwhile. */
export type ReadableFile = {
  /** Tells it from every other file, whatever their names, as long as it is open. */
  readonly id: string;
  /** Fills a buffer with bytes from a position on; returns how many there were: 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  sizeBytes(): Promise<number>;
  /** When it was made, and when its content or names last changed: a name lost is such a change. */
  times(): Promise<{ madeMs: number; changedMs: number }>;
  close(): Promise<void>;
};

export type Disk = {
  /** The file's bytes, or undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Streams a file; throws when there is none. */
  readChunks(path: string): AsyncIterable<Uint8Array>;
  /** Replaces the file in one step: after a crash there is the old content or the new. */
  write(path: string, content: string | Uint8Array, options?: { mode?: number }): Promise<void>;
  /** Names of the entries of a directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  makeDirectory(path: string, options?: { mode?: number }): Promise<void>;
  /** Makes a symbolic link, replacing what is there in one step. */
  link(path: string, target: string): Promise<void>;
  /** Where a symbolic link leads, or undefined when there is none. */
  readLink(path: string): Promise<string | undefined>;
  /** What is at a path, or undefined when nothing is. */
  kind(path: string): Promise<'file' | 'directory' | 'socket' | 'device' | undefined>;
  /** Removes a file or a whole tree; fine when there is none. */
  remove(path: string): Promise<void>;
  open(path: string): Promise<DiskFile>;
  /** Opens a file that is there, or returns undefined. */
  openToRead(path: string): Promise<ReadableFile | undefined>;
  /** What its `id` is when it is opened, or undefined when there is no file. */
  fileId(path: string): Promise<string | undefined>;
};

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function wrap(handle: FileHandle): DiskFile {
  return {
    sync: () => handle.datasync(),
    truncate: async (lengthBytes) => {
      await handle.truncate(lengthBytes);
      await handle.datasync();
    },
    sizeBytes: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

/** Renaming keeps them; another file gets them only when this one is removed and closed. */
function idOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

async function openToRead(path: string): Promise<ReadableFile> {
  const handle = await open(path, 'r');
  try {
    return {
      id: idOf(await handle.stat({ bigint: true })),
      read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      sizeBytes: async () => (await handle.stat()).size,
      times: async () => {
        const { birthtimeMs, ctimeMs } = await handle.stat();
        return { madeMs: birthtimeMs, changedMs: ctimeMs };
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The machine's file systems. */
export function createSystemDisk(): Disk {
  let counter = 0;
  return {
    read: (path) => unlessMissing(readFile(path)),
    readChunks: (path) => createReadStream(path, { highWaterMark: 1 << 20 }),
    write: async (path, content, options = {}) => {
      counter += 1;
      const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${counter}.tmp`);
      try {
        const handle = await open(temporary, 'w', options.mode ?? 0o600);
        try {
          // The process' umask is no reason for a file that its reader can't read.
          if (options.mode !== undefined) await handle.chmod(options.mode);
          await handle.writeFile(content);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await syncDirectory(dirname(path));
    },
    list: async (path) => ((await unlessMissing(readdir(path))) ?? []).filter((name) => !name.endsWith('.tmp')).sort(),
    makeDirectory: async (path, options = {}) => {
      const created = await mkdir(path, { recursive: true, mode: options.mode ?? 0o700 });
      if (created === undefined) return;
      if (options.mode !== undefined) await chmod(path, options.mode);
      // Every new level has to be found again after a power cut.
      for (let level = path; level.length >= created.length; level = dirname(level))
        await syncDirectory(dirname(level));
    },
    link: async (path, target) => {
      counter += 1;
      const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${counter}.tmp`);
      await symlink(target, temporary);
      await rename(temporary, path);
      await syncDirectory(dirname(path));
    },
    readLink: async (path) => {
      try {
        return await readlink(path);
      } catch {
        return undefined;
      }
    },
    kind: async (path) => {
      const found = await unlessMissing(stat(path));
      if (found === undefined) return undefined;
      if (found.isDirectory()) return 'directory';
      if (found.isSocket()) return 'socket';
      return found.isFile() ? 'file' : 'device';
    },
    remove: async (path) => {
      const parent = dirname(path);
      await rm(path, { recursive: true, force: true });
      await stat(parent).then(
        () => syncDirectory(parent),
        () => undefined,
      );
    },
    open: async (path) => wrap(await open(path, 'a+', 0o600)),
    openToRead: (path) => unlessMissing(openToRead(path)),
    fileId: async (path) => {
      const found = await unlessMissing(stat(path, { bigint: true }));
      return found && idOf(found);
    },
  };
}
