// skerry flash: writes an image to cards, sticks and files, with the configuration
// of the device that will start from it.
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { boardNames } from '../../firmware-images/manifest.ts';
import type { Command } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { configurationOverlay } from '../flash/boot-files.ts';
import { checkRoom, chooseDrives, confirmErasing, drivesText, listDrives } from '../flash/choose.ts';
import { boardProblem, configurationOptions, readConfiguration } from '../flash/configuration.ts';
import type { Drive } from '../flash/drives.ts';
import { eject } from '../flash/eject.ts';
import { flash, type Outcome } from '../flash/flash.ts';
import { bootPartition, checkPartitions, type Image, openImage } from '../flash/image.ts';
import { readStart } from '../flash/image-reader.ts';
import { readKeys } from '../flash/keys.ts';
import { commonThreads, headBytes } from '../flash/limits.ts';
import type { Overlay } from '../flash/overlay.ts';
import { readPartitionTable } from '../flash/partition-table.ts';
import { Progress } from '../flash/progress.ts';
import { openDrive, openFile, type Target } from '../flash/target.ts';
import { humanBytes, humanSeconds } from '../flash/text.ts';
import type { Options } from '../options.ts';

/** Checks the image as a whole and works the configuration in. @throws ImageError, UsageError */
async function prepareImage(options: Options, targets: number): Promise<{ image: Image; overlay: Overlay }> {
  const board = options.get('board');
  if (board !== undefined && !boardNames.some((name) => name === board))
    throw new UsageError(`--board: expected one of ${boardNames.join(', ')}, found ${JSON.stringify(board)}`);
  const config = readConfiguration(options, readKeys(options.all('ssh-key')), targets);
  const image = await openImage(options.words[0] ?? '');
  const wrongBoard = boardProblem(board, config, image.manifest?.board);
  if (wrongBoard !== undefined) throw new CommandError(wrongBoard);
  const table = readPartitionTable(await readStart(image, headBytes));
  checkPartitions(image, table);
  for (const note of image.notes) process.stderr.write(`note: ${note}\n`);
  const force = options.has('force');
  const overlay =
    config === undefined ? [] : await configurationOverlay(image, bootPartition(image, table), config, { force });
  return { image, overlay };
}

/** @throws UsageError when the file must not be replaced */
function checkFile(path: string, image: Image, { force }: { force: boolean }): void {
  if (!existsSync(path)) return;
  if (realpathSync(path) === realpathSync(image.path)) throw new UsageError(`--file ${path}: is the image itself`);
  if (!statSync(path).isFile()) throw new UsageError(`--file ${path}: is no file; --device writes drives`);
  if (!force) throw new UsageError(`--file ${path}: is there already; --force replaces it`);
}

async function openTargets(drives: Drive[], file: string | undefined, image: Image): Promise<Target[]> {
  const targets: Target[] = [];
  try {
    for (const drive of drives) targets.push(await openDrive(drive));
    if (file !== undefined) targets.push(await openFile(file, image.bytes));
    return targets;
  } catch (error) {
    await Promise.all(targets.map((target) => target.abandon()));
    throw error;
  }
}

/** Aborted by Ctrl-C and the like: what is written then is no good, and says so. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const)
    process.once(name, () =>
      controller.abort(
        new CommandError('interrupted: what was being written has no partition table and will not start', {
          exitCode: 128 + number,
        }),
      ),
    );
  return controller.signal;
}

/** Says of each target how it went. @throws CommandError when one failed */
async function report(outcomes: Outcome[], drives: Drive[], tookMs: number): Promise<void> {
  for (const { target, writtenBytes } of outcomes.filter(({ error }) => error === undefined)) {
    const drive = drives.find(({ path }) => path === target.name);
    const ejected = drive !== undefined && (await eject(drive)) ? ', ejected' : '';
    const speed = `${humanBytes(writtenBytes)} in ${humanSeconds(tookMs / 1000)}`;
    process.stdout.write(`${target.name}: written and verified${ejected} (${speed})\n`);
  }
  const failed = outcomes.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return;
  if (outcomes.length === 1) throw failed[0]?.error;
  for (const { error } of failed) process.stderr.write(`skerry: ${error?.message}\n`);
  const names = failed.map(({ target }) => target.name).join(', ');
  throw new CommandError(`${failed.length} of ${outcomes.length} failed: ${names}`);
}

async function run(options: Options): Promise<number> {
  const [given, file, force] = [options.all('device'), options.get('file'), options.has('force')];
  if (options.words.length > 1)
    throw new UsageError(`expected one image, found ${options.words.length}: ${options.words.join(' ')}`);
  if (given.length === 0 && file === undefined) {
    process.stdout.write(drivesText(await listDrives(), { force, json: options.has('json') }));
    return 0;
  }
  // Before the first file is read: a slow card keeps a thread for each of its accesses.
  process.env.UV_THREADPOOL_SIZE ??= String(commonThreads + given.length);
  if (options.words.length === 0) throw new UsageError('expected an image: NAME.img, NAME.img.zst or NAME.json');
  const drives = await chooseDrives(given, { force });
  const { image, overlay } = await prepareImage(options, drives.length + (file === undefined ? 0 : 1));
  checkRoom(drives, image.bytes);
  const path = file === undefined ? undefined : resolve(file);
  if (path !== undefined) checkFile(path, image, { force });
  await confirmErasing(drives, { yes: options.has('yes') });
  const signal = untilInterrupted();
  const targets = await openTargets(drives, path, image);
  const beganMs = performance.now();
  const outcomes = await flash(targets, { image, overlay, progress: new Progress(process.stderr), signal });
  await report(outcomes, drives, performance.now() - beganMs);
  return 0;
}

export const flashCommand: Command = {
  summary: 'Writes an image to cards, sticks and files, with the configuration of the device.',
  usage: 'IMAGE --device /dev/sdX [--device ...] [--file OUT.img] [options], or without a device to list drives',
  options: {
    device: { description: 'drive to write; several times for several at once', value: 'PATH', multiple: true },
    file: { description: 'image file to write, for other tools', value: 'FILE' },
    board: { description: 'refuse an image that is not for this board', value: 'BOARD' },
    ...configurationOptions,
    yes: { description: 'erase without asking' },
    force: { description: 'also drives that are not removable; replace a file; images of others' },
    json: { description: 'list the drives as JSON' },
  },
  run,
};
