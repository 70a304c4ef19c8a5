// What ends with a signal.

/** Calls when the signal aborts; at once when it has, which its event alone would not tell. */
export function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
}
