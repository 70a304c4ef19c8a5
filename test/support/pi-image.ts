// Images of the Raspberry Pi for tests: built as a user builds them, and their boot
// partitions looked into with mtools.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifestFile } from '../../firmware-images/inspect.ts';
import type { BoardName, ImageManifest } from '../../firmware-images/manifest.ts';

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const buildTimeoutMs = 30 * 60_000;
const maximumFileBytes = 256 << 20;

export class PiImage {
  readonly manifest: ImageManifest;
  readonly path: string;
  readonly #directory: string | undefined;

  private constructor(directory: string, owned: boolean, name: string) {
    this.manifest = readManifestFile(join(directory, `${name}.json`));
    this.path = join(directory, this.manifest.image.file);
    this.#directory = owned ? directory : undefined;
  }

  /** Builds an image, or takes a finished one from the directory that RIG_PI_IMAGES names. */
  static build(board: BoardName): PiImage {
    const version = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version as string;
    const name = `skerry-${board}-${version}`;
    const finished = process.env.RIG_PI_IMAGES;
    if (finished !== undefined) return new PiImage(finished, false, name);
    const directory = mkdtempSync(join(tmpdir(), 'skerry-pi-image-'));
    execFileSync(
      process.execPath,
      [entry, 'image', 'build', '--board', board, '--output', directory, '--no-compress'],
      { stdio: ['ignore', 'ignore', 'inherit'], timeout: buildTimeoutMs },
    );
    return new PiImage(directory, true, name);
  }

  destroy(): void {
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Paths of a FAT partition's files, in lower case: the firmware does not tell cases apart. */
  files(partition: string): string[] {
    return this.#mtools('mdir', ['-/', '-b', '-i', this.#place(partition), '::/'])
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('::/') && !line.endsWith('/'))
      .map((line) => line.slice(3).toLowerCase())
      .sort();
  }

  read(partition: string, file: string): Buffer {
    return this.#mtools('mtype', ['-i', this.#place(partition), `::${file}`]);
  }

  #place(partition: string): string {
    const found = this.manifest.partitions.find(({ name }) => name === partition);
    if (found === undefined) throw new Error(`the image has no partition ${partition}`);
    return `${this.path}@@${found.startBytes}`;
  }

  #mtools(program: string, args: string[]): Buffer {
    return execFileSync(program, args, {
      maxBuffer: maximumFileBytes,
      env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
    });
  }
}
