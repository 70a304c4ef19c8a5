// A device of a rig: what is known of it and where its files lie. Each has a
// directory RIG/devices/NAME with its disk, console, sockets and description.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardName } from '../../firmware-images/manifest.ts';
import { CommandError } from '../errors.ts';
import { maximumSocketPathBytes } from './limits.ts';

/** How the device's network is. */
export type LinkState = {
  /** The cable is out. */
  cut: boolean;
  /** Of the way to the hub, each direction. */
  bytesPerSecond?: number;
  /** Of the way to the hub, each direction. */
  delayMs?: number;
};

export type RigDevice = {
  name: string;
  board: BoardName;
  memoryMib: number;
  cpus: number;
  /** Port of loopback that leads to the hub; the device reaches it as 10.0.2.2. */
  linkPort: number;
  /** Port of loopback that leads to the device's port 22. */
  sshPort: number;
  hub: { host: string; port: number };
  /** Kubeconfig of the hub, when it is on this machine. */
  kubeconfig?: string;
  link: LinkState;
  /** Where the clock stands at each start (YYYY-MM-DDTHH:MM:SS, UTC); the time of this machine when undefined. */
  clock?: string;
};

/** Files of a device. */
export type DevicePaths = Record<
  | 'directory'
  | 'description'
  | 'disk'
  | 'diskSocket'
  | 'diskPid'
  | 'console'
  | 'consoleSocket'
  | 'monitorSocket'
  | 'machinePid'
  | 'bootFiles'
  | 'knownHosts',
  string
>;

export function devicePaths(rigDirectory: string, name: string): DevicePaths {
  const directory = join(rigDirectory, 'devices', name);
  return {
    directory,
    description: join(directory, 'device.json'),
    disk: join(directory, 'disk.img'),
    diskSocket: join(directory, 'disk.sock'),
    diskPid: join(directory, 'disk.pid'),
    console: join(directory, 'console.log'),
    consoleSocket: join(directory, 'console.sock'),
    monitorSocket: join(directory, 'monitor.sock'),
    machinePid: join(directory, 'machine.pid'),
    bootFiles: join(directory, 'boot'),
    knownHosts: join(directory, 'known_hosts'),
  };
}

/** Files that all devices of a rig share. */
export function rigPaths(
  rigDirectory: string,
): Record<'devices' | 'key' | 'linkSocket' | 'linkPid' | 'linkLog', string> {
  return {
    devices: join(rigDirectory, 'devices'),
    key: join(rigDirectory, 'id_ed25519'),
    linkSocket: join(rigDirectory, 'link.sock'),
    linkPid: join(rigDirectory, 'link.pid'),
    linkLog: join(rigDirectory, 'link.log'),
  };
}

/** Why sockets in this directory can't be made, or undefined. */
export function pathProblem(rigDirectory: string, name: string): string | undefined {
  const longest = Buffer.byteLength(devicePaths(rigDirectory, name).monitorSocket);
  if (longest <= maximumSocketPathBytes) return undefined;
  return `--rig-dir: expected a path that is ${longest - maximumSocketPathBytes} bytes shorter, for the sockets in it`;
}

/** In the order of their names, numbers as numbers. */
export function listDevices(rigDirectory: string): RigDevice[] {
  const { devices } = rigPaths(rigDirectory);
  if (!existsSync(devices)) return [];
  return readdirSync(devices)
    .filter((name) => existsSync(devicePaths(rigDirectory, name).description))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => readDevice(rigDirectory, name));
}

/** @throws CommandError when there is no such device */
export function readDevice(rigDirectory: string, name: string): RigDevice {
  const { description } = devicePaths(rigDirectory, name);
  if (!existsSync(description)) throw new CommandError(`no device ${JSON.stringify(name)} in the rig ${rigDirectory}`);
  try {
    return JSON.parse(readFileSync(description, 'utf8')) as RigDevice;
  } catch (error) {
    throw new CommandError(`${description}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whole or not at all: the link's process reads it. */
export function writeDevice(rigDirectory: string, device: RigDevice): void {
  const { description } = devicePaths(rigDirectory, device.name);
  writeFileSync(`${description}.new`, `${JSON.stringify(device, undefined, 2)}\n`);
  renameSync(`${description}.new`, description);
}
