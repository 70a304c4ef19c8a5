// Limits of the hub's side of sync.

/** Time for a certificate that nobody has to approve, ms. */
export const signedWithinMs = 15_000;
/** Certificate requests that devices wait for at once, each with a connection. */
export const maxWaitingJoins = 10_000;
/** A second device with a node's identity is told of at most this often, ms. */
export const duplicateEventPauseMs = 60_000;
/** What was told of it stands until nobody has tried for so long, ms. */
export const duplicateQuietMs = 10 * 60_000;
