// The exposition text of a recorded device.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { emmcBoard, recordedHost, starvedPi, type Tree } from '../../test/support/recorded-devices.ts';
import { metricsText } from './metrics.ts';
import { readDevice } from './read-device.ts';

const clock = { nowMs: 0, floorMs: 0, hubDifferenceMs: 1500 };

async function linesOf(tree: Tree): Promise<string[]> {
  const text = metricsText({ device: await readDevice(recordedHost(tree), '/data'), clock });
  assert.ok(text.endsWith('\n'));
  return text.split('\n').slice(0, -1);
}

it('tells figures under a help and a type each', async () => {
  const lines = await linesOf(starvedPi);
  for (const expected of [
    'skerry_device_throttled{flag="under_voltage"} 1',
    'skerry_device_throttled{flag="frequency_capped"} 0',
    'skerry_device_throttled_since_boot{flag="throttled"} 1',
    'skerry_device_temperature_celsius{zone="cpu-thermal",index="0"} 48.2',
    'skerry_device_disk_written_bytes_total{device="mmcblk0"} 2097152',
    'skerry_device_filesystem_errors_total{device="mmcblk0p4"} 0',
    'skerry_device_data_free_bytes 21474836480',
    'skerry_device_memory_stalled_ratio 0.0025',
    'skerry_device_clock_difference_seconds 1.5',
  ])
    assert.ok(lines.includes(expected), `${expected}\nis not in\n${lines.join('\n')}`);
  for (const line of lines) assert.match(line, /^(# (HELP|TYPE) )?skerry_device_[a-z_]+/);
  const names = lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
  assert.equal(new Set(names).size, names.length);
  assert.equal(lines.filter((line) => line.startsWith('# HELP')).length, names.length);
});

it('leaves out what the device does not tell', async () => {
  const lines = await linesOf(emmcBoard('0x03 0x01', '0x01'));
  assert.ok(lines.includes('skerry_device_disk_life_used_ratio{device="mmcblk0"} 0.3'));
  assert.ok(!lines.some((line) => line.includes('throttled') || line.includes('io_errors')));
});

it('escapes what stands in labels', async () => {
  const lines = await linesOf({
    '/sys/class/thermal/thermal_zone0/type': 'a"b\\c\nd',
    '/sys/class/thermal/thermal_zone0/temp': '1000',
  });
  assert.ok(lines.includes('skerry_device_temperature_celsius{zone="a\\"b\\\\c\\nd",index="0"} 1'));
});
