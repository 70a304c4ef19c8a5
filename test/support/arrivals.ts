// Items (lines of a process, events of a watch) that arrive over time, and
// bounded waiting for the one that a test expects.

const defaultTimeoutMs = 20_000;

export class Arrivals<T> {
  readonly all: T[] = [];
  #what: string;
  #waiting = new Set<() => void>();
  #listeners: ((item: T) => void)[] = [];
  #ended = false;

  /** @param what names the source in errors */
  constructor(what: string) {
    this.#what = what;
  }

  push(item: T): void {
    this.all.push(item);
    for (const listener of this.#listeners) listener(item);
    for (const check of [...this.#waiting]) check();
  }

  /** Calls the listener with each item, those that are there and those that come. */
  each(listener: (item: T) => void): void {
    for (const item of this.all) listener(item);
    this.#listeners.push(listener);
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves with the first item, old or new, that fits; rejects when the source ends or the time is up. */
  first(fits: (item: T) => boolean, expected: string, timeoutMs = defaultTimeoutMs): Promise<T> {
    return new Promise((resolve, reject) => {
      let seen = 0;
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
      };
      const fail = (why: string): void => {
        finish();
        const known = this.all.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
        reject(new Error(`${this.#what}: ${why} before ${expected} came; so far:\n${known.join('\n')}`));
      };
      const check = (): void => {
        for (; seen < this.all.length; seen += 1) {
          const item = this.all[seen] as T;
          if (!fits(item)) continue;
          finish();
          resolve(item);
          return;
        }
        if (this.#ended) fail('it ended');
      };
      const timer = setTimeout(() => fail(`${timeoutMs / 1000} s passed`), timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }
}
