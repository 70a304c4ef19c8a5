// What a load of requests is: what has to be there first, and one request after
// another. One file a load.
import type { Request } from '../load/connections.ts';

/** Which request of which run, and on which connection: no two connections write the same object. */
export type Turn = { run: number; count: number; connection: number };

export type RequestLoad = {
  /** Requests that make what has to be there. */
  prepare: () => Request[];
  request: (turn: Turn) => Request;
};

/** Connections that all loads use. */
export const connections = 16;
