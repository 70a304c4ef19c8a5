// Limits of the hub's side of sync.

/** Time for a certificate that nobody has to approve, ms. */
export const signedWithinMs = 15_000;
/** Certificate requests that devices wait for at once, each with a connection. */
export const maxWaitingJoins = 10_000;
