// Limits of rigs: how many devices, how large, and how long is waited for what.

/** More than a machine that people have can emulate. */
export const maximumDevices = 64;
export const maximumCpus = 8;
/** Of a device whose board leaves it open. */
export const usualSize = { memoryMib: 1024, cpus: 2 };
/** Below it the image does not run a container engine. */
export const minimumMemoryMib = 256;
export const maximumMemoryMib = 65_536;
/** A card; the file is sparse. */
export const minimumDiskGib = 1;
export const maximumDiskGib = 1024;
/** What a socket's path may have (sun_path of unix(7) less its end). */
export const maximumSocketPathBytes = 107;
/** For QEMU or its disk to say that it has begun, on a loaded machine. */
export const startTimeoutMs = 60_000;
/** For a process that was killed to be gone. */
export const endTimeoutMs = 10_000;
export const endPollMs = 20;
export const qmpTimeoutMs = 10_000;
/** Between two looks at the hub while devices start. */
export const readyPollMs = 1000;
/** Bytes that are on their way through a link that is slow. */
export const maximumInFlightBytes = 1 << 20;
/** A link's rate is kept over pieces of this size: small ones make a slow line an even one. */
export const maximumPieceBytes = 1460;
export const maximumDelayMs = 60_000;
