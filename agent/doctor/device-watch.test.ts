// Looking at the device over time: who is told, and when.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualClock } from '../../platform/virtual-clock.ts';
import { healthyPi, recordedHost, starvedPi, type Tree } from '../../test/support/recorded-devices.ts';
import { DeviceWatch } from './device-watch.ts';
import { clockToleranceMs, quietLooks } from './limits.ts';
import { readDevice } from './read-device.ts';

const intervalMs = 60_000;

/** A watch whose device can be exchanged; `told` has what was wrong each time that something changed. */
async function watchOf(first: Tree) {
  const clock = new VirtualClock({ startMs: Date.UTC(2026, 10, 23) });
  const stop = new AbortController();
  const world = { tree: first, looks: 0, setsClock: false };
  const told: string[][] = [];
  const wrong = (): string[] => watch.conditions().flatMap(({ type, status }) => (status === 'True' ? [type] : []));
  const watch = new DeviceWatch(
    { intervalMs },
    {
      clock,
      readDevice: async () => {
        world.looks += 1;
        return { device: await readDevice(recordedHost(world.tree), '/data'), floorMs: 0 };
      },
      setClock: async (timeMs) => {
        if (world.setsClock) clock.jumpWall(timeMs - clock.nowMs());
      },
      onChange: () => told.push(wrong()),
    },
  );
  await watch.start(stop.signal);
  return { clock, stop, world, told, watch, wrong };
}

it('knows its conditions when it has started, and tells of changes alone', async () => {
  const { clock, stop, world, told, wrong } = await watchOf(starvedPi);
  assert.deepEqual(wrong(), ['UnderVoltage', 'Throttled']);
  await clock.advance(24 * 60 * intervalMs);
  assert.deepEqual(told, []);
  assert.equal(world.looks, 1 + 24 * 60);
  world.tree = healthyPi;
  await clock.advance((quietLooks - 1) * intervalMs);
  assert.deepEqual(told, []);
  await clock.advance(intervalMs);
  assert.deepEqual(told, [[]]);
  stop.abort();
  await clock.advance(10 * intervalMs);
  assert.equal(world.looks, 1 + 24 * 60 + quietLooks);
});

it('finds a clock that differs from the hub, also when it jumps later', async () => {
  const { clock, told, watch } = await watchOf(healthyPi);
  await watch.hubTime(clock.nowMs() + 5000);
  // The reason is a new one: the hub has told its time.
  assert.deepEqual(told, [[]]);
  clock.jumpWall(-3_600_000);
  await clock.advance(intervalMs);
  assert.deepEqual(told.at(-1), ['ClockNotSynchronized']);
  assert.match(await watch.metrics(), /^skerry_device_clock_difference_seconds -3605$/m);
  clock.jumpWall(3_600_000);
  await clock.advance(intervalMs);
  assert.deepEqual(told.at(-1), []);
});

it('sets a clock that is far from the hub, and leaves one that is near', async () => {
  const { clock, told, watch, wrong, world } = await watchOf(healthyPi);
  world.setsClock = true;
  const hubMs = clock.nowMs();
  clock.jumpWall(-hubMs);
  await watch.hubTime(hubMs);
  assert.equal(clock.nowMs(), hubMs);
  assert.deepEqual([wrong(), told.at(-1)], [[], []]);
  await watch.hubTime(hubMs + clockToleranceMs / 2);
  assert.equal(clock.nowMs(), hubMs);
});
