// A process that can be killed at any moment, as kill -9 or a power cut does:
// from then on nothing that it began comes back to it, nothing that it does has
// an effect, and none of its timers runs.
import { type Clock, sleep } from '../../platform/clock.ts';

export class SimulatedProcess {
  readonly clock: Clock;
  #alive = true;
  #controller = new AbortController();
  #timers = new Set<() => void>();

  /** `wallOffsetMs` is how wrong the wall clock of its machine is. */
  constructor(clock: Clock, wallOffsetMs: () => number = () => 0) {
    this.clock = {
      nowMs: () => clock.nowMs() + wallOffsetMs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, callback) => {
        if (!this.#alive) return () => undefined;
        const cancel = clock.setTimer(delayMs, () => {
          this.#timers.delete(cancel);
          callback();
        });
        this.#timers.add(cancel);
        return () => {
          this.#timers.delete(cancel);
          cancel();
        };
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  kill(): void {
    this.#alive = false;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    // What listens to it can do nothing any more; it only lets go of what it holds.
    this.#controller.abort('killed');
  }

  /** The work's outcome, which never comes when the process is killed before. */
  guard<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      work().then(
        (value) => this.#alive && resolve(value),
        (error: unknown) => this.#alive && reject(error),
      );
    });
  }

  /** A part of the world as the process sees it. `latencyMs` delays the methods that are named. */
  gate<T extends object>(part: T, latencyMs: Partial<Record<keyof T, () => number>> = {}): T {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const delay = latencyMs[name as keyof T];
        return (...args: unknown[]): unknown => {
          if (delay !== undefined) {
            return this.guard(async () => {
              await sleep(this.clock, delay());
              const result: unknown = await value.apply(target, args);
              await sleep(this.clock, delay());
              return result;
            });
          }
          if (!this.#alive) return new Promise(() => undefined);
          const result: unknown = value.apply(target, args);
          return result instanceof Promise ? this.guard(() => result) : result;
        };
      },
      set: (target, name, value) => Reflect.set(target, name, value, target),
    });
  }
}
