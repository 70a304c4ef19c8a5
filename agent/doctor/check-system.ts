// Checks of what the kernel and the system give pods: cgroups, features, time,
// memory, the watchdog. Pure.
import { formatTime } from '../../api/meta/time.ts';
import { type Finding, humanBytes, notApplicable, ok, problem, warning } from './finding.ts';
import { clockToleranceMs, lowMemoryBytes, noMemoryBytes, stalledPercent } from './limits.ts';
import { kernelFeatures, type Readings } from './readings.ts';

const memoryMend =
  'add "cgroup_enable=memory cgroup_memory=1" to the kernel\'s command line (cmdline.txt on a Raspberry Pi) and reboot';

export function checkCgroups({ system: { cgroups } }: Readings): Finding {
  if (cgroups.version === undefined)
    return problem('no cgroups are mounted: containers can have no limits', 'mount cgroup2 at /sys/fs/cgroup');
  if (!cgroups.memory)
    return problem(`cgroup v${cgroups.version} without the memory controller: memory limits do nothing`, memoryMend);
  return ok(`cgroup v${cgroups.version} with the memory controller`);
}

const neededNamespaces = ['ipc', 'mnt', 'net', 'pid', 'uts'];

export function checkKernel({ system: { features, namespaces } }: Readings): Finding {
  const noNamespaces = neededNamespaces
    .filter((name) => !namespaces.includes(name))
    .map((name) => `${name} namespaces`);
  // Either of the two filters is enough.
  const filters = [features.nf_tables, features.ip_tables];
  const noFilter = filters.every((has) => has === false) ? ['nf_tables or ip_tables'] : [];
  const others = kernelFeatures.filter((feature) => feature !== 'nf_tables' && feature !== 'ip_tables');
  const missing = [...noNamespaces, ...others.filter((feature) => features[feature] === false), ...noFilter];
  if (missing.length > 0)
    return problem(
      `the kernel lacks ${missing.join(', ')}`,
      "install the modules of the running kernel (after an update: reboot), or take the distribution's own kernel",
    );
  const unknown = others.filter((feature) => features[feature] === undefined);
  return ok(
    unknown.length > 0
      ? `namespaces are there; nothing tells of ${unknown.join(', ')}`
      : 'namespaces, overlayfs, bridge, veth and a packet filter',
  );
}

export function checkClock({ clock: { nowMs, floorMs } }: Readings): Finding {
  const now = formatTime(nowMs);
  if (nowMs < floorMs - clockToleranceMs)
    return problem(
      `the clock says ${now}, but it is at least ${formatTime(floorMs)}`,
      'let the device reach a time server once, set the clock with "date -s", or fit a clock with a battery',
    );
  return ok(`the clock says ${now}`);
}

export function checkTimeSync({ system: { synchronized } }: Readings): Finding {
  if (synchronized === undefined)
    return notApplicable('nothing on this system tells whether the clock is synchronized');
  const { yes, by } = synchronized;
  if (yes) return ok(`synchronized, says ${by}`);
  return warning(
    `not synchronized with a time server, says ${by}`,
    'start systemd-timesyncd, chrony or ntpd, and let UDP port 123 out; pods run, but their logs have wrong times',
  );
}

const memoryMendLess = 'run less on this device, give its pods memory limits, or add zram swap';

export function checkMemory({ device: { memory } }: Readings): Finding {
  if (memory === undefined) return notApplicable('/proc/meminfo can not be read');
  const { totalBytes, availableBytes, swapTotalBytes, swapFreeBytes } = memory;
  const swap =
    swapTotalBytes === 0
      ? 'no swap'
      : `${humanBytes(swapTotalBytes - swapFreeBytes)} of ${humanBytes(swapTotalBytes)} swap used`;
  const stalled = memory.stalledPercent ?? 0;
  const seen = `${humanBytes(availableBytes)} of ${humanBytes(totalBytes)} available, ${swap}, ${stalled} % of the last minute spent waiting for it`;
  if (availableBytes < noMemoryBytes) return problem(seen, memoryMendLess);
  if (availableBytes < lowMemoryBytes || stalled >= stalledPercent) return warning(seen, memoryMendLess);
  return ok(seen);
}

export function checkWatchdog({ system: { watchdog } }: Readings): Finding {
  if (watchdog === undefined) return notApplicable('the kernel knows of no watchdog');
  const { name, active, timeoutSeconds } = watchdog;
  if (active) return ok(`${name} is on${timeoutSeconds === undefined ? '' : `, after ${timeoutSeconds} s`}`);
  return warning(
    `${name} is there but off: a device that hangs stays so`,
    'set RuntimeWatchdogSec=15s in /etc/systemd/system.conf, or run "watchdog /dev/watchdog" of busybox',
  );
}
