// The queue of controllers: appointments of a key, the soonest of which counts.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createMemoryLog } from '../../platform/log.ts';
import { VirtualClock } from '../../platform/virtual-clock.ts';
import { WorkQueue } from './work-queue.ts';

function queueOf(): { clock: VirtualClock; queue: WorkQueue; workedAtMs: number[]; stop: () => void } {
  const clock = new VirtualClock();
  const workedAtMs: number[] = [];
  const work = async (): Promise<void> => {
    workedAtMs.push(clock.monotonicMs());
  };
  const queue = new WorkQueue('test', work, { clock, log: createMemoryLog([]) });
  const stopping = new AbortController();
  queue.start(stopping.signal);
  return { clock, queue, workedAtMs, stop: () => stopping.abort() };
}

it('an appointment is brought forward by a sooner one, which it then was', async () => {
  const { clock, queue, workedAtMs, stop } = queueOf();
  queue.addAfter('a', 3_600_000);
  queue.addAfter('a', 10_000);
  await clock.advance(7_200_000);
  assert.deepEqual(workedAtMs, [10_000]);
  stop();
});

it('an appointment is not put off by a later one', async () => {
  const { clock, queue, workedAtMs, stop } = queueOf();
  queue.addAfter('a', 10_000);
  queue.addAfter('a', 3_600_000);
  await clock.advance(7_200_000);
  assert.deepEqual(workedAtMs, [10_000]);
  stop();
});
