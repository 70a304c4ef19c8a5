// Limits of the broker.

/** Bytes that may wait for one node to read; more closes that connection only. */
export const sendWindowBytes = 8 << 20;
/** Time for an MQTT CONNECT after the TLS handshake. */
export const connectTimeoutMs = 20_000;
/** Time in which a blocked connection must take something. Only its own frames wait for it. */
export const drainTimeoutMs = 60_000;
/** Longest keepalive that a client may ask for, seconds. */
export const maxKeepaliveSeconds = 3600;
/** Longest client id. */
export const maxClientIdLength = 512;
