// Limits of streams that come over upgraded connections.

/** Largest header block of SPDY, inflated, bytes. */
export const maxSpdyHeaderBytes = 16 << 10;
/** Largest frame of SPDY, bytes. */
export const maxSpdyFrameBytes = 1 << 20;
/** Most streams that a client may have open on one SPDY connection. */
export const maxSpdyStreams = 256;
/** Bytes that wait on a connection before no more is read from it. */
export const maxWaitingBytes = 256 << 10;
/** Largest message of a WebSocket, bytes. */
export const maxMessageBytes = 4 << 20;
/** Time for a client to open the streams that its command needs, ms. */
export const streamsWithinMs = 30_000;
