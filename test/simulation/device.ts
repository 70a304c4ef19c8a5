// A device of the simulation: disk, container engine and a wall clock that may
// be wrong, which outlive the agent that runs on it.
import { Agent } from '../../agent/agent.ts';
import type { DeviceReadings } from '../../agent/doctor/readings.ts';
import type { Runtime } from '../../agent/runtime/runtime.ts';
import { SimulatedEngine } from '../../agent/runtime/simulated/simulated-engine.ts';
import { SimulatedRuntime } from '../../agent/runtime/simulated/simulated-runtime.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import { createMemoryLog } from '../../platform/log.ts';
import type { HostFacts } from '../../platform/process.ts';
import { createSeededRandom, type Random } from '../../platform/random.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { behaviourOf, images, registry } from './programs.ts';

export const dataDirectory = '/var/lib/skerry';

export type DeviceParts = {
  clock: Clock;
  random: Random;
  network: SimulatedNetwork;
  log: string[];
  /** Puts a planted bug around what the agent is given. */
  spoil: { disk: (disk: Disk) => Disk; runtime: (runtime: Runtime) => Runtime };
};

const nothingOpened = (): Promise<never> => Promise.reject(new Error('nothing is opened into containers here'));
const noStreams = { exec: nothingOpened, attach: nothingOpened, connect: nothingOpened, usage: nothingOpened };

/** A board that tells nothing of itself. */
const quietDevice: DeviceReadings = {
  uptimeSeconds: undefined,
  power: undefined,
  temperatures: [],
  disks: [],
  ext4: [],
  mounts: [],
  directory: dataDirectory,
  space: undefined,
  memory: undefined,
};

export class Device {
  readonly name: string;
  readonly disk = new VirtualDisk();
  readonly engine: SimulatedEngine;
  wallOffsetMs = 0;
  /** Monotonic time of the last fault on the device, and of the last one between it and the hub. */
  disturbedMs = 0;
  linkDisturbedMs = 0;
  process: SimulatedProcess | undefined;
  #parts: DeviceParts;
  #boots = 1;
  #index: number;

  constructor(index: number, parts: DeviceParts) {
    this.#index = index;
    this.name = `node-${index}`;
    this.#parts = parts;
    const machine = new SimulatedProcess(parts.clock, () => this.wallOffsetMs);
    this.engine = new SimulatedEngine({ behaviourOf, images, registry }, { clock: machine.clock });
  }

  startAgent(): void {
    const { clock, random, network, log, spoil } = this.#parts;
    const process = new SimulatedProcess(clock, () => this.wallOffsetMs);
    this.process = process;
    const latencyMs = (): number => random.fraction() * 40;
    const runtime = new SimulatedRuntime({ instance: this.name, latencyMs }, { engine: this.engine, clock });
    const agent = new Agent(
      { nodeName: this.name, version: '0.0.0', dataDirectory, statusIntervalMs: 20_000 },
      {
        clock: process.clock,
        random: createSeededRandom(Math.floor(random.fraction() * 2 ** 32)),
        disk: spoil.disk(process.gate(this.disk, { write: () => random.fraction() * 20 })),
        log: createMemoryLog(log, `${this.name} `),
        runtime: spoil.runtime(process.gate(runtime)),
        streams: noStreams,
        readHostUsage: () => ({ busyMs: 0, memoryBytes: 0 }),
        readDevice: async () => ({ device: quietDevice, floorMs: 0 }),
        facts: () => this.#facts(),
        httpStatus: async () => 200,
        tcpReachable: async () => undefined,
        connect: () => process.guard(() => network.connect(this.name, process)),
      },
    );
    void agent.start(process.signal);
  }

  /** kill -9, or with `isSilent` a power cut of which the network hears nothing. */
  killAgent(isSilent: boolean): void {
    this.process?.kill();
    this.process = undefined;
    this.#parts.network.agentGone(this.name, isSilent);
  }

  reboot(): void {
    this.killAgent(true);
    this.engine.reboot();
    this.#boots += 1;
  }

  #facts(): HostFacts {
    return {
      hostname: this.name,
      architecture: 'arm64',
      kernelVersion: '6.1.0',
      osImage: 'Simulated',
      machineId: `machine-${this.#index}`,
      bootId: `boot-${this.#index}-${this.#boots}`,
      cpuCount: 4,
      memoryBytes: 4 * 2 ** 30,
      addresses: [`192.0.2.${this.#index}`],
    };
  }
}
