// Changes of a 2 KiB ConfigMap fanned out to 100, 1,000 and 5,000 watches, a
// TLS connection each: events a second, how long they take, and what each costs
// the hub.
import { addUser, cpuMs, startHub } from './cluster.ts';
import { figure, median, percentile } from './figures.ts';
import { Generator } from './load/process.ts';

const runs = 3;
/** About as many deliveries whatever the number of watches, so that each run takes seconds. */
const fanOuts = [
  { watchers: 100, spaced: 50, rapid: 1000 },
  { watchers: 1000, spaced: 30, rapid: 100 },
  { watchers: 5000, spaced: 10, rapid: 20 },
];

async function benchFanOut(
  outer: AsyncDisposableStack,
  { watchers, spaced, rapid }: (typeof fanOuts)[number],
): Promise<void> {
  await using undo = outer.use(new AsyncDisposableStack());
  const hub = await startHub(undo);
  const generator = await Generator.start(undo, await addUser(hub));
  await generator.do({ kind: 'watch', watchers });
  const rates: number[] = [];
  const p99s: number[] = [];
  const costs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { latenciesMs } = await generator.do({ kind: 'changes', changes: spaced, spaced: true });
    p99s.push(percentile(latenciesMs, 99));
    const beganMs = await cpuMs(hub.pid);
    const { count, tookMs } = await generator.do({ kind: 'changes', changes: rapid, spaced: false });
    rates.push((count * 1000) / tookMs);
    costs.push((((await cpuMs(hub.pid)) - beganMs) * 1000) / count);
  }
  figure({ name: `watch.${watchers}_events_per_s`, value: median(rates), unit: '1/s' });
  figure({ name: `watch.${watchers}_delivery_p99_ms`, value: median(p99s), unit: 'ms' });
  figure({ name: `watch.${watchers}_hub_cpu_us_per_event`, value: median(costs), unit: 'us' });
}

/** Prints watch.N_events_per_s, watch.N_delivery_p99_ms and watch.N_hub_cpu_us_per_event. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  for (const fanOut of fanOuts) await benchFanOut(undo, fanOut);
}
