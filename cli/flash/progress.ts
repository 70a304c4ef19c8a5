// Tells how far a flash is: one line that is rewritten on a terminal, a plain
// line now and then elsewhere. What is done is counted over all phases.
import { plainProgressMs, terminalProgressMs } from './limits.ts';
import { humanBytes, humanSeconds } from './text.ts';

export type ProgressState = { phase: string; doneBytes: number; totalBytes: number; elapsedMs: number };

/** `writing  45 %  140 of 312 MiB  38 MiB/s  5 s left` */
export function progressText({ phase, doneBytes, totalBytes, elapsedMs }: ProgressState): string {
  const done = Math.min(doneBytes, totalBytes);
  const percent = totalBytes === 0 ? 100 : Math.floor((done / totalBytes) * 100);
  const parts = [phase, `${percent} %`, `${humanBytes(done)} of ${humanBytes(totalBytes)}`];
  if (elapsedMs > 0 && done > 0) {
    const bytesPerMs = done / elapsedMs;
    parts.push(`${humanBytes(bytesPerMs * 1000)}/s`);
    parts.push(`${humanSeconds((totalBytes - done) / bytesPerMs / 1000)} left`);
  }
  return parts.join('  ');
}

export type ProgressOutput = { isTTY?: boolean; write: (text: string) => unknown };

/** One phase at a time; several drives add to the same counts. */
export class Progress {
  #output: ProgressOutput;
  #nowMs: () => number;
  #state = { phase: '', doneBytes: 0, totalBytes: 0 };
  #beganMs = 0;
  #toldMs = 0;

  constructor(output: ProgressOutput, nowMs: () => number = () => performance.now()) {
    this.#output = output;
    this.#nowMs = nowMs;
  }

  /** Begins a phase in which `totalBytes` are to be done. */
  begin(phase: string, totalBytes: number): void {
    this.#state = { phase, doneBytes: 0, totalBytes };
    this.#beganMs = this.#nowMs();
    this.#toldMs = this.#beganMs;
    if (this.#output.isTTY === true) this.#rewrite();
    else this.#output.write(`${phase} ${humanBytes(totalBytes)}\n`);
  }

  add(bytes: number): void {
    this.#state.doneBytes += bytes;
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldMs < (this.#output.isTTY === true ? terminalProgressMs : plainProgressMs)) return;
    this.#toldMs = nowMs;
    if (this.#output.isTTY === true) this.#rewrite();
    else this.#output.write(`${this.#text()}\n`);
  }

  /** Takes the line off the terminal. */
  end(): void {
    if (this.#output.isTTY === true) this.#output.write('\r\x1b[K');
  }

  #text(): string {
    return progressText({ ...this.#state, elapsedMs: this.#nowMs() - this.#beganMs });
  }

  #rewrite(): void {
    this.#output.write(`\r\x1b[K${this.#text()}`);
  }
}
