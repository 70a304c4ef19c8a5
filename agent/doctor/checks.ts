// The doctor's checks, in the order in which they are told.
import {
  checkDiskErrors,
  checkDiskLife,
  checkDiskWrites,
  checkFilesystems,
  checkPower,
  checkSpace,
  checkTemperature,
  checkThrottling,
} from './check-board.ts';
import {
  checkAgent,
  checkCertificate,
  checkDns,
  checkEngine,
  checkHub,
  checkIdentity,
  checkNetwork,
} from './check-connection.ts';
import { checkCgroups, checkClock, checkKernel, checkMemory, checkTimeSync, checkWatchdog } from './check-system.ts';
import type { Finding } from './finding.ts';
import type { Readings } from './readings.ts';

const checkNames = [
  'cgroups',
  'kernel',
  'clock',
  'time-sync',
  'memory',
  'space',
  'filesystems',
  'disk-errors',
  'disk-life',
  'disk-writes',
  'power',
  'throttling',
  'temperature',
  'watchdog',
  'engine',
  'agent',
  'identity',
  'certificate',
  'network',
  'dns',
  'hub',
] as const;
export type CheckName = (typeof checkNames)[number];

const checks: Record<CheckName, (readings: Readings) => Finding> = {
  cgroups: checkCgroups,
  kernel: checkKernel,
  clock: checkClock,
  'time-sync': checkTimeSync,
  memory: checkMemory,
  space: checkSpace,
  filesystems: checkFilesystems,
  'disk-errors': checkDiskErrors,
  'disk-life': checkDiskLife,
  'disk-writes': checkDiskWrites,
  power: checkPower,
  throttling: checkThrottling,
  temperature: checkTemperature,
  watchdog: checkWatchdog,
  engine: checkEngine,
  agent: checkAgent,
  identity: checkIdentity,
  certificate: checkCertificate,
  network: checkNetwork,
  dns: checkDns,
  hub: checkHub,
};

export type NamedFinding = { name: CheckName } & Finding;

/** What every check says of the readings, in order. */
export function examine(readings: Readings): NamedFinding[] {
  return checkNames.map((name) => ({ name, ...checks[name](readings) }));
}
