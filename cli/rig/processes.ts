// Processes of a rig outlive the command that starts them. Each is known by a file
// with its number, and by having the path of that file on its command line: a
// number that another process has by now is never taken for it.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../errors.ts';
import { endPollMs, endTimeoutMs, maximumToolOutputBytes, startTimeoutMs } from './limits.ts';
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

/** Runs a program that goes into the background by itself, or ends. @returns what it printed @throws CommandError with what it said */
export function runToEnd(
  [program, ...args]: readonly [string, ...string[]],
  environment: Record<string, string> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: startTimeoutMs, maxBuffer: maximumToolOutputBytes, encoding: 'utf8' as const };
    execFile(program, args, { ...options, env: { ...process.env, ...environment } }, (error, output, said) => {
      if (error === null) resolve(output);
      else reject(new CommandError(`${program}: ${said.trim().split('\n').at(-1) || error.message}`, { cause: error }));
    });
  });
}

/** Debian keeps some programs where only root's path leads. */
const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function isProgram(name: string): boolean {
  return searchPath.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @throws CommandError that names what is missing and the packages that have it */
export function checkRequirements({ programs, files }: { programs: Requirement[]; files: Requirement[] }): void {
  const missing = [
    ...programs.filter(({ path }) => !isProgram(path)),
    ...files.filter(({ path }) => !existsSync(path)),
  ];
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
