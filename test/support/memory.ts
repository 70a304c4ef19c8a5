// The memory of processes of a test, sampled while something goes on, and
// whether they still move data.
import { readdirSync, readFileSync } from 'node:fs';

const sampleMs = 50;
const stillMs = 2000;
/** Less than this in `stillMs` is small talk. */
const stillBytes = 1 << 20;
const stillRounds = 60;

/** Resident memory of a process, bytes. @throws Error when it has ended */
export function residentBytes(pid: number): number {
  const [, kib = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kib === '') throw new Error(`process ${pid} has no memory`);
  return Number(kib) * 1024;
}

/** Open files and sockets of a process. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Watches how far a process grows beyond what it was at the start. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #startBytes: number;
  readonly #timer: NodeJS.Timeout;
  #peakBytes: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#startBytes = residentBytes(pid);
    this.#peakBytes = this.#startBytes;
    this.#timer = setInterval(() => this.#sample(), sampleMs);
  }

  /** Ends the watch; returns by how many bytes the process grew at most. */
  stop(): number {
    clearInterval(this.#timer);
    this.#sample();
    return this.#peakBytes - this.#startBytes;
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, residentBytes(this.#pid));
  }
}

/** Bytes that a process has read and written. */
function movedBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  return ['rchar', 'wchar'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]),
    0,
  );
}

/** Resolves when processes move next to nothing. @throws Error when they never stop */
export async function standsStill(pids: readonly number[]): Promise<void> {
  const look = (): number => pids.reduce((sum, pid) => sum + movedBytes(pid), 0);
  let before = look();
  for (let round = 0; round < stillRounds; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, stillMs));
    const now = look();
    if (now - before < stillBytes) return;
    before = now;
  }
  throw new Error(`data still moves after ${(stillRounds * stillMs) / 1000} s`);
}
