// A queue of keys to look at again: a key waits at most once, is worked on by
// one worker at a time, and comes back later and later while its work fails.
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';

const firstRetryMs = 50;
const longestRetryMs = 60_000;

export type WorkQueueParts = { clock: Clock; log: Log };
/** Brings the world closer to what the key's object asks for. */
export type Reconcile = (key: string) => Promise<void>;

export class WorkQueue {
  #name: string;
  #reconcile: Reconcile;
  #parts: WorkQueueParts;
  #waiting = new Set<string>();
  #running = new Set<string>();
  #failures = new Map<string, number>();
  #timers = new Map<string, { atMs: number; cancel: () => void }>();
  #signal: AbortSignal | undefined;

  constructor(name: string, reconcile: Reconcile, parts: WorkQueueParts) {
    this.#name = name;
    this.#reconcile = reconcile;
    this.#parts = parts;
  }

  /** Works on keys until the signal aborts; keys added before wait for this. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const { cancel } of this.#timers.values()) cancel();
      this.#timers.clear();
    });
    for (const key of this.#waiting) this.#run(key);
  }

  add(key: string): void {
    this.#waiting.add(key);
    if (this.#signal !== undefined) this.#run(key);
  }

  /** Adds the key after a time; of several appointments of a key the soonest is kept. */
  addAfter(key: string, delayMs: number): void {
    if (this.#signal?.aborted) return;
    const { clock } = this.#parts;
    const atMs = clock.monotonicMs() + delayMs;
    const known = this.#timers.get(key);
    if (known !== undefined && known.atMs <= atMs) return;
    known?.cancel();
    const cancel = clock.setTimer(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { atMs, cancel });
  }

  #run(key: string): void {
    if (this.#running.has(key) || this.#signal?.aborted !== false) return;
    this.#running.add(key);
    this.#waiting.delete(key);
    void this.#work(key).finally(() => {
      this.#running.delete(key);
      if (this.#waiting.has(key)) this.#run(key);
    });
  }

  async #work(key: string): Promise<void> {
    // Changes of one turn are looked at together.
    await Promise.resolve();
    try {
      await this.#reconcile(key);
      this.#failures.delete(key);
    } catch (error) {
      if (this.#signal?.aborted) return;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      if (failures > 3)
        this.#parts.log.warn({ err: error, key, failures, queue: this.#name }, 'work fails and will be tried again');
      this.addAfter(key, Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 12)));
    }
  }
}
