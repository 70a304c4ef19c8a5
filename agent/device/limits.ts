// Limits of the agent's device mode.

/** Time for a program of the firmware, ms. */
export const hookTimeoutMs = 120_000;
/** Bytes kept of what a program of the firmware prints. */
export const hookOutputBytes = 4096;
/** How often skerry.yaml is looked at while the device is not claimed, ms. */
export const configPollMs = 5000;
/** Longest pause between attempts to reach the hub of a device that is not claimed, ms. */
export const longestClaimPauseMs = 30_000;
/** Pause after the hub has refused, ms: people mend that, not time. */
export const refusedPauseMs = 60_000;
/** How often an engine is asked that does not answer yet, ms. */
export const enginePollMs = 2000;
/** Connections to a device that belongs to nobody. */
export const maxClaimConnections = 4;
/** Time for one who claims to say all of it, ms. */
export const claimTimeoutMs = 10_000;
