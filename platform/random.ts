// Randomness behind a door, so that a simulation can replay a seed.
import { randomBytes } from 'node:crypto';

export type Random = {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
};

/** The operating system's generator. */
export function createSystemRandom(): Random {
  return {
    bytes: (length) => randomBytes(length),
    fraction: () => Math.random(),
  };
}

/** A seeded generator (mulberry32): the same seed gives the same sequence. Not for secrets. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return { bytes: (length) => Uint8Array.from({ length }, () => Math.floor(fraction() * 256)), fraction };
}

/** A random UUID, version 4 (RFC 9562 section 5.4). */
export function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

// Kubernetes' alphabet for generated names: no vowels, no look-alikes (k8s.io/apimachinery/pkg/util/rand).
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A random suffix as Kubernetes puts behind `generateName`. */
export function nameSuffix(random: Random, length = 5): string {
  return Array.from(random.bytes(length), (byte) => nameAlphabet[byte % nameAlphabet.length]).join('');
}
