// Keeps the agent connected: tries for ever, with growing pauses and jitter so
// that a fleet does not return all at once, and says once that the hub is away.
import type { Link } from '../../api/wire/link.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { firstReconnectMs, longestReconnectMs, stableLinkMs } from './limits.ts';

/** The hub will not have this agent; the message says why, for people. */
export class RefusedError extends Error {
  /** What may be done about it without people. */
  readonly reason: 'name-taken' | undefined;

  constructor(message: string, options: { cause?: unknown; reason?: 'name-taken' | undefined } = {}) {
    super(message, { cause: options.cause });
    this.reason = options.reason;
  }
}

export type ConnectorParts = {
  /** Opens a link. @throws RefusedError, or what the network says */
  connect: (signal: AbortSignal) => Promise<Link>;
  onLink: (link: Link) => void;
  clock: Clock;
  random: Random;
  log: Log;
};

/** Connects, and connects again, until the signal aborts. */
export async function keepConnected(parts: ConnectorParts, signal: AbortSignal): Promise<void> {
  const { connect, onLink, clock, random, log } = parts;
  let failures = 0;
  let said = '';
  while (!signal.aborted) {
    try {
      const link = await connect(signal);
      log.info({}, 'connected to the hub');
      said = '';
      const openedMs = clock.monotonicMs();
      const closed = new Promise<void>((resolve) =>
        link.closed.addEventListener('abort', () => resolve(), { once: true }),
      );
      onLink(link);
      if (!link.closed.aborted) await closed;
      // A link that breaks at once is no better than none: the pauses go on growing.
      failures = clock.monotonicMs() - openedMs < stableLinkMs ? failures + 1 : 0;
      if (signal.aborted) return;
      log.warn({ reason: String(link.closed.reason) }, 'the connection to the hub is gone: pods go on, reports wait');
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      const message =
        error instanceof RefusedError ? error.message : 'the hub is out of reach: pods go on, trying again';
      if (message !== said) log.warn({ err: error }, message);
      said = message;
    }
    const longest = Math.min(longestReconnectMs, firstReconnectMs * 2 ** Math.min(failures, 10));
    await sleep(clock, longest * (0.5 + random.fraction() / 2), signal);
  }
}
