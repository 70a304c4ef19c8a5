// Background processes of scripts/up: started once, found again by their notes.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const startWithinMs = 120_000;
const stopWithinMs = 30_000;
const pollMs = 100;

/** A file's text, or undefined when there is none. */
export function readNote(directory: string, name: string): string | undefined {
  const path = join(directory, name);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

export function writeNote(directory: string, name: string, text: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, name), `${text}\n`, { mode: 0o600 });
}

/** Removes a directory, and the one above when nothing else is in it. */
export function removeTree(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  try {
    rmdirSync(dirname(directory));
  } catch {
    // something of somebody else's is in it
  }
}

/** Start time of a process in ticks since boot: a pid alone may be somebody else's by now. */
function startTime(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
}

/** The pid that was noted, when that process still lives. */
function livingPid(directory: string, name: string): number | undefined {
  const [pid = '', started] = (readNote(directory, `${name}.pid`) ?? '').split(' ');
  return pid !== '' && startTime(Number(pid)) === started ? Number(pid) : undefined;
}

export function isRunning(directory: string, name: string): boolean {
  return livingPid(directory, name) !== undefined;
}

/** Notes a process that was started in some other way. */
export function notePid(directory: string, name: string, pid: number): void {
  writeNote(directory, `${name}.pid`, `${pid} ${startTime(pid)}`);
}

/**
 * Runs the CLI with its output in DIRECTORY/NAME.out and .log; resolves with the match of `ready` in the output,
 * or, without one, when it has ended well. A process that runs already is left alone.
 * @throws Error with the last line of its log
 */
export async function startProcess(
  directory: string,
  name: string,
  ready: RegExp | undefined,
  args: string[],
): Promise<RegExpExecArray> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [outPath, logPath] = [join(directory, `${name}.out`), join(directory, `${name}.log`)];
  const known = isRunning(directory, name) ? ready?.exec(readFileSync(outPath, 'utf8')) : undefined;
  if (known) return known;
  const [out, log] = [openSync(outPath, 'w', 0o600), openSync(logPath, 'w', 0o600)];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', out, log] });
  closeSync(out);
  closeSync(log);
  let exitCode: number | undefined;
  child.once('exit', (code) => {
    exitCode = code ?? 1;
  });
  child.unref();
  if (ready !== undefined && child.pid !== undefined) notePid(directory, name, child.pid);
  for (let waitedMs = 0; waitedMs < startWithinMs; waitedMs += pollMs) {
    const match = (ready ?? /(?:)/).exec(readFileSync(outPath, 'utf8'));
    if (match !== null && (ready !== undefined || exitCode === 0)) return match;
    if (exitCode !== undefined) break;
    await wait(pollMs);
  }
  const lastLine = readFileSync(logPath, 'utf8').trim().split('\n').at(-1) ?? '';
  throw new Error(`${name} did not start: ${lastLine.replace(/^skerry: /, '') || `see ${logPath}`}`);
}

/** Ends a process that was noted; fine when there is none. */
export async function stopProcess(directory: string, name: string): Promise<void> {
  const pid = livingPid(directory, name);
  if (pid !== undefined) process.kill(pid, 'SIGTERM');
  for (let waitedMs = 0; isRunning(directory, name); waitedMs += pollMs) {
    if (waitedMs === stopWithinMs && pid !== undefined) process.kill(pid, 'SIGKILL');
    if (waitedMs > 2 * stopWithinMs) throw new Error(`${name} (process ${pid}) can't be stopped`);
    await wait(pollMs);
  }
  rmSync(join(directory, `${name}.pid`), { force: true });
}
