// Tokens that are good for a number of devices: who has used one is kept in its
// Secret, so that a device whose answer was lost does not use it up twice.
import { isJsonObject } from './object.ts';

/** One device that has joined with the token. */
export type TokenUse = {
  /** SHA-256 of the device's public key, hex. */
  key: string;
  hardwareId?: string;
};

export type UseDecision =
  /** The device has used it before: nothing to write. */
  | { kind: 'known' }
  /** These uses are to be written. */
  | { kind: 'counted'; uses: TokenUse[] }
  | { kind: 'used-up' };

/** What stands in the Secret; a text that can't be read counts as used up to the limit, never as unused. */
export function readTokenUses(text: string): TokenUse[] | undefined {
  if (text === '') return [];
  try {
    const uses: unknown = JSON.parse(text);
    if (Array.isArray(uses) && uses.every((use) => isJsonObject(use) && typeof use.key === 'string'))
      return uses as TokenUse[];
  } catch {
    // Somebody has edited it.
  }
  return undefined;
}

/**
 * Whether one more device may join. The same key is the same device, also when nothing is left. The same board with a
 * new key (its card was written again) takes over its own use, but only while the token is good for others too: a board's
 * id is no secret, and whoever finds a used token must not become the device that used it.
 */
export function decideTokenUse(uses: readonly TokenUse[] | undefined, limit: number, device: TokenUse): UseDecision {
  if (uses?.some(({ key }) => key === device.key)) return { kind: 'known' };
  if (uses === undefined || uses.length >= limit) return { kind: 'used-up' };
  const others = uses.filter(({ hardwareId }) => hardwareId === undefined || hardwareId !== device.hardwareId);
  return { kind: 'counted', uses: [...others, device] };
}
