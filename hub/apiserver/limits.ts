// Limits of the API server.

/** Largest request body, bytes (Kubernetes' limit for writes). */
export const maxBodyBytes = 3 << 20;
/** Largest body that is read to its end although it is too large, bytes: beyond, the connection is cut. */
export const maxDrainedBytes = 64 << 20;
/** Most bytes of warnings in one answer, as in Kubernetes; Node's clients read 16 kB of headers. */
export const maxWarningBytes = 4096;
/** Largest list page when the client asks for one. */
export const maxPageItems = 10_000;
/** Bytes that may wait in one watch connection; a slower reader is cut off and lists again. */
export const maxWatchBacklogBytes = 16 << 20;
/** Time between bookmarks of a watch that asked for them. */
export const bookmarkIntervalMs = 60_000;
/** Longest watch when the client gives no timeout; clients resume by themselves. */
export const defaultWatchTimeoutMs = 45 * 60_000;
/** How often a write without resourceVersion is tried again when others write the same object. */
export const maxWriteRetries = 16;
/** How often a name is drawn anew when a generated one is taken. */
export const maxNameDraws = 8;
/** Time to receive a request's headers. */
export const headersTimeoutMs = 20_000;
/** Idle time after which a kept-alive connection is closed. */
export const keepAliveTimeoutMs = 120_000;
/** Validity of a service account's token, seconds: when nothing is asked for, least, and most. */
export const defaultTokenSeconds = 3600;
export const minTokenSeconds = 600;
export const maxTokenSeconds = 2 ** 32;
/** Longest name of a field manager, bytes. */
export const maxManagerNameLength = 128;
/** Age up to which a node's usage is told again without asking the node, ms. */
export const metricsMaxAgeMs = 10_000;
/** Most that a node may tell of what it uses, or of itself, bytes. */
export const maxNodeAnswerBytes = 4 << 20;
/** Time for a node to tell what it uses, ms. */
export const metricsWithinMs = 10_000;
/** Answers from this size on are compressed for clients that take them so, bytes, as in Kubernetes. */
export const minCompressedBytes = 128 << 10;
/** Largest page whose links are mended on its way through the proxy, bytes. */
export const maxPageBytes = 8 << 20;
/** Longest time that an object is given to end: 68 years, so that its end can be written as a time. */
export const maxGracePeriodSeconds = 2 ** 31 - 1;
