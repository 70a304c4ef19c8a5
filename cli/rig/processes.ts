// Processes of a rig outlive the command that starts them. Each is known by a file
// with its number, and by having the path of that file on its command line: a
// number that another process has by now is never taken for it.
import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isThere } from '../../firmware-images/tools.ts';
import { CommandError } from '../errors.ts';
import { endPollMs, endTimeoutMs } from './limits.ts';
import type { Requirement } from './machine.ts';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Number of the process that has this pid file, or undefined when it does not run. */
export function runningPid(pidFile: string): number | undefined {
  const pid = read(pidFile).trim();
  if (!/^\d+$/.test(pid)) return undefined;
  // Empty for one that has ended and was not waited for.
  return read(`/proc/${pid}/cmdline`).split('\0').includes(pidFile) ? Number(pid) : undefined;
}

/** Kills them at once and in this order, and resolves when they are gone. @throws CommandError when one stays */
export async function killProcesses(pidFiles: readonly string[]): Promise<void> {
  for (const file of pidFiles) {
    const pid = runningPid(file);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
  const deadline = performance.now() + endTimeoutMs;
  for (const file of pidFiles) {
    while (runningPid(file) !== undefined) {
      if (performance.now() > deadline) throw new CommandError(`process ${read(file).trim()} can't be ended`);
      await delay(endPollMs);
    }
    rmSync(file, { force: true });
  }
}

/** @throws CommandError that names what is missing and the packages that have it */
export function checkRequirements({ programs, files }: { programs: Requirement[]; files: Requirement[] }): void {
  const missing = [...programs.filter(({ path }) => !isThere(path)), ...files.filter(({ path }) => !existsSync(path))];
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((item) => item.package))].join(' ');
  const names = missing.map(({ path }) => path).join(', ');
  throw new CommandError(`${names} not found: sudo apt-get install --no-install-recommends ${packages}`);
}

/** Whether /dev/kvm is there and may be used by this user. */
export function mayUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
