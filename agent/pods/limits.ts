// Limits of the pod loops.

/** Steps of one pod in one go; a plan that never rests is a bug and must not burn a device's CPU. */
export const maxRounds = 64;
/** Pause before a step that failed is tried again, ms; doubled each time up to the longest. */
export const firstRetryMs = 1000;
export const longestRetryMs = 300_000;
/** Pause between attempts to reach an engine that does not answer, ms. */
export const engineRetryMs = 5000;
/** Time between full looks at the engine, for changes that it did not tell of, ms. */
export const relistMs = 120_000;
/** Without a turn of the loop for this long it is stuck, and the agent worth a restart, ms. */
export const stuckAfterMs = 3 * relistMs;
