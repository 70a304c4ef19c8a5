// Reads what the kernel tells of the board's supply, heat, disks and memory.
// Some thirty small files: cheap enough for once a minute.
// https://docs.kernel.org/admin-guide/sysfs-rules.html
import { join } from 'node:path';
import type { Host } from '../../platform/host.ts';
import { earliestTimeMs, maxDisks, maxZones } from './limits.ts';
import {
  type DeviceReadings,
  type DiskReading,
  type Ext4Reading,
  type MemoryReading,
  type MountReading,
  type Power,
  type Temperature,
  type ThrottleFlag,
  throttleFlags,
} from './readings.ts';

/** The unit of sizes and counts in /sys/block, whatever the disk's own sectors are. */
const sectorBytes = 512;

/** A number as sysfs writes it, decimal or with 0x; undefined when it is none. */
function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isNaN(number) ? undefined : number;
}

/** @param directory the data directory, whose file system is looked at */
export async function readDevice(host: Host, directory: string): Promise<DeviceReadings> {
  const [uptime, power, temperatures, disks, ext4, mounts, space, memory] = await Promise.all([
    host.read('/proc/uptime'),
    readPower(host),
    readTemperatures(host),
    readDisks(host),
    readExt4(host),
    host.read('/proc/mounts'),
    host.space(directory),
    readMemory(host),
  ]);
  return {
    uptimeSeconds: numberOf(uptime?.split(' ')[0]),
    power,
    temperatures,
    disks,
    ext4,
    mounts: parseMounts(mounts ?? ''),
    directory,
    space,
    memory,
  };
}

/** The driver's devices: `soc:firmware`, with an address in its name on a Raspberry Pi 5. */
const firmwareDriver = '/sys/bus/platform/drivers/raspberrypi-firmware';
const throttledPath = '/sys/devices/platform/soc/soc:firmware/get_throttled';

/**
 * The supply of a Raspberry Pi. Its own kernels before 6.12 have `get_throttled`, which warns in the kernel's log, once
 * a boot, that it is to go (raspberrypi/linux#6697); nothing else in files tells of throttling. All kernels, Debian's
 * too, have the alarm of `rpi_volt`, which tells of the last two seconds, and by asking the firmware makes it forget
 * what was before.
 */
async function readPower(host: Host): Promise<Power | undefined> {
  const devices = (await host.list(firmwareDriver)).filter((name) => name.includes(':'));
  for (const path of [throttledPath, ...devices.map((name) => `${firmwareDriver}/${name}/get_throttled`)]) {
    const bits = await host.read(path);
    // The firmware's number, in hexadecimal, with 0x or without.
    if (bits !== undefined && /^(0x)?[0-9a-f]+$/i.test(bits))
      return powerOf('get_throttled', Number.parseInt(bits, 16));
  }
  for (const name of await host.list('/sys/class/hwmon')) {
    if ((await host.read(`/sys/class/hwmon/${name}/name`)) !== 'rpi_volt') continue;
    const alarm = numberOf(await host.read(`/sys/class/hwmon/${name}/in0_lcrit_alarm`));
    if (alarm !== undefined) return { source: 'rpi_volt', now: { underVoltage: alarm !== 0 }, sinceBoot: undefined };
  }
  return undefined;
}

/** Asks the firmware by its own program, where the kernel tells less. */
export async function askFirmware(host: Host): Promise<Power | undefined> {
  const answer = await host.run('vcgencmd', ['get_throttled']);
  const bits = /^throttled=(0x[0-9a-f]+)$/i.exec(answer ?? '')?.[1];
  return bits === undefined ? undefined : powerOf('vcgencmd', Number(bits));
}

/** Bits 0 to 3 are of now, 16 to 19 since the start: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled */
function powerOf(source: Power['source'], bits: number): Power {
  const flags = (from: number): Power['now'] =>
    Object.fromEntries(
      throttleFlags.map((flag: ThrottleFlag, index): [ThrottleFlag, boolean] => [
        flag,
        ((bits >> (from + index)) & 1) === 1,
      ]),
    );
  return { source, now: flags(0), sinceBoot: flags(16) };
}

/** https://docs.kernel.org/driver-api/thermal/sysfs-api.html */
async function readTemperatures(host: Host): Promise<Temperature[]> {
  const names = (await host.list('/sys/class/thermal')).filter((name) => name.startsWith('thermal_zone'));
  const zones = await Promise.all(
    names.slice(0, maxZones).map(async (name): Promise<Temperature[]> => {
      const path = `/sys/class/thermal/${name}`;
      const milliCelsius = numberOf(await host.read(`${path}/temp`));
      if (milliCelsius === undefined) return [];
      const trips = (await host.list(path)).flatMap((file) => /^(trip_point_\d+)_type$/.exec(file)?.[1] ?? []);
      const types = await Promise.all(trips.map((trip) => host.read(`${path}/${trip}_type`)));
      const critical = trips[types.indexOf('critical')];
      const limit = critical === undefined ? undefined : numberOf(await host.read(`${path}/${critical}_temp`));
      const zone = (await host.read(`${path}/type`)) ?? name;
      return [{ zone, celsius: milliCelsius / 1000, criticalCelsius: limit === undefined ? undefined : limit / 1000 }];
    }),
  );
  return zones.flat();
}

/** Whole disks: no partitions, no boot areas of eMMCs, nothing that lies on another disk or in memory. */
const diskPattern = /^(mmcblk\d+|nvme\d+n\d+|sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z])$/;

async function readDisks(host: Host): Promise<DiskReading[]> {
  const names = (await host.list('/sys/block')).filter((name) => diskPattern.test(name)).slice(0, maxDisks);
  return Promise.all(names.map((name) => readDisk(host, name)));
}

async function readDisk(host: Host, name: string): Promise<DiskReading> {
  const path = `/sys/block/${name}`;
  const [size, stat, type, ioErrors, lifeTime, reserve] = await Promise.all(
    ['size', 'stat', 'device/type', 'device/ioerr_cnt', 'device/life_time', 'device/pre_eol_info'].map((file) =>
      host.read(`${path}/${file}`),
    ),
  );
  // https://docs.kernel.org/block/stat.html
  const counts = (stat ?? '').split(/\s+/).map(Number);
  const kind = kindOf(name, type);
  return {
    name,
    kind,
    sizeBytes: (numberOf(size) ?? 0) * sectorBytes,
    readBytes: (counts[2] ?? 0) * sectorBytes,
    writtenBytes: (counts[6] ?? 0) * sectorBytes,
    ioErrors: numberOf(ioErrors),
    lifeUsedRatio: kind === 'emmc' ? lifeUsed(lifeTime) : undefined,
    reserve: kind === 'emmc' ? reserves[numberOf(reserve) ?? 0] : undefined,
  };
}

function kindOf(name: string, type: string | undefined): DiskReading['kind'] {
  if (name.startsWith('mmcblk')) return type === 'MMC' ? 'emmc' : 'sd';
  if (name.startsWith('nvme')) return 'nvme';
  if (name.startsWith('sd')) return 'scsi';
  return name.startsWith('vd') || name.startsWith('xvd') ? 'virtual' : 'other';
}

/** JESD84-B51, 7.4.83: PRE_EOL_INFO. */
const reserves: readonly DiskReading['reserve'][] = [undefined, 'normal', 'warning', 'urgent'];

/** JESD84-B51, 7.4.84 and 85: two estimates in tenths, the upper end of each step; 11 is beyond its life, 0 says nothing. */
function lifeUsed(text: string | undefined): number | undefined {
  const steps = (text ?? '').split(/\s+/).map((step) => numberOf(step) ?? 0);
  const most = Math.max(...steps);
  return most > 0 && most <= 11 ? most / 10 : undefined;
}

/** What the file system wrote into its superblock of errors; it stays there until fsck has repaired it. */
async function readExt4(host: Host): Promise<Ext4Reading[]> {
  const names = (await host.list('/sys/fs/ext4')).filter((name) => name !== 'features');
  const found = await Promise.all(
    names.map(async (device): Promise<Ext4Reading[]> => {
      const [errors, first, last] = await Promise.all(
        ['errors_count', 'first_error_time', 'last_error_time'].map(async (file) =>
          numberOf(await host.read(`/sys/fs/ext4/${device}/${file}`)),
        ),
      );
      if (errors === undefined) return [];
      return [{ device, errors, firstErrorMs: (first ?? 0) * 1000, lastErrorMs: (last ?? 0) * 1000 }];
    }),
  );
  return found.flat();
}

/** Lines of fstab(5); space, tab and backslash are written in octal. */
function parseMounts(text: string): MountReading[] {
  return text.split('\n').flatMap((line) => {
    const [device, mountPoint, type, options] = line
      .split(' ')
      .map((word) =>
        word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      );
    if (device === undefined || mountPoint === undefined || type === undefined) return [];
    return [{ device, mountPoint, type, options: (options ?? '').split(',') }];
  });
}

async function readMemory(host: Host): Promise<MemoryReading | undefined> {
  const [meminfo, pressure] = await Promise.all([host.read('/proc/meminfo'), host.read('/proc/pressure/memory')]);
  if (meminfo === undefined) return undefined;
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return {
    totalBytes: bytes('MemTotal'),
    availableBytes: bytes('MemAvailable'),
    swapTotalBytes: bytes('SwapTotal'),
    swapFreeBytes: bytes('SwapFree'),
    // https://docs.kernel.org/accounting/psi.html
    stalledPercent: numberOf(/^full avg10=\S+ avg60=(\S+)/m.exec(pressure ?? '')?.[1]),
  };
}

/** Time that has surely passed, as far as the data directory knows, ms since 1970. */
export async function readTimeFloor(host: Host, directory: string | undefined): Promise<number> {
  const paths = directory === undefined ? [] : [directory, join(directory, 'identity.json')];
  const times = await Promise.all(paths.map((path) => host.modifiedMs(path)));
  return Math.max(earliestTimeMs, ...times.map((timeMs) => timeMs ?? 0));
}
