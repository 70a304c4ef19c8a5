// Limits of the agent's side of sync.

/** Events that wait for the hub; when there are more, the oldest go. */
export const maxWaitingEvents = 200;
/** Pause before the first new attempt to connect, ms; doubled up to the longest, with jitter. */
export const firstReconnectMs = 500;
export const longestReconnectMs = 10_000;
/** A link that lives this long is taken for a good one, ms. */
export const stableLinkMs = 10_000;
/** Changes within this time are reported together, ms. */
export const reportSettleMs = 20;
/** Pause before items that the hub could not apply are sent again, ms. */
export const resendMs = 5000;
/** Port of a hub's address without one: MQTT over TLS, as registered. */
export const mqttsPort = 8883;
/** Time for one attempt to connect, ms. */
export const connectTimeoutMs = 20_000;
/** Time for the hub to answer a join request, ms. */
export const joinTimeoutMs = 30_000;
