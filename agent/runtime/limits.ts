// Limits of reading containers' logs from the engine's files.

/** Read of a log file at once, bytes. More than the engine's longest line: 16 KiB, escaped. */
export const logReadBytes = 128 << 10;
/** Files of one log that may be open at once; each keeps its space on the disk as long. */
export const maxLogFiles = 16;
/** Looks at the files of a log that the engine may spoil in a row, by making another one meanwhile. */
export const maxLogScans = 20;
/** Pause before a log that had no more is looked at again, ms; doubled up to the longest. */
export const firstLogPauseMs = 20;
export const longestLogPauseMs = 250;
