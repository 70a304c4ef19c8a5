// What the kernel and the system say of the machine, in files under /proc and
// /sys and in answers of small programs. A root of another directory shows
// another machine: the host that a container has mounted, or a recorded one.
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzip } from 'node:zlib';

/** Room of a file system. Without inodes of their own, as FAT and btrfs are, both counts are 0. */
export type Space = { totalBytes: number; freeBytes: number; totalInodes: number; freeInodes: number };

/** Everything that can't be read is undefined or empty: a kernel tells only what it knows. */
export type Host = {
  /** Text of a file, without white space around it; `.gz` files are unpacked. */
  read(path: string): Promise<string | undefined>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<string[]>;
  /** Room of the file system that a path of this process is on, which the root does not move. */
  space(path: string): Promise<Space | undefined>;
  /** When a file of this process' was last changed, ms since 1970; the root does not move it. */
  modifiedMs(path: string): Promise<number | undefined>;
  /** Output of a program, when it is there and ends well in time; none is run for another machine's root. */
  run(command: string, args: readonly string[]): Promise<string | undefined>;
};

/** Time for a program to answer, ms. */
const runTimeoutMs = 5000;

function unpack(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    gunzip(bytes, (error, unpacked) => (error === null ? resolve(unpacked) : reject(error))),
  );
}

function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: runTimeoutMs, encoding: 'utf8' }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : undefined),
    );
  });
}

/** The machine whose files are below `root`. */
export function createHost(root = '/'): Host {
  const orNothing = <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined);
  return {
    read: (path) =>
      orNothing(
        readFile(join(root, path))
          .then((bytes) => (path.endsWith('.gz') ? unpack(bytes) : bytes))
          .then((bytes) => bytes.toString().trim()),
      ),
    list: async (path) => ((await orNothing(readdir(join(root, path)))) ?? []).sort(),
    space: (path) =>
      orNothing(
        statfs(path).then(({ bsize, blocks, bavail, files, ffree }) => ({
          totalBytes: blocks * bsize,
          freeBytes: bavail * bsize,
          totalInodes: files,
          freeInodes: ffree,
        })),
      ),
    modifiedMs: (path) => orNothing(stat(path).then(({ mtimeMs }) => mtimeMs)),
    run: (command, args) => (root === '/' ? outputOf(command, args) : Promise.resolve(undefined)),
  };
}
