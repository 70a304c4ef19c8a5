// Limits of the stores.

/** Most writes that go to disk as one batch. */
export const maxBatchWrites = 1024;
/** Most characters of values in one batch. */
export const maxBatchCharacters = 8 << 20;
/** Most writes that may wait for the disk; more are refused as `unavailable`. */
export const maxQueuedWrites = 20_000;
/** Size at which the log goes on in a new segment, bytes. */
export const defaultSegmentBytes = 32 << 20;
/** Records copied forward at a time, so that a compaction never holds writers up for long. */
export const compactionBatchRecords = 256;
