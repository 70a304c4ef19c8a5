// Devices as their kernels told of them: the files of /proc and /sys by path,
// in memory for pure tests, or written below a directory for a real agent.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Host, Space } from '../../platform/host.ts';

/** Texts by absolute path. */
export type Tree = Record<string, string>;

const uptime = { '/proc/uptime': '86400.00 300000.00' };
const fileSystems = { '/proc/filesystems': 'nodev\tsysfs\nnodev\toverlay\n\text4' };
const memory = {
  '/proc/meminfo':
    'MemTotal:        944000 kB\nMemFree:  50000 kB\nMemAvailable:    512000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB',
  '/proc/pressure/memory':
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.25 avg300=0.00 total=1',
};
const cgroup2 = { '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids' };
const network = {
  '/sys/class/net/lo/operstate': 'unknown',
  '/sys/class/net/eth0/operstate': 'up',
  '/sys/class/net/docker0/operstate': 'down',
  '/proc/net/route':
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n' +
    'eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n' +
    'eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
  '/etc/resolv.conf': '# by dhcp\nnameserver 192.168.2.1',
};
const namespaces = Object.fromEntries(
  ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'].map((name) => [`/proc/self/ns/${name}`, '']),
);
const modules = {
  '/lib/modules/6.1.0/modules.builtin': 'kernel/net/bridge/bridge.ko\nkernel/drivers/net/veth.ko',
  '/lib/modules/6.1.0/modules.dep': 'kernel/net/netfilter/nf_tables.ko.xz:',
};
const healthyKernel = { ...uptime, ...fileSystems, ...memory, ...cgroup2, ...network, ...namespaces, ...modules };

/** Sectors read and written are the third and seventh of the numbers. */
const blockStat = (sectorsRead: number, sectorsWritten: number): string =>
  `   1000    10 ${sectorsRead}  900  2000  30 ${sectorsWritten}  800  0  500  1700  0  0  0  0  0  0`;

const throttled = '/sys/devices/platform/soc/soc:firmware/get_throttled';
const sdCard = {
  '/sys/block/mmcblk0/size': '62333952',
  '/sys/block/mmcblk0/stat': blockStat(2048, 4096),
  '/sys/block/mmcblk0/device/type': 'SD',
  '/sys/block/mmcblk0boot0/size': '8192',
  '/sys/block/loop0/size': '0',
};
const zone = (celsius: number): Tree => ({
  '/sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
  '/sys/class/thermal/thermal_zone0/temp': String(celsius * 1000),
  '/sys/class/thermal/thermal_zone0/trip_point_0_type': 'critical',
  '/sys/class/thermal/thermal_zone0/trip_point_0_temp': '110000',
});
const mounts = (options: string): Tree => ({
  '/proc/mounts': `/dev/root / squashfs ro,relatime 0 0\nproc /proc proc rw 0 0\n/dev/mmcblk0p4 /data ext4 ${options} 0 0`,
});
const ext4 = (errors: number): Tree => ({
  '/sys/fs/ext4/features/lazy_itable_init': 'supported',
  '/sys/fs/ext4/mmcblk0p4/errors_count': String(errors),
  '/sys/fs/ext4/mmcblk0p4/first_error_time': errors === 0 ? '0' : '1790000000',
  '/sys/fs/ext4/mmcblk0p4/last_error_time': errors === 0 ? '0' : '1790000600',
});

/** A Raspberry Pi 4 on its own kernel, which is well. */
export const healthyPi: Tree = {
  ...healthyKernel,
  ...sdCard,
  ...zone(48.2),
  ...mounts('rw,noatime'),
  ...ext4(0),
  [throttled]: '0',
  '/sys/class/watchdog/watchdog0/identity': 'Broadcom BCM2835 Watchdog timer',
  '/sys/class/watchdog/watchdog0/state': 'active',
  '/sys/class/watchdog/watchdog0/timeout': '15',
};
const { [throttled]: _none, ...withoutFirmware } = healthyPi;
/** Too little voltage and throttled now, and both before. */
export const starvedPi: Tree = { ...healthyPi, [throttled]: '50005' };
/** All is well now, and was not. */
export const onceStarvedPi: Tree = { ...healthyPi, [throttled]: '50000' };
export const hotPi: Tree = { ...healthyPi, ...zone(86.1), [throttled]: 'e0008' };
/** Where the driver of a Raspberry Pi 5 is found. */
export const starvedPi5: Tree = {
  ...withoutFirmware,
  '/sys/bus/platform/drivers/raspberrypi-firmware/bind': '',
  '/sys/bus/platform/drivers/raspberrypi-firmware/soc@107c000000:firmware/get_throttled': '0x50005',
};
export const warmPi: Tree = { ...healthyPi, ...zone(82.4) };

/** Debian's kernel: an alarm of the voltage alone. */
export const debianPi = (alarm: 0 | 1): Tree => ({
  ...withoutFirmware,
  '/sys/class/hwmon/hwmon0/name': 'cpu_thermal',
  '/sys/class/hwmon/hwmon1/name': 'rpi_volt',
  '/sys/class/hwmon/hwmon1/in0_lcrit_alarm': String(alarm),
});

/** An eMMC that tells of its life in tenths, and of its reserve. */
export const emmcBoard = (life: string, preEol: string): Tree => ({
  ...withoutFirmware,
  '/sys/block/mmcblk0/device/type': 'MMC',
  '/sys/block/mmcblk0/device/life_time': life,
  '/sys/block/mmcblk0/device/pre_eol_info': preEol,
});
export const corruptPi: Tree = { ...healthyPi, ...ext4(3) };
export const readOnlyPi: Tree = { ...healthyPi, ...mounts('ro,noatime,errors=remount-ro') };
export const usbDisk = (errors: string): Tree => ({
  ...healthyPi,
  '/sys/block/sda/size': '1953525168',
  '/sys/block/sda/stat': blockStat(0, 0),
  '/sys/block/sda/device/type': '0',
  '/sys/block/sda/device/ioerr_cnt': errors,
});

const { '/sys/fs/cgroup/cgroup.controllers': _v2, ...withoutCgroup2 } = healthyPi;
/** As Raspberry Pi OS starts without its command line being changed. */
export const piWithoutMemoryCgroup: Tree = {
  ...withoutCgroup2,
  '/proc/cgroups': '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t60\t1\nmemory\t0\t71\t0\npids\t9\t66\t1',
  '/proc/mounts': `${healthyPi['/proc/mounts']}\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0`,
};
export const bareKernel: Tree = {
  ...mounts('rw'),
  '/lib/modules/6.1.0/modules.dep': '',
  '/proc/filesystems': '\text4',
};

/** Room of a card with much of it left. */
export const roomy: Space = { totalBytes: 28 * 2 ** 30, freeBytes: 20 * 2 ** 30, totalInodes: 1e6, freeInodes: 9e5 };

export type Recorded = { space?: Space | undefined; modifiedMs?: number; programs?: Record<string, string> };

/** A host that has exactly these files. */
export function recordedHost(tree: Tree, { space = roomy, modifiedMs, programs = {} }: Recorded = {}): Host {
  const below = (path: string): string[] =>
    Object.keys(tree).flatMap((file) => (file.startsWith(`${path}/`) ? [file.slice(path.length + 1)] : []));
  return {
    read: async (path) => tree[path]?.trim(),
    list: async (path) => [...new Set(below(path).map((rest) => rest.split('/')[0] ?? ''))].sort(),
    space: async () => space,
    modifiedMs: async () => modifiedMs,
    run: async (command, args) => programs[[command, ...args].join(' ')],
  };
}

/** Writes a tree below a directory. */
export async function writeTree(root: string, tree: Tree): Promise<void> {
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
}
