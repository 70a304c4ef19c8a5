// How fast an image of 1 GiB, of which 300 MiB are data, comes to a drive and is
// verified: `skerry flash` with its block map, and `dd` with cmp(1) of the same
// file. The drive is a loop device: one that is new (zeros), and one that is full
// of old data, whose holes must be cleared. Both from their start to their end,
// in turns.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DiskImage, makeDiskImage, noise } from '../test/support/disk-image.ts';
import { runFlash } from '../test/support/flash-command.ts';
import { LoopDevice } from '../test/support/loop-device.ts';
import { figure, median } from './figures.ts';

const runs = 3;
const imageMebibytes = 1024;
const dataMebibytes = 300;
const execute = promisify(execFile);

type Writer = (image: DiskImage, drive: LoopDevice) => Promise<unknown>;

async function skerry(path: string, drive: LoopDevice): Promise<void> {
  const { code, stderr } = await runFlash(path, '--device', drive.path, '--force', '--yes');
  if (code !== 0) throw new Error(`skerry flash ended with ${code}: ${stderr}`);
}

/** Reads back past the cache, as a careful person does it by hand. */
async function compare(image: DiskImage, drive: LoopDevice): Promise<void> {
  await execute('blockdev', ['--flushbufs', drive.path]);
  await execute('cmp', ['--bytes', String(image.bytes), image.path, drive.path]);
}

async function dd(image: DiskImage, drive: LoopDevice): Promise<void> {
  await execute('dd', [`if=${image.path}`, `of=${drive.path}`, 'bs=4M', 'oflag=direct', 'conv=fsync', 'status=none']);
  await compare(image, drive);
}

async function unpackedDd(image: DiskImage, drive: LoopDevice): Promise<void> {
  const script = 'zstdcat "$1" | dd of="$2" bs=4M iflag=fullblock oflag=direct conv=fsync status=none';
  await execute('sh', ['-ec', script, 'sh', image.compressed, drive.path]);
  await compare(image, drive);
}

/** Seconds that one writer takes on a fresh drive of this content. */
async function seconds(write: Writer, image: DiskImage, file: string, content: Buffer | number): Promise<number> {
  using drive = new LoopDevice(file, content);
  await execute('sync', [file]);
  const beganMs = performance.now();
  await write(image, drive);
  const tookMs = performance.now() - beganMs;
  if (!readFileSync(file).subarray(0, image.bytes).equals(readFileSync(image.path)))
    throw new Error('the drive does not hold the image');
  return tookMs / 1000;
}

/** Prints flash.{new,used,compressed}_s, with dd's and cmp's seconds beside them. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-bench-flash-'));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const image = makeDiskImage(directory, 'card', { mebibytes: imageMebibytes, noiseMebibytes: dataMebibytes });
  const used = noise(image.bytes, 7);
  const file = join(directory, 'drive');
  const pairs: [name: string, content: Buffer | number, ours: Writer, theirs: Writer, rival: string][] = [
    ['new', image.bytes, ({ path }, drive) => skerry(path, drive), dd, 'dd+cmp'],
    ['used', used, ({ path }, drive) => skerry(path, drive), dd, 'dd+cmp'],
    ['compressed', image.bytes, ({ compressed }, drive) => skerry(compressed, drive), unpackedDd, 'zstdcat+dd+cmp'],
  ];
  for (const [name, content, ours, theirs, rival] of pairs) {
    const [mine, others]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < runs; turn += 1) {
      mine.push(await seconds(ours, image, file, content));
      others.push(await seconds(theirs, image, file, content));
    }
    figure({ name: `flash.${name}_s`, value: median(mine), unit: 's', rival, rivalValue: median(others) });
  }
}
