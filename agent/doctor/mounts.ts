// Which file systems can't be written and should be. Pure.
import type { DeviceReadings, MountReading } from './readings.ts';

/** The mount that a path of the device is on: the last of those with the longest mount point. */
function mountOf(mounts: readonly MountReading[], path: string): MountReading | undefined {
  const holds = (point: string): boolean => point === '/' || path === point || path.startsWith(`${point}/`);
  return mounts
    .filter(({ mountPoint }) => holds(mountPoint))
    .reduce<MountReading | undefined>(
      (best, mount) => (best === undefined || mount.mountPoint.length >= best.mountPoint.length ? mount : best),
      undefined,
    );
}

/** Marks of a file system that the kernel has made read-only by itself (ext4 since Linux 6.16, and xfs, f2fs). */
const emergencyOptions = ['emergency_ro', 'shutdown'];

/** File systems that can't be written and should be: that of the data directory, and those the kernel gave up. */
export function readOnlyMounts({ mounts, directory }: DeviceReadings): MountReading[] {
  const data = mountOf(mounts, directory);
  return mounts.filter(
    (mount) =>
      (mount === data && mount.options.includes('ro')) ||
      emergencyOptions.some((option) => mount.options.includes(option)),
  );
}
