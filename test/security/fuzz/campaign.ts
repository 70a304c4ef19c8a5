// A whole run: threads that share the inputs, watched from outside, since an
// input may hang a hub for ever or fill its memory; and what they found, put
// together.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Failure, type Figures, noInput } from './driver.ts';
import { printInput } from './input.ts';
import type { RunResult } from './run.ts';
import type { WorkerInput } from './worker.ts';

export type CampaignOptions = { inputs: number; seed: number; workers: number; only: readonly string[] };
export type CampaignResult = { figures: Figures; failures: Failure[]; peakMemoryBytes: number; seconds: number };

const placeBytes = 64;
/** An input that takes longer hangs: the slowest that are right take seconds of CPU on a machine that may be busy. */
const hangMs = 180_000;
const lookMs = 500;
/** Heap of a thread: a hub that needs more for one input at a time has lost something. */
const maxHeapMb = 2000;
const keptSlowest = 10;

/** A thread that was lost, and the chunk and input that it was at. */
function lostWith(what: string, place: Uint8Array): RunResult {
  const at = new TextDecoder().decode(place.slice()).replace(/\0+$/, '');
  return {
    figures: emptyFigures(),
    failures: [{ fault: what, problem: `${what}: see --chunk ${at}`, count: 1, input: noInput }],
    memoryBytes: { early: 0, late: 0 },
  };
}

function emptyFigures(): Figures {
  return { inputs: 0, answers: new Map(), perSurface: new Map(), slowest: [], largestAnswerBytes: 0 };
}

async function runWorker(options: Omit<WorkerInput, 'progress' | 'place'>): Promise<RunResult> {
  const progress = new SharedArrayBuffer(4);
  const place = new SharedArrayBuffer(placeBytes);
  const count = new Int32Array(progress);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { ...options, progress, place } satisfies WorkerInput,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  });
  const over = new AbortController();
  const finished = new Promise<RunResult>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error) =>
      resolve(lostWith(`the hub's thread died of ${error.message}`, new Uint8Array(place))),
    );
  });
  const stuck = (async (): Promise<RunResult | undefined> => {
    let seen = -1;
    for (let sinceMs = performance.now(); !over.signal.aborted; ) {
      await delay(lookMs, undefined, { signal: over.signal }).catch(() => undefined);
      const now = Atomics.load(count, 0);
      if (now !== seen) sinceMs = performance.now();
      seen = now;
      if (performance.now() - sinceMs > hangMs)
        return lostWith(`the hub hung for ${hangMs / 1000} s`, new Uint8Array(place));
    }
    return undefined;
  })();
  const result = await Promise.race([finished, stuck]);
  over.abort();
  await worker.terminate();
  return result ?? finished;
}

/** Runs the inputs on hubs without sockets, one a thread. */
export async function runCampaign({ inputs, seed, workers, only }: CampaignOptions): Promise<CampaignResult> {
  const beganMs = performance.now();
  let peakMemoryBytes = 0;
  const timer = setInterval(() => {
    peakMemoryBytes = Math.max(peakMemoryBytes, process.memoryUsage.rss());
  }, lookMs);
  const results = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      runWorker({ layer: 'in-process', seed: seed + index, inputs: Math.ceil(inputs / workers), only }),
    ),
  );
  clearInterval(timer);
  return { ...merge(results), peakMemoryBytes, seconds: (performance.now() - beganMs) / 1000 };
}

function merge(results: readonly RunResult[]): { figures: Figures; failures: Failure[] } {
  const figures = emptyFigures();
  const failures = new Map<string, Failure>();
  for (const result of results) {
    const { answers, perSurface, slowest } = result.figures;
    figures.inputs += result.figures.inputs;
    figures.largestAnswerBytes = Math.max(figures.largestAnswerBytes, result.figures.largestAnswerBytes);
    for (const [code, count] of answers) figures.answers.set(code, (figures.answers.get(code) ?? 0) + count);
    for (const [name, { inputs, cpuMs }] of perSurface) {
      const sum = figures.perSurface.get(name) ?? { inputs: 0, cpuMs: 0 };
      figures.perSurface.set(name, { inputs: sum.inputs + inputs, cpuMs: sum.cpuMs + cpuMs });
    }
    figures.slowest.push(...slowest);
    for (const failure of result.failures) {
      const known = failures.get(failure.fault);
      if (known === undefined) failures.set(failure.fault, { ...failure });
      else known.count += failure.count;
    }
  }
  figures.slowest.sort((a, b) => b.cpuMs - a.cpuMs);
  figures.slowest.length = Math.min(keptSlowest, figures.slowest.length);
  return { figures, failures: [...failures.values()] };
}

const longestPrinted = 4000;

/** A failure as text: what is wrong, how often, and the input that shows it. */
export function describeFailure({ problem, count, input }: Failure): string {
  const printed = printInput(input);
  const line =
    printed.length > longestPrinted ? `${printed.slice(0, longestPrinted)}... (${printed.length} characters)` : printed;
  return `${problem}\n  ${count} times; the smallest: ${line}`;
}
