// Loop devices: drives that are files, freed however a test ends.
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';

const attached = new Set<string>();
function detach(path: string): void {
  if (attached.delete(path)) execFileSync('losetup', ['--detach', path]);
}
process.on('exit', () => {
  for (const path of attached) detach(path);
});

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
