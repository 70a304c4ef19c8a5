// What a Raspberry Pi's firmware does before the kernel, for an emulator that runs
// none of it: finds the slot's partition in autoboot.txt, and takes kernel,
// initramfs and command line from there, as its config.txt names them.
// https://www.raspberrypi.com/documentation/computers/config_txt.html
import { closeSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../../firmware-images/tools.ts';
import { CommandError } from '../errors.ts';
import { headBytes } from '../flash/limits.ts';
import { readPartitionTable } from '../flash/partition-table.ts';

/** Paths of what the kernel is started with, and its command line. */
export type PiBootFiles = { kernel: string; initramfs: string; deviceTree: string; commandLine: string };

function startOf(disk: string): Buffer {
  const file = openSync(disk, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  } finally {
    closeSync(file);
  }
}

/** First value of a setting. @throws CommandError when there is none */
function setting(file: string, text: string, pattern: RegExp): string {
  const value = pattern.exec(text)?.[1];
  if (value === undefined) throw new CommandError(`${file} on the card: expected a line like ${pattern.source}`);
  return value;
}

/**
 * Copies the files of the slot that is started from a card into a directory.
 * @param deviceTree name of the model's device tree on the card
 * @throws CommandError, ToolError, PartitionTableError when the firmware would find nothing to start
 */
export async function readPiBootFiles(disk: string, deviceTree: string, directory: string): Promise<PiBootFiles> {
  const { partitions } = readPartitionTable(startOf(disk));
  /** @param number as the firmware counts, from 1 */
  const copy = async (number: number, name: string): Promise<string> => {
    const start = partitions[number - 1]?.startBytes;
    if (start === undefined) throw new CommandError(`the card has no partition ${number}`);
    const path = join(directory, name);
    const environment = { MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' };
    await runTool('mcopy', ['-n', '-o', '-i', `${disk}@@${start}`, `::${name}`, path], { environment });
    return path;
  };
  const text = async (number: number, name: string): Promise<string> => readFileSync(await copy(number, name), 'utf8');
  mkdirSync(directory, { recursive: true });
  const slot = Number(setting('autoboot.txt', await text(1, 'autoboot.txt'), /^boot_partition=(\d)$/m));
  const config = await text(slot, 'config.txt');
  return {
    kernel: await copy(slot, setting('config.txt', config, /^kernel=([\w.]+)$/m)),
    initramfs: await copy(slot, setting('config.txt', config, /^initramfs ([\w.]+) followkernel$/m)),
    deviceTree: await copy(slot, deviceTree),
    commandLine: (await text(slot, 'cmdline.txt')).trim(),
  };
}
