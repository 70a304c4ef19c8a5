// A thread of a campaign: one hub in it, and its share of the inputs. Which
// input is being handled stands in memory that the campaign sees, for the hub
// may take this thread down or never give it back.
import { parentPort, workerData } from 'node:worker_threads';
import type { Failure } from './driver.ts';
import { type RunOptions, type RunResult, runFuzz } from './run.ts';

export type WorkerInput = Omit<RunOptions, 'onInput' | 'onFault' | 'onResult'> & {
  progress: SharedArrayBuffer;
  place: SharedArrayBuffer;
};
/** A fault when it is found first, and what there is so far; `isLast` when this is all. */
export type WorkerMessage = { failure: Failure } | { result: RunResult; isLast: boolean };

const { progress, place, ...options } = workerData as WorkerInput;
const count = new Int32Array(progress);
const text = new Uint8Array(place);
const encoder = new TextEncoder();

const result = await runFuzz({
  ...options,
  onInput: (surface, seed, index) => {
    text.fill(0);
    encoder.encodeInto(`${surface}:${seed}:${index}`, text);
    Atomics.add(count, 0, 1);
  },
  onFault: (failure) => parentPort?.postMessage({ failure } satisfies WorkerMessage),
  onResult: (sofar) => parentPort?.postMessage({ result: sofar, isLast: false } satisfies WorkerMessage),
});
parentPort?.postMessage({ result, isLast: true } satisfies WorkerMessage);
