// A whole run: threads that share the inputs, watched from outside, since an
// input may hang a hub for ever or fill its memory; and what they found, put
// together.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Failure, type Figures, noInput } from './driver.ts';
import { printInput } from './input.ts';
import type { RunResult } from './run.ts';
import type { WorkerInput, WorkerMessage } from './worker.ts';

export type CampaignOptions = {
  inputs: number;
  seed: number;
  workers: number;
  only: readonly string[];
  /** Called with a fault when a thread finds it first. */
  onFault: (failure: Failure) => void;
  /** Called now and then with the number of inputs so far. */
  onProgress: (inputs: number) => void;
};
export type CampaignResult = { figures: Figures; failures: Failure[]; peakMemoryBytes: number; seconds: number };

const placeBytes = 64;
/** An input that takes longer hangs: the slowest that are right take seconds of CPU on a machine that may be busy. */
const hangMs = 180_000;
const lookMs = 500;
const tellMs = 30_000;
/** Heap of a thread: a hub that needs more for one input at a time has lost something. */
const maxHeapMb = 2000;
const keptSlowest = 10;
const maxLost = 5;
/** Between the seeds of a share's threads. */
const seedStep = 1000;

type Ended = { result: RunResult; isLost: boolean };

/** What a thread had found until it was lost, and the chunk and input that it was at. */
function lostWith(what: string, place: Uint8Array, result: RunResult): Ended {
  const at = new TextDecoder().decode(place.slice()).replace(/\0+$/, '');
  const failure = { fault: what, problem: `${what}: see --chunk ${at}`, count: 1, input: noInput };
  return { isLost: true, result: { ...result, failures: [...result.failures, failure] } };
}

function emptyFigures(): Figures {
  return { inputs: 0, answers: new Map(), perSurface: new Map(), slowest: [], largestAnswerBytes: 0 };
}

async function runWorker(
  options: Omit<WorkerInput, 'progress' | 'place'>,
  count: Int32Array<SharedArrayBuffer>,
  onFault: CampaignOptions['onFault'],
): Promise<Ended> {
  const place = new SharedArrayBuffer(placeBytes);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { ...options, progress: count.buffer, place } satisfies WorkerInput,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  });
  const over = new AbortController();
  let sofar: RunResult = { figures: emptyFigures(), failures: [], memoryBytes: { early: 0, late: 0 } };
  const finished = new Promise<Ended>((resolve) => {
    worker.on('message', (message: WorkerMessage) => {
      if ('failure' in message) return onFault(message.failure);
      sofar = message.result;
      if (message.isLast) resolve({ result: sofar, isLost: false });
    });
    worker.once('error', (error) =>
      resolve(lostWith(`the hub's thread died of ${error.message}`, new Uint8Array(place), sofar)),
    );
  });
  const stuck = (async (): Promise<Ended | undefined> => {
    let seen = -1;
    for (let sinceMs = performance.now(); !over.signal.aborted; ) {
      await delay(lookMs, undefined, { signal: over.signal }).catch(() => undefined);
      const now = Atomics.load(count, 0);
      if (now !== seen) sinceMs = performance.now();
      seen = now;
      if (performance.now() - sinceMs > hangMs)
        return lostWith(`the hub hung for ${hangMs / 1000} s`, new Uint8Array(place), sofar);
    }
    return undefined;
  })();
  const result = await Promise.race([finished, stuck]);
  over.abort();
  await worker.terminate();
  return result ?? finished;
}

/** Runs a share of the inputs, in another thread when one is lost; a hub that kills many is not asked for ever. */
async function runShare(
  share: Omit<WorkerInput, 'progress' | 'place'>,
  count: Int32Array<SharedArrayBuffer>,
  onFault: CampaignOptions['onFault'],
): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for (let attempt = 0; attempt <= maxLost; attempt += 1) {
    const done = results.reduce((sum, { figures }) => sum + figures.inputs, 0);
    const seed = share.seed + attempt * seedStep;
    const { result, isLost } = await runWorker({ ...share, seed, inputs: share.inputs - done }, count, onFault);
    results.push(result);
    if (!isLost) break;
  }
  return results;
}

/** Runs the inputs on hubs without sockets, one a thread. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { inputs, seed, workers, only, onFault, onProgress } = options;
  const beganMs = performance.now();
  const counts = Array.from({ length: workers }, () => new Int32Array(new SharedArrayBuffer(4)));
  let peakMemoryBytes = 0;
  const sample = setInterval(() => {
    peakMemoryBytes = Math.max(peakMemoryBytes, process.memoryUsage.rss());
  }, lookMs);
  const progress = setInterval(
    () => onProgress(counts.reduce((sum, count) => sum + Atomics.load(count, 0), 0)),
    tellMs,
  );
  const share = Math.ceil(inputs / workers);
  const results = await Promise.all(
    counts.map((count, index) =>
      runShare({ layer: 'in-process', seed: seed + index, inputs: share, only }, count, onFault),
    ),
  );
  clearInterval(sample);
  clearInterval(progress);
  return { ...merge(results.flat()), peakMemoryBytes, seconds: (performance.now() - beganMs) / 1000 };
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
