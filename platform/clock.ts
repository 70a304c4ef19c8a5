// Time as the rest of the house sees it: wall time for what people read,
// monotonic time and timers for everything that waits. A device may boot in
// 1970, so nothing may measure a duration with wall time.

export type Clock = {
  /** Wall time, milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Never goes back; the zero point is arbitrary. Milliseconds. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void;
};

/** The machine's clock. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer: (delayMs, callback) => {
      const timer = setTimeout(callback, Math.min(delayMs, 0x7fffffff));
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, or at once when the signal aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimer(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Calls back every `intervalMs` after the previous call has ended, until the signal aborts. */
export function every(clock: Clock, intervalMs: number, signal: AbortSignal, work: () => void | Promise<void>): void {
  const next = (): void => {
    const cancel = clock.setTimer(intervalMs, () => {
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) return;
      void Promise.resolve(work()).finally(() => {
        if (!signal.aborted) next();
      });
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  next();
}
