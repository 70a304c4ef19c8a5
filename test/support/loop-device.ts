// Loop devices: drives that are files, freed however a test ends, at the latest
// when the next one begins.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const wantedMemoryBytes = 2 ** 30;
const prefix = 'skerry-test-drives-';
const memory = '/dev/shm';

const attached = new Set<string>();
function detach(path: string): void {
  if (attached.delete(path)) execFileSync('losetup', ['--detach', path]);
}
process.on('exit', () => {
  for (const path of attached) detach(path);
});
// Without a handler no exit is told of; others that clean up as well end the process themselves.
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => void (process.listenerCount(signal) === 0 && process.exit(1)));

/** Whether this is the path of a drive, or a directory of drives, whose test was killed. */
function isLeft(path: string): boolean {
  const owner = new RegExp(`/${prefix}(\\d+)-`).exec(path)?.[1];
  return owner !== undefined && !existsSync(`/proc/${owner}`);
}

function removeLeftovers(): void {
  const list = execFileSync('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'], { encoding: 'utf8' });
  for (const line of list.split('\n').filter(isLeft)) execFileSync('losetup', ['--detach', line.split(' ')[0] ?? '']);
  for (const parent of [memory, tmpdir()])
    for (const name of existsSync(parent) ? readdirSync(parent) : [])
      if (isLeft(join(parent, name))) rmSync(join(parent, name), { recursive: true, force: true });
}

/** A directory for drives, in memory where there is enough: thousands of flushes to a shared disk take minutes. */
export function driveDirectory(): string {
  removeLeftovers();
  const { bavail, bsize } = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 1 };
  const parent = bavail * bsize > wantedMemoryBytes ? memory : tmpdir();
  return mkdtempSync(join(parent, `${prefix}${process.pid}-`));
}

export class LoopDevice {
  /** /dev/loop8 */
  readonly path: string;
  /** The file that holds its content. */
  readonly file: string;

  /** Makes a drive of this content, or of zeros. */
  constructor(file: string, content: Buffer | number) {
    this.file = file;
    writeFileSync(file, typeof content === 'number' ? '' : content);
    if (typeof content === 'number') truncateSync(file, content);
    this.path = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
    attached.add(this.path);
  }

  /** What is on it, past all caches. */
  content(): Buffer {
    execFileSync('sync', [this.file]);
    execFileSync('blockdev', ['--flushbufs', this.path]);
    return readFileSync(this.file);
  }

  /** As a drive does that is pulled out: from now on it has no blocks. */
  vanish(): void {
    truncateSync(this.file, 0);
    execFileSync('losetup', ['--set-capacity', this.path]);
  }

  free(): void {
    detach(this.path);
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
