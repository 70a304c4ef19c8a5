// What a job of the load comes to.

/** Latencies in ms. */
export type JobResult = { count: number; tookMs: number; latenciesMs: number[] };
