// One connection to the hub: says what is held, takes what is new, reports what
// is. Knows frames and links, nothing of MQTT.
import { decodeFrame, encodeFrame } from '../../api/wire/codec.ts';
import {
  type DownFrame,
  type SliceKey,
  type StreamDownFrame,
  type UpFrame,
  wireVersion,
} from '../../api/wire/frames.ts';
import type { Link } from '../../api/wire/link.ts';
import { differenceOf } from '../../api/wire/slice.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { SliceState } from '../state/slice-state.ts';
import { reportSettleMs, resendMs } from './limits.ts';
import type { Outbox } from './outbox.ts';

export type SessionParts = {
  link: Link;
  clock: Clock;
  log: Log;
  state: SliceState;
  outbox: Outbox;
  hello: { agentVersion: string; bootId: string };
  /** These objects of the slice on disk have changed. */
  onSlice: (keys: readonly SliceKey[]) => void;
  /** The hub has answered; its time is given. */
  onWelcome: (hubTimeMs: number) => void;
  onStream: (frame: StreamDownFrame, send: (frame: UpFrame) => void) => void;
};

export class Session {
  #parts: SessionParts;
  #work: Promise<void> = Promise.resolve();
  #seq = 0;
  #welcomed = false;
  #flushScheduled = false;
  /** Changed by parts of which the last has not come. */
  #changed: SliceKey[] = [];

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Greets the hub and serves the link until it closes. */
  start(): void {
    const { link, state, hello, outbox } = this.#parts;
    link.onFrame((bytes) => {
      this.#work = this.#work.then(() => this.#receive(bytes));
    });
    link.closed.addEventListener('abort', () => outbox.linkLost(), { once: true });
    outbox.onItem(() => this.#scheduleFlush(reportSettleMs));
    this.#send({ type: 'hello', version: wireVersion, ...hello, digest: state.digest() });
  }

  #send(frame: UpFrame): void {
    this.#parts.link.send(encodeFrame(frame));
  }

  #scheduleFlush(delayMs: number): void {
    const { link, clock } = this.#parts;
    if (this.#flushScheduled || !this.#welcomed || link.closed.aborted) return;
    this.#flushScheduled = true;
    clock.setTimer(delayMs, () => {
      this.#flushScheduled = false;
      if (!link.closed.aborted) this.#flush();
    });
  }

  #flush(): void {
    const items = this.#parts.outbox.take();
    if (items.length === 0) return;
    this.#seq += 1;
    this.#send({ type: 'report', seq: this.#seq, items });
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    const { link, log } = this.#parts;
    if (link.closed.aborted) return;
    try {
      await this.#handle(decodeFrame<DownFrame>(bytes));
    } catch (error) {
      log.warn({ err: error }, 'a frame of the hub could not be taken');
      link.close((error as Error).message);
    }
  }

  async #handle(frame: DownFrame): Promise<void> {
    const { state, outbox, onSlice, onWelcome, onStream, log } = this.#parts;
    switch (frame.type) {
      case 'welcome':
        this.#welcomed = true;
        onWelcome(frame.timeMs);
        this.#scheduleFlush(0);
        return;
      case 'sync':
        await state.apply(frame);
        this.#changed.push(...frame.upserts.map(([key]) => key), ...frame.deletes);
        if (frame.more) return;
        if (state.digest() !== frame.digest)
          throw new Error('the slice does not have the digest that the hub announced');
        this.#send({ type: 'synced', digest: frame.digest });
        onSlice(this.#changed.splice(0));
        return;
      case 'manifest': {
        const { upserts, deletes } = differenceOf(state.manifest, frame.manifest);
        await state.apply({ upserts: [], deletes });
        this.#changed.push(...deletes);
        if (deletes.length > 0 && upserts.length === 0) onSlice(this.#changed.splice(0));
        this.#send({ type: 'want', keys: upserts });
        return;
      }
      case 'ack':
        if (frame.failed.length > 0)
          log.warn({ reason: frame.reason, failed: frame.failed.length }, 'the hub could not apply a report');
        outbox.acknowledged(frame.failed);
        if (outbox.waiting > 0) this.#scheduleFlush(frame.failed.length > 0 ? resendMs : 0);
        return;
      case 'open-logs':
      case 'open':
      case 'data':
      case 'close':
      case 'credit':
      case 'cancel':
        onStream(frame, (answer) => this.#send(answer));
        return;
      default:
        throw new Error(`unexpected frame ${frame.type} from the hub`);
    }
  }
}
