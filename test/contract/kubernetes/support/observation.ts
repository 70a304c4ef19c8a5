// Events of a watch in their order, for tests that expect some of them, or
// exactly these.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../../api/meta/object.ts';
import type { Watch } from '../../../support/hub.ts';

export type Event<T = KubeObject> = { type: string; object: T };

export class Observation<T extends KubeObject> {
  #watch: Watch;
  /** Events that `next` and `first` have passed. */
  #passed = 0;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** All events so far. */
  get events(): readonly Event<T>[] {
    return this.#watch.events.all as unknown as Event<T>[];
  }

  /** Types of all events so far. */
  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** The event after the last one that was waited for; it must be of this type. */
  async next(type: string): Promise<T> {
    const event = await this.first(() => true, `an event ${type}`);
    assert.equal(event.type, type, JSON.stringify(event.object));
    return event.object;
  }

  /** The first event that fits, after the last one that was waited for. */
  async first(fits: (event: Event<T>) => boolean, expected: string, timeoutMs?: number): Promise<Event<T>> {
    let seen = 0;
    const isNext = (event: unknown): boolean => {
      seen += 1;
      return seen > this.#passed && fits(event as Event<T>);
    };
    const event = await this.#watch.events.first(isNext, expected, timeoutMs);
    this.#passed = seen;
    return event as unknown as Event<T>;
  }

  close(): void {
    this.#watch.close();
  }
}
