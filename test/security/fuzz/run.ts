// One run against one hub: finds out what it serves, makes the objects that
// there are at the start, sends the inputs of a seed, and checks at the end
// what has to hold over many inputs.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createSeededRandom } from '../../../platform/random.ts';
import { Connection } from '../../support/http-connection.ts';
import { Driver, type Failure, type Figures, noInput } from './driver.ts';
import { HubInProcess } from './hub-in-process.ts';
import { HubOverTls } from './hub-over-tls.ts';
import { encodeInput, type Input, joinParts } from './input.ts';
import { type Surface, surfacesOf } from './surfaces/index.ts';
import type { Target } from './target.ts';
import { baseInputs, type Resource, readResourceList, World } from './world.ts';

export type Layer = 'in-process' | 'tls';
export type RunOptions = {
  layer: Layer;
  seed: number;
  inputs: number;
  /** Only these surfaces; all when empty. */
  only: readonly string[];
  onInput: (surface: string, seed: number, index: number) => void;
  onFault: (failure: Failure) => void;
  /** Called now and then with what there is so far. */
  onResult: (result: RunResult) => void;
};
export type RunResult = {
  figures: Figures;
  failures: Failure[];
  /** Memory that the hub held after warming up and at the end, both after collecting garbage where that can be asked for. */
  memoryBytes: { early: number; late: number };
};

/** Chunks after which the store is checked and everything begins anew. */
const chunksPerReset = 40;
/** A body may be 3 MiB: even those have to be read and refused within this. */
const maxCpuMs = 5000;
/** What a hub may hold more at the end than after its warm-up, bytes: caches and compiled code, not a part of each input. */
const maxGrowthBytes = 64 << 20;
/** Series of metrics that a resource may have: verbs by codes. */
const maxSeriesPerResource = 100;
const largestSeed = 0x7fffffff;

function must(answer: { code: number; body: Buffer }, what: string): Buffer {
  if (answer.code >= 200 && answer.code < 300) return answer.body;
  throw new Error(`${what} was answered with ${answer.code}: ${answer.body.toString().slice(0, 500)}`);
}

/** One request outside of the fuzzing. */
async function ask(
  target: Target,
  input: Pick<Input, 'method' | 'target'> & Partial<Input>,
): Promise<{ code: number; body: Buffer }> {
  const connection = new Connection(await target.connect('admin'));
  const bytes = encodeInput({ surface: 'base', identity: 'admin', headers: [], ...input });
  const options = {
    isHead: false,
    mayStayOpen: false,
    mayBeSilent: false,
    timeoutMs: 60_000,
    patience: () => target.patience(),
  };
  try {
    return await connection.exchange(bytes, options);
  } finally {
    connection.destroy();
  }
}

/** What discovery lists. */
async function discover(target: Target): Promise<Resource[]> {
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse(must(await ask(target, { method: 'GET', target: path }), path).toString()) as T;
  const { groups } = await get<{ groups: { versions: { groupVersion: string }[] }[] }>('/apis');
  const paths = [
    '/api/v1',
    ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => `/apis/${groupVersion}`)),
  ];
  const lists: Resource[][] = [];
  for (const path of paths) lists.push(readResourceList(await get(path)));
  return lists.flat();
}

/** A hub and all that can be sent to it. */
export class Arena {
  readonly target: Target;
  readonly world: World;
  readonly surfaces: readonly Surface[];

  private constructor(target: Target, world: World) {
    this.target = target;
    this.world = world;
    this.surfaces = surfacesOf(world);
  }

  static async open(layer: Layer, seed: number): Promise<Arena> {
    let resources: Resource[] = [];
    const options = {
      seed,
      prepare: async (target: Target): Promise<void> => {
        if (resources.length === 0) resources = await discover(target);
        await makeBase(target, resources);
      },
      isNamespaced: (group: string, plural: string): boolean | undefined =>
        resources.find((resource) => (resource.group || 'core') === group && resource.plural === plural)?.namespaced,
    };
    const target = layer === 'tls' ? await HubOverTls.start(options) : await HubInProcess.start(options);
    return new Arena(target, new World(resources));
  }

  close(): Promise<void> {
    return this.target.close();
  }
}

/** Creates the objects that there are at the start. @throws Error naming the first that can't be created */
async function makeBase(target: Target, resources: readonly Resource[]): Promise<void> {
  for (const input of baseInputs(resources)) {
    target.begin(input);
    const answer = await ask(target, input);
    // A hub that has started has some of the namespaces.
    if (answer.code !== 409)
      must(
        answer,
        `${input.target} ${joinParts(input.body ?? [])
          .toString()
          .slice(0, 300)}`,
      );
    target.faults(answer.code);
  }
}

/** Runs the inputs of a seed; resolves with what was found, and never throws for it. */
export async function runFuzz({
  layer,
  seed,
  inputs,
  only,
  onInput,
  onFault,
  onResult,
}: RunOptions): Promise<RunResult> {
  const arena = await Arena.open(layer, seed);
  const { target } = arena;
  const driver = new Driver({ maxCpuMs, onInput, onFault }, target);
  const surfaces = arena.surfaces.filter(({ name }) => only.length === 0 || only.includes(name));
  if (surfaces.length === 0)
    throw new Error(
      `there is no surface ${only.join(', ')}, only ${arena.surfaces.map(({ name }) => name).join(', ')}`,
    );
  const random = createSeededRandom(seed);
  const early = { bytes: 0, atInputs: inputs / 4 };
  try {
    for (let chunk = 1; driver.figures.inputs < inputs; chunk += 1) {
      const surface = drawSurface(surfaces, random.fraction());
      await driver.run(surface, Math.floor(random.fraction() * largestSeed), surface.chunk);
      if (chunk % chunksPerReset !== 0) continue;
      await driver.reset();
      onResult(resultOf(driver, { early: 0, late: 0 }));
      if (early.bytes === 0 && driver.figures.inputs >= early.atInputs) early.bytes = heldBytes(target);
    }
    await driver.reset();
    const late = heldBytes(target);
    const result = resultOf(driver, { early: early.bytes, late });
    return {
      ...result,
      failures: [...result.failures, ...(await lastingProblems(arena, early.bytes, late)).map(lasting)],
    };
  } finally {
    await arena.close();
  }
}

function resultOf({ figures, failures }: Driver, memoryBytes: RunResult['memoryBytes']): RunResult {
  return { figures, failures: [...failures.values()], memoryBytes };
}

function lasting(problem: string): Failure {
  return { fault: problem, problem, count: 1, input: noInput };
}

function drawSurface(surfaces: readonly Surface[], fraction: number): Surface {
  let rest = fraction * surfaces.reduce((sum, { weight }) => sum + weight, 0);
  for (const surface of surfaces) {
    rest -= surface.weight;
    if (rest < 0) return surface;
  }
  return surfaces[0] as Surface;
}

/** What has to hold over a whole run: memory, metrics, and what is stored. */
async function lastingProblems({ target, world }: Arena, early: number, late: number): Promise<string[]> {
  const problems: string[] = [];
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  if (early > 0 && late - early > maxGrowthBytes)
    problems.push(`memory grew from ${megabytes(early)} to ${megabytes(late)}`);
  const metrics = must(await ask(target, { method: 'GET', target: '/metrics' }), '/metrics').toString();
  const series = metrics.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  const most = world.resources.length * maxSeriesPerResource;
  if (series > most) problems.push(`metrics: ${series} series, at most ${most} expected: clients make new ones`);
  if (target instanceof HubOverTls)
    problems.push(...(await target.storedProblems()).map((problem) => `store: ${problem}`));
  return problems;
}

/** Memory of the hub, without what is to be collected where this process can see to that. */
function heldBytes(target: Target): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return target.memoryBytes();
}
