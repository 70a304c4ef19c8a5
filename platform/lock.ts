// One process a data directory: a lock file with the holder's pid and start
// time, so that a lock left by a killed process or a reboot holds nobody up.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk } from './disk.ts';

export class LockedError extends Error {}

/** Start time of a process in clock ticks since boot, with the boot's id; undefined when there is no such process. */
function processIdentity(pid: number): string | undefined {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${pid} ${afterName.split(' ')[19]} ${bootId}`;
  } catch {
    return undefined;
  }
}

/** Process id of the living process that holds a directory's lock. */
export async function lockHolder(disk: Pick<Disk, 'read'>, directory: string): Promise<number | undefined> {
  const held = Buffer.from((await disk.read(join(directory, 'lock'))) ?? [])
    .toString()
    .trim();
  const holder = Number(held.split(' ')[0]);
  return held !== '' && processIdentity(holder) === held ? holder : undefined;
}

/**
 * Locks a directory until the process ends or the returned function is called.
 * @throws LockedError when another living process holds it
 */
export async function lockDirectory(disk: Disk, directory: string, what: string): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  const holder = await lockHolder(disk, directory);
  if (holder !== undefined && holder !== process.pid)
    throw new LockedError(`${directory} is in use by the ${what} with process id ${holder}`);
  await disk.write(path, `${processIdentity(process.pid) ?? process.pid}\n`);
  return () => disk.remove(path);
}
