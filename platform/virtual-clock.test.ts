// The clock of the simulation: nothing moves but by `advance`, timers run in
// the order of their time, and promises settle between them.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { every, sleep } from './clock.ts';
import { VirtualClock } from './virtual-clock.ts';

const startMs = Date.UTC(2024, 0, 1);

it('runs timers in order of time, then in order of setting, and shows each its own time', async () => {
  const clock = new VirtualClock({ startMs });
  const calls: [name: string, atMs: number][] = [];
  const timer = (name: string, delayMs: number): (() => void) =>
    clock.setTimer(delayMs, () => calls.push([name, clock.monotonicMs()]));
  timer('late', 30);
  timer('first', 10);
  timer('second', 10);
  timer('negative', -5);
  timer('beyond', 31);
  const cancel = timer('cancelled', 20);
  cancel();
  cancel();
  assert.deepEqual(calls, []);
  await clock.advance(30);
  assert.deepEqual(calls, [
    ['negative', 0],
    ['first', 10],
    ['second', 10],
    ['late', 30],
  ]);
  assert.deepEqual([clock.monotonicMs(), clock.nowMs()], [30, startMs + 30]);
  await clock.advance(0);
  assert.equal(calls.length, 4);
  await clock.advance(1);
  assert.deepEqual(calls.at(-1), ['beyond', 31]);
});

it('a timer may set and cancel others', async () => {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const cancelled = clock.setTimer(20, () => calls.push('cancelled'));
  clock.setTimer(10, () => {
    cancelled();
    clock.setTimer(5, () => calls.push(`nested at ${clock.monotonicMs()}`));
    clock.setTimer(500, () => calls.push('too late'));
  });
  await clock.advance(100);
  assert.deepEqual(calls, ['nested at 15']);
});

it('lets promises settle before the next timer', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const chain = async (): Promise<void> => {
    await sleep(clock, 10);
    for (let hop = 0; hop < 20; hop += 1) await Promise.resolve();
    order.push('chain');
    await sleep(clock, 1);
    order.push(`chain again at ${clock.monotonicMs()}`);
  };
  const done = chain();
  clock.setTimer(20, () => order.push('timer'));
  await clock.advance(20);
  await done;
  assert.deepEqual(order, ['chain', 'chain again at 11', 'timer']);
});

it('wall time jumps, monotonic time and timers do not', async () => {
  const clock = new VirtualClock({ startMs });
  let called = false;
  clock.setTimer(1000, () => {
    called = true;
  });
  clock.jumpWall(-startMs);
  assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [0, 0]);
  clock.jumpWall(5_000_000);
  await clock.advance(999);
  assert.deepEqual([clock.nowMs(), clock.monotonicMs(), called], [5_000_999, 999, false]);
  await clock.advance(1);
  assert.equal(called, true);
});

it('sleep ends at once when its signal aborts', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const sleeping = sleep(clock, 1_000_000, controller.signal);
  controller.abort();
  await sleeping;
  await sleep(clock, 1_000_000, controller.signal);
  assert.equal(clock.monotonicMs(), 0);
});

it('every waits for its work and stops with its signal', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const starts: number[] = [];
  every(clock, 10, controller.signal, async () => {
    starts.push(clock.monotonicMs());
    await sleep(clock, 5);
  });
  await clock.advance(50);
  assert.deepEqual(starts, [10, 25, 40]);
  controller.abort();
  await clock.advance(100);
  assert.equal(starts.length, 3);
});

it('runs a week of a timer a minute', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  let count = 0;
  every(clock, 60_000, controller.signal, () => {
    count += 1;
  });
  await clock.advance(7 * 24 * 3600_000);
  controller.abort();
  assert.equal(count, 7 * 24 * 60);
});
