// Runs the runtime's contract against the simulated engine and the real one of
// this machine: Docker, or Podman where a test run is told of one.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { DockerRuntime } from '../../agent/runtime/docker/docker-runtime.ts';
import { SimulatedEngine } from '../../agent/runtime/simulated/simulated-engine.ts';
import { SimulatedRuntime } from '../../agent/runtime/simulated/simulated-runtime.ts';
import { createSystemClock } from '../../platform/clock.ts';
import { createSystemDisk } from '../../platform/disk.ts';
import { connectInNamespace, connectTo } from '../../platform/net.ts';
import { killProcess, readHostFacts } from '../../platform/process.ts';
import { containersOf, engineSocket, ensureImages, images, isPodman, networksOf } from '../support/engine.ts';
import { behaviourOfProgram } from './runtime-programs.ts';
import { runtimeContract } from './runtime-suite.ts';

const clock = createSystemClock();
const disk = createSystemDisk();

runtimeContract('simulated runtime', async () => {
  const engine = new SimulatedEngine({ behaviourOf: behaviourOfProgram, images: ['shell:1'] }, { clock });
  const dead = new SimulatedEngine({}, { clock });
  dead.setAvailable(false);
  const latencyMs = (): number => 2;
  return {
    open: (instance) => new SimulatedRuntime({ instance, latencyMs }, { engine, clock }),
    openDead: () => new SimulatedRuntime({ instance: 'dead', latencyMs }, { engine: dead, clock }),
    image: 'shell:1',
    missingImage: 'missing:1',
    keptLogLines: 15_000,
    splitsLines: false,
    cidrs: ['10.1.1.0/24', '10.1.2.0/24'],
    close: async () => undefined,
  };
});

const opened = new Set<string>();

runtimeContract(`${isPodman ? 'podman' : 'docker'} runtime`, async () => {
  await ensureImages();
  const { architecture } = readHostFacts();
  // Out of the way of other tests and clusters of this machine.
  const third = 2 * (process.pid % 120);
  const open = (instance: string, socketPath = engineSocket): DockerRuntime => {
    opened.add(instance);
    return new DockerRuntime(
      { socketPath, nodeName: 'contract', instance, architecture },
      { clock, disk, connectTo, connectInNamespace, killProcess },
    );
  };
  return {
    open,
    openDead: () => open('dead', '/nonexistent/docker.sock'),
    image: images.one,
    missingImage: 'skerry-test/missing:1',
    // Docker keeps three files, Podman one.
    keptLogLines: isPodman ? 2000 : 15_000,
    splitsLines: isPodman,
    cidrs: [`10.254.${third}.0/24`, `10.254.${third + 1}.0/24`],
    close: async () => undefined,
  };
});

after(async () => {
  for (const instance of opened) {
    assert.deepEqual(await containersOf(instance), [], `containers of ${instance} are left`);
    assert.deepEqual(await networksOf(instance), [], `networks of ${instance} are left`);
  }
});
