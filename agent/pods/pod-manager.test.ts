// When the loop over all pods counts as turning, and when as stuck: what the
// service manager's watchdog is told.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../platform/log.ts';
import { VirtualClock } from '../../platform/virtual-clock.ts';
import { relistMs, stuckAfterMs } from './limits.ts';
import { PodManager, type PodManagerParts } from './pod-manager.ts';

/** A node without pods, with this engine. */
function managerOf(clock: VirtualClock, describeEngine: () => Promise<unknown>): PodManager {
  const parts: Partial<Record<keyof PodManagerParts, unknown>> = {
    runtime: { watch: () => undefined, describe: describeEngine, list: async () => [] },
    clock,
    log: createLog({ level: 'silent', name: 'test' }),
    desired: () => [],
    podCidr: () => undefined,
    storedPodUids: async () => [],
    onEngine: () => undefined,
  };
  return new PodManager(parts as PodManagerParts);
}

describe('the loop over all pods', () => {
  it('turns with an engine that answers and with one that refuses', async () => {
    const refuse = (): Promise<never> => Promise.reject(new Error('connect ENOENT'));
    for (const engine of [async () => ({}), refuse]) {
      const clock = new VirtualClock();
      const manager = managerOf(clock, engine);
      const stop = new AbortController();
      manager.start(stop.signal);
      await clock.advance(10 * stuckAfterMs);
      assert.equal(manager.isTurning(), true);
      stop.abort();
    }
  });

  it('is stuck when the engine never answers again', async () => {
    const clock = new VirtualClock();
    let silent = false;
    const manager = managerOf(clock, () => (silent ? new Promise(() => undefined) : Promise.resolve({})));
    const stop = new AbortController();
    manager.start(stop.signal);
    await clock.advance(relistMs);
    silent = true;
    await clock.advance(stuckAfterMs - 1);
    assert.equal(manager.isTurning(), true);
    await clock.advance(relistMs);
    assert.equal(manager.isTurning(), false);
    stop.abort();
  });
});
