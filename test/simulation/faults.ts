// What breaks in the simulation, and how it mends.
import type { Random } from '../../platform/random.ts';
import type { VirtualClock } from '../../platform/virtual-clock.ts';
import type { Device } from './device.ts';
import type { SimulatedNetwork } from './network.ts';
import { lateImages } from './programs.ts';

type Fault = (random: Random) => string | Promise<string>;

const hourMs = 3_600_000;

/** What faults change; the simulation implements it. */
type World = {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly devices: Device[];
  readonly hubIsUp: boolean;
  hubOffsetMs: number;
  killHub(isSilent: boolean): Promise<void>;
  startHub(): void;
};

export class Faults {
  #world: World;
  #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** One thing breaks or mends; says what. */
  async step(): Promise<string> {
    const kinds: Fault[] = [
      () => this.#cut(),
      () => this.#cut(),
      () => this.#heal(),
      () => this.#heal(),
      () => this.#resetLink(),
      () => this.#agent(),
      () => this.#agent(),
      () => this.#reboot(),
      () => this.#hub(),
      () => this.#hub(),
      () => this.#engine(),
      () => this.#engine(),
      () => this.#disk(),
      () => this.#disk(),
      () => this.#jump(),
      () => this.#crashContainer(),
      () => this.#crashContainer(),
      () => this.#sickenContainer(),
      () => this.#sickenContainer(),
    ];
    return this.#pick(kinds)(this.#random);
  }

  /** Everything is as it should be, for good. */
  async mend(): Promise<void> {
    const { devices, network } = this.#world;
    this.#disturbLinks();
    for (const device of devices) {
      device.disturbedMs = this.#world.clock.monotonicMs();
      network.heal(device.name);
      device.disk.full = false;
      device.engine.setAvailable(true);
      for (const [image, delayMs] of lateImages) device.engine.registry.set(image, delayMs);
      if (device.process === undefined) device.startAgent();
    }
    if (!this.#world.hubIsUp) {
      await this.#world.killHub(false);
      this.#world.startHub();
    }
  }

  #cut(): string {
    const { name } = this.#distantDevice();
    const style = this.#isLikely(0.5) ? 'silent' : 'closed';
    this.#world.network.cut(name, style);
    return `${name} is cut off, ${style}`;
  }

  #heal(): string {
    const { name } = this.#distantDevice();
    this.#world.network.heal(name);
    return `${name} has a network`;
  }

  #resetLink(): string {
    const { name } = this.#distantDevice();
    this.#world.network.reset(name);
    return `the link of ${name} breaks`;
  }

  #agent(): string {
    const device = this.#device();
    if (device.process === undefined) {
      device.startAgent();
      return `the agent of ${device.name} starts`;
    }
    device.killAgent(false);
    if (this.#isLikely(0.4)) return `the agent of ${device.name} is killed`;
    device.startAgent();
    return `the agent of ${device.name} is killed and starts again`;
  }

  #reboot(): string {
    const device = this.#device();
    device.reboot();
    device.startAgent();
    return `${device.name} reboots`;
  }

  async #hub(): Promise<string> {
    this.#disturbLinks();
    if (!this.#world.hubIsUp) {
      await this.#world.killHub(false);
      this.#world.startHub();
      return 'the hub starts';
    }
    const isSilent = this.#isLikely(0.3);
    await this.#world.killHub(isSilent);
    if (this.#isLikely(0.4)) return `the hub is killed${isSilent ? ' silently' : ''}`;
    this.#world.startHub();
    return `the hub is killed${isSilent ? ' silently' : ''} and starts again`;
  }

  #engine(): string {
    const device = this.#device();
    device.engine.setAvailable(!device.engine.available);
    return `the engine of ${device.name} ${device.engine.available ? 'answers' : 'does not answer'}`;
  }

  #disk(): string {
    const device = this.#device();
    device.disk.full = !device.disk.full;
    return `the disk of ${device.name} ${device.disk.full ? 'is full' : 'has space'}`;
  }

  #jump(): string {
    const deltaMs = Math.round((this.#random.fraction() - 0.5) * (this.#isLikely(0.3) ? 1e9 : 1) * hourMs);
    if (this.#isLikely(0.2)) {
      // The hub's clock is people's: it is set by minutes, not by decades.
      const smallMs = Math.round(deltaMs % 600_000);
      this.#world.hubOffsetMs += smallMs;
      return `the hub's wall clock jumps by ${smallMs} ms`;
    }
    const device = this.#device();
    const wallMs = this.#world.clock.nowMs() + device.wallOffsetMs + deltaMs;
    // A device without a clock boots in 1970, not before.
    device.wallOffsetMs += wallMs < 0 || wallMs > 4e12 ? -(this.#world.clock.nowMs() + device.wallOffsetMs) : deltaMs;
    return `the wall clock of ${device.name} jumps to ${this.#world.clock.nowMs() + device.wallOffsetMs}`;
  }

  #crashContainer(): string {
    const device = this.#device();
    const running = device.engine.containers().filter(({ state }) => state === 'running');
    if (running.length === 0) return `nothing runs on ${device.name}`;
    const container = this.#pick(running);
    device.engine.crash(container.id, 1);
    return `${device.name}: ${container.podName}/${container.containerName || 'sandbox'} crashes`;
  }

  /** A program hangs: only its liveness probe can tell. */
  #sickenContainer(): string {
    const device = this.#pick(this.#world.devices);
    const running = device.engine.containers().filter(({ state, role }) => state === 'running' && role === 'container');
    if (running.length === 0) return `nothing runs on ${device.name}`;
    const container = this.#pick(running);
    device.engine.sicken(container.id);
    return `${device.name}: ${container.podName}/${container.containerName} hangs`;
  }

  /** The device that something happens to now. */
  #device(): Device {
    const device = this.#pick(this.#world.devices);
    device.disturbedMs = this.#world.clock.monotonicMs();
    return device;
  }

  /** The device whose network something happens to now. */
  #distantDevice(): Device {
    const device = this.#pick(this.#world.devices);
    device.linkDisturbedMs = this.#world.clock.monotonicMs();
    return device;
  }

  #disturbLinks(): void {
    for (const device of this.#world.devices) device.linkDisturbedMs = this.#world.clock.monotonicMs();
  }

  #isLikely(chance: number): boolean {
    return this.#random.fraction() < chance;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.fraction() * items.length)] as T;
  }
}
