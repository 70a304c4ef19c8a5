// The simulation over fifty seeds, its repeatability, and bugs planted to see
// that the invariants find them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContainerSpec, Runtime } from '../../agent/runtime/runtime.ts';
import { type Plant, Simulation, type SimulationResult } from './simulation.ts';

const seedCount = 50;
/** A planted bug has to show in one of this many seeds. */
const plantSeeds = 8;

function run(seed: number, plant?: Plant): Promise<SimulationResult> {
  return new Simulation({ seed, ...(plant === undefined ? {} : { plant }) }).run();
}

/** The part with some methods of its own replaced. */
function replacing<T extends object>(part: T, methods: Partial<T>): T {
  return new Proxy(part, {
    get: (target, name) => (name in methods ? methods[name as keyof T] : Reflect.get(target, name, target)),
  });
}

/** True for every n-th call. */
function everyNth(n: number): () => boolean {
  let count = 0;
  return () => {
    count += 1;
    return count % n === 0;
  };
}

describe('invariants hold', () => {
  for (let seed = 1; seed <= seedCount; seed += 1) {
    it(`seed ${seed}`, async () => {
      const { violations, trace } = await run(seed);
      assert.deepEqual(violations, [], `npm run sim -- ${seed}\n${trace.slice(-20).join('\n')}`);
    });
  }
});

it('the same seed gives the same steps, byte for byte', async () => {
  const [first, second, other] = [await run(7), await run(7), await run(8)];
  assert.equal(second.log.join('\n'), first.log.join('\n'));
  assert.equal(second.trace.join('\n'), first.trace.join('\n'));
  assert.notEqual(other.trace.join('\n'), first.trace.join('\n'));
});

const plants: Record<string, { plant: () => Plant; finds: RegExp }> = {
  'an acknowledged write is forgotten': {
    plant: () => {
      const isForgotten = everyNth(4);
      return {
        store: (store) =>
          replacing(store, {
            write: async (options) =>
              /\/(deployments|configmaps)\//.test(options.key) && isForgotten()
                ? store.revision()
                : store.write(options),
          }),
      };
    },
    finds: /was acknowledged/,
  },
  'a healthy container is stopped when its device reconnects': {
    plant: () => ({
      onLink: ({ engine }) => {
        const running = engine.containers().find(({ state, role }) => state === 'running' && role === 'container');
        if (running !== undefined) engine.stop(running.id, 1, () => undefined);
      },
    }),
    finds: /is healthy and desired, but was stopped/,
  },
  'a container is started twice': {
    plant: () => {
      const isDoubled = everyNth(5);
      return { runtime: (runtime) => doubling(runtime, isDoubled) };
    },
    finds: /started while .* of the same pod runs/,
  },
  'a stop is dropped': {
    plant: () => ({ runtime: (runtime) => replacing(runtime, { stop: async () => undefined }) }),
    finds: /was deleted and is still there|not at rest/,
  },
  'a resize is dropped': {
    plant: () => ({ runtime: (runtime) => replacing(runtime, { update: async () => undefined }) }),
    finds: /main has \{"cpuShares"|not at rest/,
  },
  'a resize starts the container anew': {
    plant: () => ({ runtime: (runtime) => replacing(runtime, { update: (id) => runtime.stop(id, 1) }) }),
    finds: /is healthy and desired, but was stopped/,
  },
  'a removed container stays': {
    plant: () => ({ runtime: (runtime) => replacing(runtime, { remove: async () => undefined }) }),
    finds: /was deleted and is still there|not at rest/,
  },
  'what is deleted stays on the disk': {
    plant: () => ({ disk: (disk) => replacing(disk, { remove: async () => undefined }) }),
    finds: /holds another slice than the hub|keeps files of pod/,
  },
  'a write to the disk is lost': {
    plant: () => {
      const isLost = everyNth(3);
      return {
        disk: (disk) =>
          replacing(disk, {
            write: async (path, content) => (isLost() ? undefined : disk.write(path, content)),
          }),
      };
    },
    finds: /holds another slice than the hub|file of config|not at rest/,
  },
  'exits are not noticed': {
    plant: () => ({ runtime: (runtime) => replacing(runtime, { watch: () => undefined }) }),
    finds: /ended and was not started again/,
  },
};

/** Now and then makes a second container beside the one that was asked for. */
function doubling(runtime: Runtime, isDoubled: () => boolean): Runtime {
  return replacing(runtime, {
    createContainer: async (spec: ContainerSpec) => {
      if (isDoubled() && spec.identity.role === 'container') {
        const attempt = spec.identity.attempt + 1;
        await runtime.start(await runtime.createContainer({ ...spec, identity: { ...spec.identity, attempt } }));
      }
      return runtime.createContainer(spec);
    },
  });
}

describe('planted bugs are found', () => {
  for (const [name, { plant, finds }] of Object.entries(plants)) {
    it(name, async () => {
      const seen: string[] = [];
      for (let seed = 1; seed <= plantSeeds; seed += 1) {
        const { violations } = await run(seed, plant());
        if (violations.some((violation) => finds.test(violation))) return;
        seen.push(...violations);
      }
      assert.fail(`not found in ${plantSeeds} seeds; seen: ${seen.join('\n')}`);
    });
  }
});
