// What was read of a device: plain data. What could not be read is undefined,
// and nothing here is judged; checks.ts and conditions.ts do that.
import type { Space } from '../../platform/host.ts';

export const throttleFlags = ['underVoltage', 'frequencyCapped', 'throttled', 'softTemperatureLimit'] as const;
export type ThrottleFlag = (typeof throttleFlags)[number];
/** What a board says of its supply; a source may not know all flags. */
export type Power = {
  source: 'get_throttled' | 'vcgencmd' | 'rpi_volt';
  now: Partial<Record<ThrottleFlag, boolean>>;
  /** Since the board was started, as far as the firmware remembers; undefined where only the present is told. */
  sinceBoot: Partial<Record<ThrottleFlag, boolean>> | undefined;
};

export type Temperature = { zone: string; celsius: number; criticalCelsius: number | undefined };

export type DiskReading = {
  name: string;
  kind: 'sd' | 'emmc' | 'nvme' | 'scsi' | 'virtual' | 'other';
  sizeBytes: number;
  readBytes: number;
  /** Since the start of the system. */
  writtenBytes: number;
  /** Commands that failed, as SCSI counts them. */
  ioErrors: number | undefined;
  /** Upper end of the share of its life that is used; more than 1 is beyond what it was made for. */
  lifeUsedRatio: number | undefined;
  /** How far an eMMC's reserve of blocks is used: 80 % is `warning`, 90 % `urgent`. */
  reserve: 'normal' | 'warning' | 'urgent' | undefined;
};

export type Ext4Reading = { device: string; errors: number; firstErrorMs: number; lastErrorMs: number };
export type MountReading = { device: string; mountPoint: string; type: string; options: string[] };
export type MemoryReading = {
  totalBytes: number;
  availableBytes: number;
  swapTotalBytes: number;
  swapFreeBytes: number;
  /** Share of the last minute in which all tasks waited for memory, percent. */
  stalledPercent: number | undefined;
};

/** Files of the kernel's that cost next to nothing to read. */
export type DeviceReadings = {
  uptimeSeconds: number | undefined;
  power: Power | undefined;
  temperatures: Temperature[];
  disks: DiskReading[];
  ext4: Ext4Reading[];
  mounts: MountReading[];
  /** Of the data directory, or of the root where none is known. */
  directory: string;
  space: Space | undefined;
  memory: MemoryReading | undefined;
};

export type ClockReading = {
  nowMs: number;
  /** Time that has surely passed, ms since 1970. */
  floorMs: number;
  /** This clock less the hub's; undefined when the hub has not told its time. */
  hubDifferenceMs: number | undefined;
};

export const kernelFeatures = ['overlay', 'bridge', 'veth', 'nf_tables', 'ip_tables'] as const;
export type KernelFeature = (typeof kernelFeatures)[number];

export type SystemReadings = {
  cgroups: { version: 1 | 2 | undefined; memory: boolean };
  /** Whether the kernel has it, or can load it; undefined when nothing tells. */
  features: Record<KernelFeature, boolean | undefined>;
  namespaces: string[];
  /** What keeps the clock, and whether it is synchronized; undefined when nobody knows. */
  synchronized: { yes: boolean; by: string } | undefined;
  watchdog: { name: string; active: boolean; timeoutSeconds: number | undefined } | undefined;
  interfaces: { name: string; up: boolean }[];
  addresses: string[];
  defaultRoute: boolean;
  nameServers: string[];
};

/** Something that answered, or why it did not. */
export type Answer<T> = { value: T } | { error: string };

export type EngineReading = {
  name: string;
  version: string;
  cgroupDriver: string;
  cgroupVersion: string;
  storageDriver: string;
};
export type IdentityReading = {
  nodeName: string;
  hubUrl: string;
  certificate: string;
  key: string;
  authority: string;
};
export type HubReading = {
  host: string;
  port: number;
  /** What the name of the host leads to; absent when it is an address. */
  addresses: Answer<string[]> | undefined;
  /** A TLS handshake with the hub; `noConnection` when it came to none. */
  handshake: Answer<{ protocol: string }> & { noConnection?: boolean };
};

export type AgentReading = {
  /** Process id of the agent that has the data directory. */
  pid: number | undefined;
  identity: Answer<IdentityReading | undefined>;
};

/** Everything that the doctor looks at. */
export type Readings = {
  device: DeviceReadings;
  clock: ClockReading;
  system: SystemReadings;
  engine: Answer<EngineReading>;
  /** Undefined when no data directory was named. */
  agent: AgentReading | undefined;
  /** Undefined when the device has not joined. */
  hub: HubReading | undefined;
};
