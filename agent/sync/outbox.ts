// What waits to be reported: the newest state of each object, whatever came
// before it, and a bounded list of events. In memory only: after a restart the
// states are observed again, and events that were not sent are lost.
import type { ReportItem } from '../../api/wire/frames.ts';
import { maxReportItems } from '../../api/wire/limits.ts';
import { maxWaitingEvents } from './limits.ts';

function keyOf(item: Exclude<ReportItem, { kind: 'event' }>): string {
  return item.kind === 'node' ? 'node' : item.uid;
}

export class Outbox {
  #states = new Map<string, Exclude<ReportItem, { kind: 'event' }>>();
  #events: ReportItem[] = [];
  /** Items of the report that is on its way. */
  #sent: ReportItem[] = [];
  #onItem: () => void = () => undefined;

  /** Called whenever something waits to be sent. */
  onItem(listener: () => void): void {
    this.#onItem = listener;
  }

  get waiting(): number {
    return this.#states.size + this.#events.length + this.#sent.length;
  }

  put(item: ReportItem): void {
    if (item.kind === 'event') {
      this.#events.push(item);
      if (this.#events.length > maxWaitingEvents) this.#events.shift();
    } else {
      const key = keyOf(item);
      // That nothing of a pod is left is the last word about it.
      if (item.kind !== 'gone' && this.#states.get(key)?.kind === 'gone') return;
      this.#states.delete(key);
      // The node's own state goes first: it makes its pods believable.
      if (item.kind === 'node') this.#states = new Map([[key, item], ...this.#states]);
      else this.#states.set(key, item);
    }
    this.#onItem();
  }

  /** The items of the next report; empty when one is on its way or nothing waits. */
  take(): ReportItem[] {
    if (this.#sent.length > 0) return [];
    const states = [...this.#states].slice(0, maxReportItems);
    for (const [key] of states) this.#states.delete(key);
    const items = states.map(([, item]) => item);
    this.#sent = [...items, ...this.#events.splice(0, maxReportItems - items.length)];
    return this.#sent;
  }

  /** The hub has made the report durable, but for the items at these places. */
  acknowledged(failed: readonly number[]): void {
    const again = failed.flatMap((index) => this.#sent[index] ?? []);
    this.#sent = [];
    this.#putBack(again);
  }

  /** The link is gone: nothing is known of the report that was on its way. */
  linkLost(): void {
    const again = this.#sent;
    this.#sent = [];
    this.#putBack(again);
  }

  #putBack(items: readonly ReportItem[]): void {
    const events = items.filter((item) => item.kind === 'event');
    this.#events = [...events, ...this.#events].slice(-maxWaitingEvents);
    for (const item of items) {
      if (item.kind === 'event') continue;
      // Something newer may have come meanwhile.
      if (!this.#states.has(keyOf(item))) this.#states.set(keyOf(item), item);
    }
  }
}
