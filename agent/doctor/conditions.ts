// What the device says of itself as conditions of its node: True is a problem,
// as node-problem-detector has it, whose names are used where it has one. No
// figures stand in the messages: a condition is written when it changes, and
// only then. Pure.
// https://github.com/kubernetes/node-problem-detector#problem-daemon
import { deviceConditionTypes } from '../../api/meta/device.ts';
import type { Condition } from '../../api/meta/kubernetes.ts';
import { clockToleranceMs, hotCelsius, quietLooks, warmCelsius, wornRatio } from './limits.ts';
import { readOnlyMounts } from './mounts.ts';
import type { ClockReading, DeviceReadings, DiskReading } from './readings.ts';

type DeviceConditionType = (typeof deviceConditionTypes)[number];

export type Observed = { device: DeviceReadings; clock: ClockReading };
type Verdict = { isProblem: boolean; reason: string; message: string };
/** A verdict, and for how many looks a problem has not been seen any more. */
export type Held = Verdict & { type: DeviceConditionType; quiet: number };

const fine = (reason: string, message: string): Verdict => ({ isProblem: false, reason, message });
const bad = (reason: string, message: string): Verdict => ({ isProblem: true, reason, message });

/** Undefined where the device does not tell: then there is no such condition. */
type Judge = (observed: Observed, wasProblem: boolean) => Verdict | undefined;

const judges: Record<DeviceConditionType, Judge> = {
  UnderVoltage: ({ device: { power } }) => {
    if (power?.now.underVoltage === undefined) return undefined;
    return power.now.underVoltage
      ? bad('SupplyVoltageLow', 'the supply voltage is too low: the board may crash or damage its card')
      : fine('SupplyVoltageSufficient', 'the supply voltage is sufficient');
  },
  Throttled: ({ device: { power } }) => {
    if (power?.now.throttled === undefined) return undefined;
    const { frequencyCapped, throttled, softTemperatureLimit } = power.now;
    return frequencyCapped || throttled || softTemperatureLimit
      ? bad('ProcessorThrottled', 'the firmware slows the processor down, for heat or for want of voltage')
      : fine('ProcessorNotThrottled', 'the processor runs at full speed');
  },
  HighTemperature: ({ device: { temperatures } }, wasProblem) => {
    if (temperatures.length === 0) return undefined;
    const limit = wasProblem ? warmCelsius : hotCelsius;
    const hot = temperatures.filter(({ celsius }) => celsius >= limit).map(({ zone }) => zone);
    return hot.length > 0
      ? bad('DeviceIsHot', `${hot.join(', ')} has reached ${hotCelsius} °C`)
      : fine('DeviceIsCool', `no sensor has reached ${hotCelsius} °C`);
  },
  ReadonlyFilesystem: ({ device }) => {
    if (device.mounts.length === 0) return undefined;
    const points = readOnlyMounts(device).map(({ mountPoint }) => mountPoint);
    return points.length > 0
      ? bad('FilesystemIsReadOnly', `${points.join(', ')} can only be read`)
      : fine('FilesystemIsNotReadOnly', 'Filesystem is not read-only');
  },
  DiskProblem: ({ device: { disks, ext4 } }) => {
    const corrupt = ext4.filter(({ errors }) => errors > 0).map(({ device }) => device);
    if (corrupt.length > 0) return bad('Ext4Error', `ext4 has found errors on ${corrupt.join(', ')}`);
    const old = disks.filter(isNearEnd).map(({ name }) => name);
    if (old.length > 0) return bad('DiskNearEndOfLife', `${old.join(', ')} is near the end of its life`);
    return fine('DiskHasNoProblem', 'no disk tells of a problem');
  },
  ClockNotSynchronized: ({ clock: { nowMs, floorMs, hubDifferenceMs } }) => {
    if (hubDifferenceMs !== undefined)
      return Math.abs(hubDifferenceMs) > clockToleranceMs
        ? bad('ClockDiffersFromHub', `the clock differs from the hub's by more than ${clockToleranceMs / 1000} s`)
        : fine('ClockAgreesWithHub', "the clock agrees with the hub's");
    return nowMs < floorMs - clockToleranceMs
      ? bad('ClockBehind', 'the clock shows a time that has passed long since')
      : fine('ClockPlausible', 'the clock shows no time that has passed; the hub has not told its own yet');
  },
};

function isNearEnd({ lifeUsedRatio, reserve }: DiskReading): boolean {
  return (lifeUsedRatio ?? 0) > wornRatio || reserve === 'warning' || reserve === 'urgent';
}

/** They come and go with the load: such a problem goes when it has not been seen for some looks. */
const flickering: readonly DeviceConditionType[] = ['UnderVoltage', 'Throttled'];

/** What holds after one more look. */
export function judge(observed: Observed, before: readonly Held[]): Held[] {
  return deviceConditionTypes.flatMap((type): Held[] => {
    const last = before.find((held) => held.type === type);
    const verdict = judges[type](observed, last?.isProblem === true);
    if (verdict === undefined) return [];
    const isOver = last?.isProblem === true && !verdict.isProblem;
    if (isOver && flickering.includes(type) && last.quiet + 1 < quietLooks) return [{ ...last, quiet: last.quiet + 1 }];
    return [{ type, ...verdict, quiet: 0 }];
  });
}

/** As they stand in the node's status, without times. */
export function toConditions(held: readonly Held[]): Condition[] {
  return held.map(({ type, isProblem, reason, message }) => ({
    type,
    status: isProblem ? 'True' : 'False',
    reason,
    message,
  }));
}
