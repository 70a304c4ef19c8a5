// Limits by which a device is judged. Those of memory and disk are the
// kubelet's defaults for eviction; those of heat are the Raspberry Pi's.
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds
// https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control

/** Free memory below which pods are in danger, and below which the system is, bytes. */
export const lowMemoryBytes = 100 << 20;
export const noMemoryBytes = 32 << 20;
/** Share of the last minute in which everything waited for memory. */
export const stalledPercent = 5;
/** Free share of the data directory's file system that is little, and that is as good as none. */
export const lowSpaceRatio = 0.1;
export const noSpaceRatio = 0.02;
export const lowInodesRatio = 0.05;
export const noInodesRatio = 0.01;
/** A processor of a small board is slowed down from here on, °C. */
export const warmCelsius = 80;
/** Slowed down as far as it goes, °C. */
export const hotCelsius = 85;
/** So near to where the kernel switches off, °C. */
export const criticalMarginCelsius = 5;
/** Share of a disk's life that is used when it is time to think of another one. */
export const wornRatio = 0.8;
/** Written a day, as a share of the disk's size, that wears flash out within a few years. */
export const heavyWritesPerDay = 0.5;
/** Time since the start after which what was written says something of a day, s. */
export const writesSettleSeconds = 3600;
/** No clock that is right shows less: older than this program, ms since 1970. */
export const earliestTimeMs = Date.UTC(2026, 0, 1);
/** A clock may differ by this much from the hub's, or from the data directory's newest file, ms. */
export const clockToleranceMs = 60_000;
/** Looks without a problem after which its condition goes: a supply that flickers is no write each time. */
export const quietLooks = 5;
/** Time for the hub to answer, ms. */
export const hubTimeoutMs = 10_000;
/** Block devices that are looked at. */
export const maxDisks = 32;
/** Sensors of temperature that are looked at. */
export const maxZones = 64;
