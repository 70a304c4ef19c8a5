// Checks of the board itself: supply, heat, disks and what is on them. Pure.
import { formatTime } from '../../api/meta/time.ts';
import { type Finding, formatPercent, humanBytes, notApplicable, ok, problem, warning, worstOf } from './finding.ts';
import {
  criticalMarginCelsius,
  heavyWritesPerDay,
  hotCelsius,
  lowInodesRatio,
  lowSpaceRatio,
  noInodesRatio,
  noSpaceRatio,
  warmCelsius,
  wornRatio,
  writesSettleSeconds,
} from './limits.ts';
import { readOnlyMounts } from './mounts.ts';
import type { DiskReading, Readings, ThrottleFlag } from './readings.ts';

const noFirmware = 'this board does not tell (no Raspberry Pi firmware)';
const supplyMend =
  'use a power supply made for this board (5.1 V) and a short, thick cable, and take hungry USB devices to a hub of their own';

export function checkPower({ device: { power } }: Readings): Finding {
  if (power?.now.underVoltage === undefined) return notApplicable(noFirmware);
  if (power.now.underVoltage) return problem(`under-voltage now, says ${power.source}`, supplyMend);
  if (power.sinceBoot?.underVoltage)
    return warning(`the voltage has been too low since the start, says ${power.source}`, supplyMend);
  return ok(`enough voltage, says ${power.source}`);
}

const coolMend = 'give the board a heat sink or a fan, or its pods less processor time';
const slowed: Partial<Record<ThrottleFlag, string>> = {
  frequencyCapped: 'its frequency is capped',
  throttled: 'throttled',
  softTemperatureLimit: 'the soft limit of temperature is reached',
};

export function checkThrottling({ device: { power } }: Readings): Finding {
  if (power?.now.throttled === undefined)
    return notApplicable(power === undefined ? noFirmware : `${power.source} tells of voltage alone`);
  const tell = (flags: typeof power.now): string =>
    Object.entries(slowed)
      .flatMap(([flag, words]) => (flags[flag as ThrottleFlag] ? [words] : []))
      .join(', ');
  const [now, before] = [tell(power.now), tell(power.sinceBoot ?? {})];
  if (now !== '') return problem(`the processor is slowed down now: ${now}`, coolMend);
  if (before !== '') return warning(`the processor has been slowed down since the start: ${before}`, coolMend);
  return ok('the processor has not been slowed down');
}

export function checkTemperature({ device: { temperatures } }: Readings): Finding {
  const findings = temperatures.map(({ zone, celsius, criticalCelsius }) => {
    const seen = `${zone} ${celsius.toFixed(1)} °C`;
    const isNearOff = criticalCelsius !== undefined && celsius >= criticalCelsius - criticalMarginCelsius;
    if (isNearOff || celsius >= hotCelsius) return problem(seen, coolMend);
    return celsius >= warmCelsius ? warning(seen, coolMend) : ok(seen);
  });
  return worstOf(findings, notApplicable('the kernel knows of no thermometer'));
}

export function checkSpace({ device: { directory, space } }: Readings): Finding {
  if (space === undefined || space.totalBytes === 0) return notApplicable(`${directory} can not be read`);
  const { totalBytes, freeBytes, totalInodes, freeInodes } = space;
  const free = freeBytes / totalBytes;
  const inodes = totalInodes === 0 ? 1 : freeInodes / totalInodes;
  const counted = totalInodes === 0 ? '' : `, ${freeInodes} of ${totalInodes} inodes`;
  const seen = `${humanBytes(freeBytes)} of ${humanBytes(totalBytes)} free at ${directory}${counted}`;
  const mend = 'remove what pods keep in volumes, unused images and old logs, or use a larger card';
  if (free < noSpaceRatio || inodes < noInodesRatio) return problem(seen, mend);
  return free < lowSpaceRatio || inodes < lowInodesRatio ? warning(seen, mend) : ok(seen);
}

export function checkFilesystems({ device }: Readings): Finding {
  const fsck =
    'unmount it and run "fsck -f" (or reboot with fsck.mode=force); when it comes back, the card is dying: replace it';
  const findings = [
    ...readOnlyMounts(device).map(({ device: source, mountPoint }) =>
      problem(`${mountPoint} (${source}) is read-only`, fsck),
    ),
    ...device.ext4
      .filter(({ errors }) => errors > 0)
      .map(({ device: name, errors, firstErrorMs, lastErrorMs }) =>
        problem(
          `ext4 has found ${errors} errors on ${name}, from ${formatTime(firstErrorMs)} to ${formatTime(lastErrorMs)}`,
          fsck,
        ),
      ),
  ];
  const names = device.ext4.map(({ device: name }) => name).join(', ');
  return worstOf(findings, ok(names === '' ? 'none is read-only that should not be' : `no errors on ${names}`));
}

export function checkDiskErrors({ device: { disks } }: Readings): Finding {
  const counting = disks.filter(({ ioErrors }) => ioErrors !== undefined);
  const findings = counting.map(({ name, ioErrors }) =>
    ioErrors === 0
      ? ok(`none on ${name}`)
      : warning(
          `${ioErrors} commands failed on ${name}`,
          'a few at the start may be questions that the disk does not know; when they grow, look at "dmesg" and replace cable or disk',
        ),
  );
  return worstOf(findings, notApplicable(`${namesOf(disks)} count no errors that the kernel tells`));
}

function namesOf(disks: readonly DiskReading[]): string {
  return disks.length === 0 ? 'disks (none was found)' : disks.map(({ name }) => name).join(', ');
}

const untold: Record<DiskReading['kind'], string> = {
  sd: 'not told by this card',
  emmc: 'not told by this eMMC',
  nvme: 'told by "nvme smart-log" alone',
  scsi: 'told by "smartctl -a" alone',
  virtual: 'a virtual disk has none',
  other: 'not told by this disk',
};
const replaceMend = 'back up what is on it and replace it soon';

function lifeOf({ name, kind, lifeUsedRatio, reserve }: DiskReading): Finding {
  if (lifeUsedRatio === undefined && reserve === undefined) return notApplicable(`${name}: ${untold[kind]}`);
  const used =
    lifeUsedRatio === undefined
      ? 'life not told'
      : lifeUsedRatio > 1
        ? 'beyond its life'
        : `up to ${formatPercent(lifeUsedRatio)} of its life used`;
  const seen = `${name}: ${used}, reserve of blocks ${reserve ?? 'not told'}`;
  if (reserve === 'urgent' || (lifeUsedRatio ?? 0) > 1) return problem(seen, replaceMend);
  return reserve === 'warning' || (lifeUsedRatio ?? 0) >= wornRatio ? warning(seen, replaceMend) : ok(seen);
}

export function checkDiskLife({ device: { disks } }: Readings): Finding {
  return worstOf(disks.map(lifeOf), notApplicable('no disk was found'));
}

export function checkDiskWrites({ device: { disks, uptimeSeconds } }: Readings): Finding {
  if (uptimeSeconds === undefined || disks.length === 0) return notApplicable('no disk was found');
  const findings = disks.map(({ name, kind, writtenBytes, sizeBytes }) => {
    const dailyBytes = (writtenBytes / uptimeSeconds) * 86_400;
    const seen = `${name}: ${humanBytes(writtenBytes)} since the start, ${humanBytes(dailyBytes)} a day`;
    const isTold = uptimeSeconds >= writesSettleSeconds && kind !== 'virtual';
    if (!isTold || dailyBytes < sizeBytes * heavyWritesPerDay) return ok(seen);
    return warning(seen, 'find out who writes ("iotop -ao", "skerry status") and keep logs and scratch data in memory');
  });
  return worstOf(findings, notApplicable('no disk was found'));
}
