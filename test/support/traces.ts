// What a test run leaves outside its process, and its removal: tagged processes,
// network namespaces, mounts, directories. Names carry the pid and start time
// of the run, so that what a killed run left is found by the next one.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAll } from './engine.ts';

const prefix = 'skerry-e2e-';
const runPattern = /^skerry-e2e-(\d+)-(\d+)$/;
const tag = 'E2E_RUN';

/** Start time of a process in clock ticks since boot; undefined when there is none. */
function startTimeOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Names everything that this process makes outside itself. */
export const runName = `${prefix}${process.pid}-${startTimeOf(process.pid)}`;
/** Directory of this run. */
export const runDirectory = join(tmpdir(), runName);

/** Makes the run's directory, tags the processes to come, and removes what dead runs left. */
export async function beginRun(): Promise<void> {
  process.env[tag] = runName;
  mkdirSync(runDirectory, { recursive: true });
  for (const name of readdirSync(tmpdir())) {
    const [, pid, startTime] = runPattern.exec(name) ?? [];
    if (pid !== undefined && startTimeOf(Number(pid)) !== startTime) await endRun(name);
  }
}

/** Removes everything of a run but itself. Fine when there is nothing. */
export async function endRun(name = runName): Promise<void> {
  killTagged(name);
  const directory = join(tmpdir(), name);
  for (const instance of instancesBelow(directory)) await removeAll(instance);
  removeNetworks(name);
  for (const path of mountsBelow(directory)) execFileSync('umount', ['-l', path]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

// An end that nobody awaited: at least no process stays.
process.on('exit', () => killTagged(runName));

/** Kills the processes that were started by a run; only those carry its tag. */
function killTagged(name: string): void {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${tag}=${name}`))
        process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile, or is a kernel thread.
    }
  }
}

function instancesBelow(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('identity.json'))
    .flatMap((name) => {
      try {
        return (JSON.parse(readFileSync(join(directory, name), 'utf8')) as { instance: string }).instance;
      } catch {
        return [];
      }
    });
}

function removeNetworks(name: string): void {
  const namespaces = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  // The root's end of the veth pair goes with the other.
  for (const namespace of namespaces)
    if (namespace.startsWith(`${name}-`)) execFileSync('ip', ['netns', 'delete', namespace]);
}

function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
}
