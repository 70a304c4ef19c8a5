// Which drives are to be written: finds those that were named, refuses those that
// must not be, and asks before anything is erased.
import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { runTool } from '../../firmware-images/tools.ts';
import { CommandError, UsageError } from '../errors.ts';
import { type Drive, describe, describeContent, lsblkColumns, readDrives, refusal } from './drives.ts';
import { maximumTargets, toolTimeoutMs } from './limits.ts';
import { sectorBytes } from './partition-table.ts';
import { humanBytes } from './text.ts';

/** All drives of this machine. @throws ToolError */
export async function listDrives(): Promise<Drive[]> {
  const columns = ['--json', '--bytes', '--all', '--output', lsblkColumns];
  return readDrives(await runTool('lsblk', columns, { timeoutMs: toolTimeoutMs }));
}

/** Follows links such as those in /dev/disk/by-id. @throws UsageError */
function resolveDevice(given: string): string {
  let path: string;
  try {
    path = realpathSync(given);
  } catch (error) {
    throw new UsageError(`--device ${given}: there is no such drive`, { cause: error });
  }
  if (statSync(path).isFile()) throw new UsageError(`--device ${given}: is a file; --file writes files`);
  if (!statSync(path).isBlockDevice()) throw new UsageError(`--device ${given}: is no drive`);
  return path;
}

/**
 * The drives that were named, each of which can be written.
 * @throws UsageError, CommandError when one of them can't: then none is
 */
export async function chooseDrives(given: string[], { force }: { force: boolean }): Promise<Drive[]> {
  const paths = given.map(resolveDevice);
  if (new Set(paths).size < paths.length) throw new UsageError('--device: the same drive is named twice');
  if (paths.length > maximumTargets) throw new UsageError(`--device: expected at most ${maximumTargets} drives`);
  const all = paths.length === 0 ? [] : await listDrives();
  return paths.map((path) => {
    const drive = all.find((candidate) => candidate.path === path);
    if (drive === undefined) {
      const whole = all.find(({ parts }) => parts.some((part) => part.path === path));
      if (whole === undefined) throw new CommandError(`${path} has no medium in it`);
      throw new UsageError(`--device ${path}: is a part of a drive; the drive is ${whole.path}`);
    }
    const problem = refusal(drive, { force });
    if (problem !== undefined) throw new CommandError(problem);
    if (drive.sectorBytes !== sectorBytes)
      throw new CommandError(`${path} has sectors of ${drive.sectorBytes} bytes; images are for ${sectorBytes}`);
    return drive;
  });
}

/** @throws CommandError naming the first drive that is too small */
export function checkRoom(drives: readonly Drive[], imageBytes: number): void {
  for (const drive of drives)
    if (drive.bytes < imageBytes)
      throw new CommandError(
        `${drive.path} is too small: it has ${humanBytes(drive.bytes)}, the image needs ${humanBytes(imageBytes)} (${drive.bytes} of ${imageBytes} bytes)`,
      );
}

/** The drives that could be written, for people or as JSON. */
export function drivesText(all: readonly Drive[], { force, json }: { force: boolean; json: boolean }): string {
  const writable = all.filter((drive) => refusal(drive, { force }) === undefined);
  if (json) return `${JSON.stringify(writable, undefined, 2)}\n`;
  if (writable.length === 0) return 'no removable drive that could be written; --force lists the others too\n';
  return `${writable.map((drive) => [`${drive.path}  ${describe(drive)}`, ...describeContent(drive)].join('\n')).join('\n')}\n`;
}

/**
 * Shows what will be erased, and asks on a terminal.
 * @throws CommandError when the answer is not yes, or nobody can be asked
 */
export async function confirmErasing(drives: readonly Drive[], { yes }: { yes: boolean }): Promise<void> {
  if (drives.length === 0) return;
  const lines = drives.map((drive) => [`${drive.path}  ${describe(drive)}`, ...describeContent(drive)].join('\n'));
  process.stderr.write(`This erases all that is on:\n${lines.join('\n')}\n`);
  if (yes) return;
  if (!process.stdin.isTTY) throw new CommandError('nobody can be asked here: --yes erases without asking');
  const names = drives.map(({ path }) => basename(path)).join(' ');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Type ${names} or yes to go on: `);
    if (![names, drives.map(({ path }) => path).join(' '), 'yes'].includes(answer.trim()))
      throw new CommandError('nothing was written');
  } finally {
    terminal.close();
  }
}
