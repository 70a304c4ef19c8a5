// Requests as fast as they are answered, on several connections at once, and
// stores filled with many objects.
import type { Kubeconfig } from '../../cli/api.ts';
import { requestLoads } from '../requests/index.ts';
import { openConnections, type Request } from './connections.ts';
import type { JobResult } from './job.ts';

export type RequestRun = {
  load: string;
  run: number;
  connections: number;
  /** What is not counted: so many requests at least, until code is compiled, and so long at least. */
  warmUp: { requests: number; ms: number };
  runMs: number;
};
/** Connections on which a store is filled: writes that wait together share a sync. */
const fillers = 64;
/** No run makes more than this, however fast the machine. */
const maxRequests = 500_000;

/** What comes after the warm-up counts. */
export async function runRequests(config: Kubeconfig, options: RequestRun, begun: () => void): Promise<JobResult> {
  const load = requestLoads[options.load];
  if (load === undefined) throw new Error(`there is no load ${options.load}`);
  const { warmUp, runMs } = options;
  const connections = await openConnections(config, options.connections);
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  let fromMs = Number.POSITIVE_INFINITY;
  let count = 0;
  await Promise.all(
    connections.map(async (connection, index) => {
      while (count < maxRequests) {
        const sentMs = performance.now();
        if (fromMs === Number.POSITIVE_INFINITY && count >= warmUp.requests && sentMs - startMs >= warmUp.ms) {
          fromMs = sentMs;
          begun();
        }
        if (sentMs >= fromMs + runMs) break;
        count += 1;
        await connection.call(load.request({ run: options.run, count, connection: index }));
        const answeredMs = performance.now();
        if (sentMs >= fromMs && answeredMs <= fromMs + runMs) latenciesMs.push(answeredMs - sentMs);
      }
      connection.close();
    }),
  );
  return { count: latenciesMs.length, tookMs: runMs, latenciesMs };
}

/** Sends all requests, on many connections at once. */
export async function sendAll(config: Kubeconfig, requests: readonly Request[]): Promise<JobResult> {
  const beganMs = performance.now();
  const connections = await openConnections(config, Math.min(fillers, requests.length));
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (let request = requests[next++]; request !== undefined; request = requests[next++])
        await connection.call(request);
      connection.close();
    }),
  );
  return { count: requests.length, tookMs: performance.now() - beganMs, latenciesMs: [] };
}
