// Looks at the device every now and then, while the agent runs: cheap readings
// only, nothing is written, and nobody is told but of what has changed.
import type { Condition } from '../../api/meta/kubernetes.ts';
import { jsonEqual } from '../../api/meta/object.ts';
import { type Clock, every } from '../../platform/clock.ts';
import { type Held, judge, type Observed, toConditions } from './conditions.ts';
import { clockToleranceMs } from './limits.ts';
import { metricsText } from './metrics.ts';
import type { DeviceReadings } from './readings.ts';

export type DeviceWatchOptions = { intervalMs: number };
export type DeviceWatchParts = {
  clock: Clock;
  /** Never rejects. */
  readDevice: () => Promise<{ device: DeviceReadings; floorMs: number }>;
  /** Sets the clock, ms since 1970; without it the clock is only judged. Never rejects. */
  setClock?: ((timeMs: number) => Promise<void>) | undefined;
  onChange: () => void;
};

export class DeviceWatch {
  #options: DeviceWatchOptions;
  #parts: DeviceWatchParts;
  #held: Held[] = [];
  /** The hub's time less this process' monotonic time. */
  #hubOffsetMs: number | undefined;

  constructor(options: DeviceWatchOptions, parts: DeviceWatchParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Looks for the first time; resolves when its conditions are known. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#look();
    every(this.#parts.clock, this.#options.intervalMs, signal, () => this.#lookAgain());
  }

  /**
   * The hub has told its time, ms since 1970: what the clock says is judged by it from now on, and a clock that is far
   * off is set to it where that can be done. Never rejects.
   */
  async hubTime(timeMs: number): Promise<void> {
    const { clock, setClock } = this.#parts;
    this.#hubOffsetMs = timeMs - clock.monotonicMs();
    if (Math.abs(clock.nowMs() - timeMs) > clockToleranceMs) await setClock?.(timeMs);
    await this.#lookAgain();
  }

  /** As of the last look, without times. */
  conditions(): Condition[] {
    return toConditions(this.#held);
  }

  /** Figures of the device as of now, in Prometheus' text format. */
  async metrics(): Promise<string> {
    return metricsText(await this.#observe());
  }

  async #observe(): Promise<Observed> {
    const { clock, readDevice } = this.#parts;
    const { device, floorMs } = await readDevice();
    const nowMs = clock.nowMs();
    const hubDifferenceMs =
      this.#hubOffsetMs === undefined ? undefined : nowMs - clock.monotonicMs() - this.#hubOffsetMs;
    return { device, clock: { nowMs, floorMs, hubDifferenceMs } };
  }

  async #lookAgain(): Promise<void> {
    const before = this.conditions();
    await this.#look();
    if (!jsonEqual(before, this.conditions())) this.#parts.onChange();
  }

  async #look(): Promise<void> {
    this.#held = judge(await this.#observe(), this.#held);
  }
}
