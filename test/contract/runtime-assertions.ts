// What the tests of the runtime's contract expect and wait for.
import assert from 'node:assert/strict';
import type { RuntimeError, RuntimeErrorCode } from '../../agent/runtime/runtime.ts';

export const eventTimeoutMs = 20_000;

/** For assert.rejects: whether it is an error of the runtime with one of these codes. */
export function runtimeError(...codes: RuntimeErrorCode[]): (error: unknown) => boolean {
  return (error) => {
    const { name, code } = error as RuntimeError;
    assert.equal(name, 'RuntimeError', String(error));
    assert.ok(codes.includes(code), `code ${code}, expected ${codes.join(' or ')}: ${String(error)}`);
    return true;
  };
}

/** Polls until a value is there. */
export async function until<T>(
  look: () => Promise<T | undefined>,
  what: string,
  withinMs = eventTimeoutMs,
): Promise<T> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > untilMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
