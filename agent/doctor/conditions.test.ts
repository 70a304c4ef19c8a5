// Conditions of recorded devices, and how they come and go.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  corruptPi,
  debianPi,
  emmcBoard,
  healthyPi,
  hotPi,
  readOnlyPi,
  recordedHost,
  starvedPi,
  type Tree,
  warmPi,
} from '../../test/support/recorded-devices.ts';
import { type Held, judge, type Observed, toConditions } from './conditions.ts';
import { quietLooks } from './limits.ts';
import { readDevice } from './read-device.ts';

const nowMs = Date.UTC(2026, 10, 23);

async function observe(tree: Tree, clock: Partial<Observed['clock']> = {}): Promise<Observed> {
  const device = await readDevice(recordedHost(tree), '/data/skerry');
  return { device, clock: { nowMs, floorMs: Date.UTC(2026, 0, 1), hubDifferenceMs: undefined, ...clock } };
}

/** TYPE=REASON of what is wrong. */
function wrong(held: readonly Held[]): string[] {
  return toConditions(held).flatMap(({ type, status, reason }) => (status === 'True' ? [`${type}=${reason}`] : []));
}

describe('device conditions', () => {
  it('are all False on a board that is well', async () => {
    const conditions = toConditions(judge(await observe(healthyPi), []));
    assert.deepEqual(
      conditions.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['UnderVoltage', 'False', 'SupplyVoltageSufficient'],
        ['Throttled', 'False', 'ProcessorNotThrottled'],
        ['HighTemperature', 'False', 'DeviceIsCool'],
        ['ReadonlyFilesystem', 'False', 'FilesystemIsNotReadOnly'],
        ['DiskProblem', 'False', 'DiskHasNoProblem'],
        ['ClockNotSynchronized', 'False', 'ClockPlausible'],
      ],
    );
  });

  const cases: [string, Tree, Partial<Observed['clock']>, string[]][] = [
    ['under-voltage', starvedPi, {}, ['UnderVoltage=SupplyVoltageLow', 'Throttled=ProcessorThrottled']],
    ["the alarm of Debian's kernel", debianPi(1), {}, ['UnderVoltage=SupplyVoltageLow']],
    ['heat', hotPi, {}, ['Throttled=ProcessorThrottled', 'HighTemperature=DeviceIsHot']],
    ['warmth alone is none', warmPi, {}, []],
    ['ext4 errors', corruptPi, {}, ['DiskProblem=Ext4Error']],
    ['a read-only data partition', readOnlyPi, {}, ['ReadonlyFilesystem=FilesystemIsReadOnly']],
    ['a worn eMMC', emmcBoard('0x0a 0x02', '0x01'), {}, ['DiskProblem=DiskNearEndOfLife']],
    ['an eMMC at 80 % is none yet', emmcBoard('0x08 0x02', '0x01'), {}, []],
    ['a clock in 1970', healthyPi, { nowMs: 30_000 }, ['ClockNotSynchronized=ClockBehind']],
    [
      'a clock beside the hub',
      healthyPi,
      { hubDifferenceMs: -3_600_000 },
      ['ClockNotSynchronized=ClockDiffersFromHub'],
    ],
    ['a clock that the hub shares, whatever the floor', healthyPi, { nowMs: 30_000, hubDifferenceMs: 20 }, []],
  ];
  for (const [what, tree, clock, expected] of cases) {
    it(`tell of ${what}`, async () => {
      assert.deepEqual(wrong(judge(await observe(tree, clock), [])), expected);
    });
  }

  it('are absent where the device does not tell', async () => {
    const types = toConditions(judge(await observe({}), [])).map(({ type }) => type);
    assert.deepEqual(types, ['DiskProblem', 'ClockNotSynchronized']);
  });

  it('of a supply stay until it has been well for some looks, and start anew when it is back', async () => {
    const [starved, healthy] = [await observe(starvedPi), await observe(healthyPi)];
    let held = judge(starved, []);
    for (let look = 1; look < quietLooks; look += 1) {
      held = judge(healthy, held);
      assert.equal(wrong(held).length, 2, `after ${look} quiet looks`);
    }
    held = judge(starved, held);
    for (let look = 1; look < quietLooks; look += 1) held = judge(healthy, held);
    assert.equal(wrong(held).length, 2);
    assert.deepEqual(wrong(judge(healthy, held)), []);
  });

  it('call a device hot until it is clearly cooler', async () => {
    let held = judge(await observe(hotPi), []);
    for (let look = 0; look < 3 * quietLooks; look += 1) held = judge(await observe(warmPi), held);
    assert.deepEqual(wrong(held), ['HighTemperature=DeviceIsHot']);
    const cooler = toConditions(judge(await observe(healthyPi), held));
    assert.equal(cooler.find(({ type }) => type === 'HighTemperature')?.status, 'False');
  });

  it('say nothing new while figures move', async () => {
    const before = toConditions(judge(await observe(corruptPi), []));
    const moved = {
      ...corruptPi,
      '/sys/fs/ext4/mmcblk0p4/errors_count': '9',
      '/sys/class/thermal/thermal_zone0/temp': '61000',
    };
    assert.deepEqual(toConditions(judge(await observe(moved), [])), before);
  });
});
