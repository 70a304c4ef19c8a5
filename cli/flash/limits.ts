// Limits of flashing: how much is read, written, wiped and listened to at once.

/** What is read, written and verified in one go. Cards are fastest with some MiB; memory is three of these a drive. */
export const chunkBytes = 4 << 20;
/** Unit of alignment for direct access and of what a configuration changes in an image. */
export const blockBytes = 4096;
/** Partition tables and boot code are within these first bytes of a drive: wiped first, written last. */
export const headBytes = 1 << 20;
/** Old backups of partition tables and superblocks of arrays are within these last bytes of a drive. */
export const tailBytes = 1 << 20;
/** A block map of an image has some hundred ranges of 150 bytes each. */
export const maximumBlockMapBytes = 16 << 20;
export const maximumBlockMapRanges = 100_000;
/** Drives at once: what a large USB hub has. */
export const maximumTargets = 32;
/** For programs that look at a drive or change a file on it. */
export const toolTimeoutMs = 60_000;
/** Between two plain lines of progress. */
export const plainProgressMs = 10_000;
/** Between two states of the line on a terminal. */
export const terminalProgressMs = 200;
/** The largest private key or list of keys somebody would name by mistake or on purpose. */
export const maximumKeyFileBytes = 64 << 10;
/** Threads for files in general; each target adds one, so that slow cards do not wait for each other. */
export const commonThreads = 4;
