// Limits of the protocol between hub and agent.

/** Largest frame on the wire, bytes. */
export const maxFrameBytes = 4 << 20;
/** Largest frame after inflation, bytes. */
export const maxInflatedBytes = 16 << 20;
/** Objects of a slice are sent in frames of about this many characters of JSON. */
export const syncChunkCharacters = 256 << 10;
/** Bytes of a log stream that may be on their way at once. */
export const streamWindowBytes = 256 << 10;
/** Largest piece of a log stream, bytes. */
export const streamChunkBytes = 32 << 10;
/** Items in one report. */
export const maxReportItems = 256;
