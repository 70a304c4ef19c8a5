// When bytes get through a slow link. Pure.
import type { LinkState } from './device.ts';

export type Passage = {
  /** When the last byte has been sent, and the next may be. */
  sentMs: number;
  /** When the last byte is there. */
  arrivesMs: number;
};

/**
 * @param nowMs when the bytes are given
 * @param busyUntilMs when those before them have been sent
 */
export function passage(nowMs: number, busyUntilMs: number, bytes: number, link: LinkState): Passage {
  const beginsMs = Math.max(nowMs, busyUntilMs);
  const { bytesPerSecond, delayMs = 0 } = link;
  const sentMs = beginsMs + (bytesPerSecond === undefined ? 0 : (bytes / bytesPerSecond) * 1000);
  return { sentMs, arrivesMs: sentMs + delayMs };
}

const rateUnits: Record<string, number> = { '': 1 / 8, k: 1000 / 8, M: 1e6 / 8, G: 1e9 / 8 };

/** Bytes a second of a rate in bits a second such as 64kbit, or undefined when it is none. */
export function readRate(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([kMG]?)bit$/.exec(text);
  const rate = Number(match?.[1]) * (rateUnits[match?.[2] ?? ''] ?? Number.NaN);
  return rate >= 1 ? rate : undefined;
}

/** Such as `64kbit`, as readRate reads it. */
export function rateText(bytesPerSecond: number): string {
  const bits = bytesPerSecond * 8;
  const [unit, size] = bits >= 1e9 ? ['G', 1e9] : bits >= 1e6 ? ['M', 1e6] : bits >= 1000 ? ['k', 1000] : ['', 1];
  return `${Number((bits / size).toPrecision(4))}${unit}bit`;
}
