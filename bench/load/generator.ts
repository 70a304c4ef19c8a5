// The process that loads a hub: what it costs to make the load is not to be
// taken for what it costs to bear it. Does one job after another that the bench
// sends it, and answers each.
import type { Kubeconfig } from '../../cli/api.ts';
import { configMap, configMaps } from '../objects.ts';
import { requestLoads } from '../requests/index.ts';
import type { Request } from './connections.ts';
import type { JobResult } from './job.ts';
import { type RequestRun, runRequests, sendAll } from './requests.ts';
import { type ChangeRun, Watches } from './watches.ts';

export type Job =
  | { kind: 'connect'; config: Kubeconfig }
  /** Creates ConfigMaps with so many bytes of data. */
  | { kind: 'fill'; count: number; dataBytes: number }
  | { kind: 'prepare'; load: string }
  | ({ kind: 'requests' } & RequestRun)
  | { kind: 'watch'; watchers: number }
  | ({ kind: 'changes' } & ChangeRun);

/** `begun` when what is measured begins. */
export type Message = { begun: true } | { result: JobResult } | { failed: string };

const nothing: JobResult = { count: 0, tookMs: 0, latenciesMs: [] };
let config: Kubeconfig | undefined;
let watches: Watches | undefined;

function send(message: Message): void {
  process.send?.(message);
}

async function work(job: Job): Promise<JobResult> {
  if (job.kind === 'connect') {
    config = job.config;
    return nothing;
  }
  if (config === undefined) throw new Error('the generator has not been told where to connect');
  const begun = (): void => send({ begun: true });
  switch (job.kind) {
    case 'fill': {
      const data = 'x'.repeat(job.dataBytes);
      const create = (_: unknown, index: number): Request => ({
        method: 'POST',
        path: configMaps,
        body: configMap(`fill-${index}`, data),
      });
      return sendAll(config, Array.from({ length: job.count }, create));
    }
    case 'prepare': {
      await sendAll(config, requestLoads[job.load]?.prepare() ?? []);
      return nothing;
    }
    case 'requests':
      return runRequests(config, job, begun);
    case 'watch':
      watches = await Watches.open(config, job.watchers);
      return nothing;
    case 'changes':
      if (watches === undefined) throw new Error('nothing is watched');
      return watches.run(config, job, begun);
  }
}

process.on('message', (job: Job) => {
  work(job).then(
    (result) => send({ result }),
    (error: unknown) => send({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
