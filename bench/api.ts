// Requests a second, their 99th percentile and what each costs the hub, of
// Deployments of 4 KiB: over HTTPS, by a user whose rights are looked up, with
// admission as it always is. Hub and load are a process each, on the same cores.
import { addUser, cpuMs, startHub } from './cluster.ts';
import { figure, median, percentile } from './figures.ts';
import { Generator } from './load/process.ts';
import { requestLoads } from './requests/index.ts';
import { connections } from './requests/load.ts';

const runs = 3;
const warmUp = { requests: 500, ms: 1000 };
/** The hub is warm by then; connections are new. */
const briefly = { requests: 50, ms: 200 };
const runMs = 4000;

/** Prints api.LOAD_per_s, api.LOAD_p99_ms and api.LOAD_hub_cpu_us: medians of the runs, on a hub of its own. */
async function benchLoad(outer: AsyncDisposableStack, load: string): Promise<void> {
  await using undo = outer.use(new AsyncDisposableStack());
  const hub = await startHub(undo);
  const generator = await Generator.start(undo, await addUser(hub));
  await generator.do({ kind: 'prepare', load });
  const rates: number[] = [];
  const p99s: number[] = [];
  const costs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    let began: Promise<number> | undefined;
    const { count, tookMs, latenciesMs } = await generator.do(
      { kind: 'requests', load, run, connections, warmUp: run === 0 ? warmUp : briefly, runMs },
      () => {
        began = cpuMs(hub.pid);
      },
    );
    const usedMs = (await cpuMs(hub.pid)) - ((await began) ?? 0);
    rates.push((count * 1000) / tookMs);
    p99s.push(percentile(latenciesMs, 99));
    costs.push((usedMs * 1000) / count);
  }
  figure({ name: `api.${load}_per_s`, value: median(rates), unit: '1/s' });
  figure({ name: `api.${load}_p99_ms`, value: median(p99s), unit: 'ms' });
  figure({ name: `api.${load}_hub_cpu_us`, value: median(costs), unit: 'us' });
}

export async function run(undo: AsyncDisposableStack): Promise<void> {
  for (const load of Object.keys(requestLoads)) await benchLoad(undo, load);
}
