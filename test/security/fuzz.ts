// npm run fuzz -- [--inputs N] [--seed S] [--tls N] [--workers N] [--surface NAME]...
// Attacks the API server with N hostile inputs on hubs in this process, then
// with fewer over TLS, and prints figures and every fault with the input that
// shows it. --replay 'INPUT' sends one printed input again, --chunk
// SURFACE:SEED:INDEX one of a run.
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { describeFailure, runCampaign } from './fuzz/campaign.ts';
import { Driver, type Failure, type Figures } from './fuzz/driver.ts';
import { type Input, parseInput, printInput } from './fuzz/input.ts';
import { Arena, runFuzz } from './fuzz/run.ts';

const defaultInputs = 1_000_000;
/** Over TLS a share of the inputs. */
const tlsShare = 50;
const shownCharacters = 200;
const toldCharacters = 1000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function printFigures(
  layer: string,
  { inputs, answers, perSurface, slowest, largestAnswerBytes }: Figures,
  seconds: number,
  memoryBytes: number,
): void {
  say(
    `${layer}: inputs=${inputs} seconds=${seconds.toFixed(0)} per_s=${(inputs / seconds).toFixed(0)} peak_memory_mb=${megabytes(memoryBytes)} largest_answer_bytes=${largestAnswerBytes}`,
  );
  const byCode = [...answers].sort(([a], [b]) => a.localeCompare(b)).map(([code, count]) => `${code}=${count}`);
  say(`${layer}: answers ${byCode.join(' ')}`);
  for (const [name, sum] of [...perSurface].sort(([a], [b]) => a.localeCompare(b)))
    say(`${layer}: surface ${name} inputs=${sum.inputs} cpu_ms_each=${(sum.cpuMs / sum.inputs).toFixed(2)}`);
  for (const { cpuMs, input } of slowest)
    say(`${layer}: slow cpu_ms=${cpuMs.toFixed(0)} ${printInput(input).slice(0, shownCharacters)}`);
}

/** The first words of a fault, for those who wait; all of it, with a smaller input, stands at the end. */
function tell({ problem, input }: Failure): void {
  const words = problem.split('\n').slice(0, 3).join(' | ').slice(0, 400);
  say(`found: ${words} ${printInput(input).slice(0, toldCharacters)}`);
}

function onProgress(inputs: number): void {
  process.stderr.write(`${inputs} inputs so far\n`);
}

/** Sends one input to a fresh hub; resolves with whether it is borne. */
async function replay(choose: (arena: Arena) => Input): Promise<boolean> {
  const arena = await Arena.open('in-process', 1);
  const driver = new Driver(
    { maxCpuMs: Number.POSITIVE_INFINITY, onInput: () => undefined, onFault: () => undefined },
    arena.target,
  );
  const input = choose(arena);
  say(printInput(input));
  const problem = await driver.try(input);
  await arena.close();
  say(problem ?? `borne: ${[...driver.figures.answers.keys()].join(', ')}`);
  return problem === undefined;
}

function inputOfChunk(arena: Arena, text: string): Input {
  const [name, seed, index] = text.split(':');
  const surface = arena.surfaces.find((candidate) => candidate.name === name);
  if (surface === undefined) throw new Error(`there is no surface ${name}`);
  const input = fc.sample(surface.inputs, { seed: Number(seed), numRuns: surface.chunk })[Number(index)];
  if (input === undefined) throw new Error(`the chunk has no input ${index}`);
  return input;
}

async function overTls(inputs: number, seed: number, only: readonly string[]): Promise<Failure[]> {
  const beganMs = performance.now();
  const { figures, failures, memoryBytes } = await runFuzz({
    layer: 'tls',
    seed,
    inputs,
    only,
    onInput: () => undefined,
    onFault: tell,
    onResult: () => undefined,
  });
  printFigures('tls', figures, (performance.now() - beganMs) / 1000, memoryBytes.late);
  return failures;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: String(defaultInputs) },
      seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
      tls: { type: 'string' },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      surface: { type: 'string', multiple: true, default: [] },
      replay: { type: 'string' },
      chunk: { type: 'string' },
    },
  });
  const { replay: printed, chunk } = values;
  if (printed !== undefined) return replay(() => parseInput(printed));
  if (chunk !== undefined) return replay((arena) => inputOfChunk(arena, chunk));
  const [inputs, seed, workers] = [Number(values.inputs), Number(values.seed), Number(values.workers)];
  const tlsInputs = values.tls === undefined ? Math.ceil(inputs / tlsShare) : Number(values.tls);
  say(
    `seed=${seed} inputs=${inputs} tls=${tlsInputs} workers=${workers}: again with --inputs ${inputs} --seed ${seed} --tls ${tlsInputs} --workers ${workers}`,
  );
  const failures: Failure[] = [];
  if (inputs > 0) {
    const result = await runCampaign({ inputs, seed, workers, only: values.surface, onFault: tell, onProgress });
    printFigures('in-process', result.figures, result.seconds, result.peakMemoryBytes);
    failures.push(...result.failures);
  }
  if (tlsInputs > 0) failures.push(...(await overTls(tlsInputs, seed, values.surface)));
  for (const failure of failures) say(`FAULT ${describeFailure(failure)}`);
  say(`${failures.length} faults`);
  return failures.length === 0;
}

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`fuzz: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(2);
  },
);
