// Sends inputs one after another and judges the answers. Inputs come in chunks:
// a chunk has a surface and a seed of its own, so that any input of a run can be
// made again, and shrunk with fast-check to the least that fails alike.
import fc from 'fast-check';
import { type Answer, Connection } from '../../support/http-connection.ts';
import { breaksHttp, encodeInput, type Identity, type Input, joinParts } from './input.ts';
import { answerProblem, noAnswer } from './oracle.ts';
import type { Surface } from './surfaces/index.ts';
import type { Target } from './target.ts';

export type Failure = {
  /** What failures of one fault have in common. */
  fault: string;
  /** What went wrong, with the first input that showed it. */
  problem: string;
  /** The input, as small as it still fails. */
  input: Input;
  /** How many inputs failed alike. */
  count: number;
};
export type Slow = { cpuMs: number; input: Input };
export type Figures = {
  inputs: number;
  /** Inputs by the answer's code, or by its end when it had none. */
  answers: Map<string, number>;
  perSurface: Map<string, { inputs: number; cpuMs: number }>;
  slowest: Slow[];
  largestAnswerBytes: number;
};

export type DriverOptions = {
  /** Most CPU that one input may cost the hub, ms: a bound on work, which other loads of the machine don't move. */
  maxCpuMs: number;
  /** Called before each input is sent, to know which one it was should the hub take this process down. */
  onInput: (surface: string, seed: number, index: number) => void;
  /** Called with each fault when it is found first. */
  onFault: (failure: Failure) => void;
};

/** Nothing of what is asked for takes any time but the hub's own. */
const answerTimeoutMs = 10_000;
/** Tries to make a failing input smaller. */
const shrinkTimeoutMs = 15_000;
const keptSlowest = 10;
/** Of a fault that shows only after many. */
export const noInput: Input = { surface: 'all', identity: 'admin', method: '', target: '', headers: [] };
/** Faults that are told, with an input each: a broken server has more than anybody reads. */
const maxFailures = 200;

export class Driver {
  readonly figures: Figures = {
    inputs: 0,
    answers: new Map(),
    perSurface: new Map(),
    slowest: [],
    largestAnswerBytes: 0,
  };
  readonly failures = new Map<string, Failure>();
  #options: DriverOptions;
  #target: Target;
  #connections = new Map<Identity, Connection>();

  constructor(options: DriverOptions, target: Target) {
    this.#options = options;
    this.#target = target;
  }

  /** Sends the inputs of a chunk. */
  async run(surface: Surface, seed: number, count: number): Promise<void> {
    const inputs = fc.sample(surface.inputs, { seed, numRuns: count });
    const figures = this.figures.perSurface.get(surface.name) ?? { inputs: 0, cpuMs: 0 };
    this.figures.perSurface.set(surface.name, figures);
    for (const [index, input] of inputs.entries()) {
      this.#options.onInput(surface.name, seed, index);
      const cpuBeforeMs = this.#target.cpuMs();
      const problem = await this.try(input);
      const cpuMs = this.#target.cpuMs() - cpuBeforeMs;
      figures.inputs += 1;
      figures.cpuMs += cpuMs;
      this.#noteSlow({ cpuMs, input });
      if (problem?.startsWith(noAnswer) === true && index > 0 && (await this.try(input)) === undefined)
        this.#remember(
          'blocked connection: the request behind it on the connection got no answer',
          inputs[index - 1] ?? input,
        );
      else if (problem !== undefined) await this.#report(surface, seed, index, input, problem);
      else if (cpuMs > this.#options.maxCpuMs)
        this.#remember(`too slow: ${surface.name} cost more than ${this.#options.maxCpuMs} ms of CPU`, input);
    }
  }

  /** Sends one input; resolves with what is wrong, if anything. */
  async try(input: Input): Promise<string | undefined> {
    const bytes = encodeInput(input);
    this.#target.begin(input);
    const answer = await this.#exchange(input, bytes);
    // What was left undone by the request comes to its end in these turns, or is somebody else's fault later.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.figures.inputs += 1;
    const key = answer.end === 'whole' || answer.end === 'open' ? String(answer.code) : answer.end;
    this.figures.answers.set(key, (this.figures.answers.get(key) ?? 0) + 1);
    this.figures.largestAnswerBytes = Math.max(this.figures.largestAnswerBytes, answer.body.length);
    const faults = this.#target.faults(answer.code);
    const problem = answerProblem(input, answer);
    // A stack says more than the answer that it led to.
    return problem === undefined ? faults[0] : [problem, ...faults].join('\n');
  }

  /** Lets the target check what is stored and start anew. */
  async reset(): Promise<void> {
    this.#closeConnections();
    for (const problem of await this.#target.reset()) this.#remember(`store: ${problem}`, noInput);
  }

  #closeConnections(): void {
    for (const connection of this.#connections.values()) connection.destroy();
    this.#connections.clear();
  }

  async #exchange(input: Input, bytes: Uint8Array): Promise<Answer> {
    const { identity, method, target, frames, raw } = input;
    let connection = this.#connections.get(identity);
    if (connection === undefined || !connection.isOpen || raw !== undefined || frames !== undefined) {
      connection?.destroy();
      connection = new Connection(await this.#target.connect(identity));
      this.#connections.set(identity, connection);
    }
    const answer = await connection.exchange(bytes, {
      isHead: method === 'HEAD',
      mayStayOpen: raw !== undefined || /watch|follow|upgrade/i.test(target) || frames !== undefined,
      mayBeSilent:
        raw !== undefined ||
        input.headers.some(([name]) => /^(content-length|transfer-encoding|expect|upgrade|connection)$/i.test(name)),
      frames: frames === undefined ? undefined : joinParts(frames),
      timeoutMs: answerTimeoutMs,
      patience: () => this.#target.patience(),
    });
    // It may wait for the rest of a body that was announced, and would take the next request for it.
    if (breaksHttp(input)) connection.destroy();
    return answer;
  }

  #noteSlow(slow: Slow): void {
    const { slowest } = this.figures;
    if (slowest.length >= keptSlowest && slow.cpuMs <= (slowest.at(-1)?.cpuMs ?? 0)) return;
    slowest.push(slow);
    slowest.sort((a, b) => b.cpuMs - a.cpuMs);
    slowest.length = Math.min(slowest.length, keptSlowest);
  }

  #remember(problem: string, input: Input): void {
    const fault = faultOf(problem);
    const known = this.failures.get(fault);
    if (known !== undefined) known.count += 1;
    else if (this.failures.size < maxFailures) {
      const failure = { fault, problem, input, count: 1 };
      this.failures.set(fault, failure);
      this.#options.onFault(failure);
    }
  }

  /** Remembers a failing input, the first of its kind as small as it can be made. */
  async #report(surface: Surface, seed: number, index: number, input: Input, problem: string): Promise<void> {
    const fault = faultOf(problem);
    if (this.failures.has(fault) || this.failures.size >= maxFailures) return this.#remember(problem, input);
    this.#remember(problem, input);
    const fails = fc.asyncProperty(surface.inputs, async (candidate) => {
      const found = await this.try(candidate);
      return found === undefined || faultOf(found) !== fault;
    });
    const { counterexample } = await fc.check(fails, {
      seed,
      path: String(index),
      numRuns: 1,
      interruptAfterTimeLimit: shrinkTimeoutMs,
      markInterruptAsFailure: false,
    });
    const known = this.failures.get(fault);
    if (counterexample !== null && known !== undefined) [known.input] = counterexample;
  }
}

/** What two failures have in common when they are of one fault: the words of the problem, and where it came from. */
function faultOf(problem: string): string {
  const [first = ''] = problem.split('\n');
  const words = first
    .replace(/"(?:[^"\\]|\\.)*"?/g, '"..."')
    .replace(/'[^']*'?/g, "'...'")
    .replace(/\/registry\/\S*/g, '/registry/...')
    .replace(/\d+/g, '0')
    .slice(0, 75);
  const place = /at .*?((?:api|hub|platform)\/[\w./-]+:\d+)/.exec(problem)?.[1] ?? '';
  return `${words} ${place}`;
}
