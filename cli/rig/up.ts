// Brings devices of a rig up: those that are there already are switched on, the
// others are made from the image, each with a configuration of its own.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import type { DeviceConfig } from '../../api/device/config.ts';
import type { BoardName } from '../../firmware-images/manifest.ts';
import { runTool } from '../../firmware-images/tools.ts';
import { CommandError } from '../errors.ts';
import type { Image } from '../flash/image.ts';
import { devicePaths, listDevices, type RigDevice, rigPaths, writeDevice } from './device.ts';
import { freePorts, makeDisk } from './disk.ts';

/** Under which a guest of QEMU's user network reaches this machine's loopback. */
export const guestsHost = '10.0.2.2';
const gibibyte = 2 ** 30;

export type NewDevices = {
  board: BoardName;
  memoryMib: number;
  cpus: number;
  diskGib: number;
  hub: { host: string; port: number };
  kubeconfig: string | undefined;
  clock: string | undefined;
};

/** @throws CommandError when a device is there and for another board */
export function missingNames(rigDirectory: string, names: readonly string[], board: BoardName): string[] {
  const devices = new Map(listDevices(rigDirectory).map((device) => [device.name, device]));
  for (const name of names) {
    const found = devices.get(name)?.board;
    if (found !== undefined && found !== board)
      throw new CommandError(`${name} is a device of board ${found}, not ${board}`);
  }
  return names.filter((name) => !devices.has(name));
}

/** The key with which the rig's owner gets into its devices; @returns its public line */
async function ownKey(rigDirectory: string): Promise<string> {
  const { key } = rigPaths(rigDirectory);
  if (!existsSync(key)) await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'skerry-rig', '-f', key]);
  return readFileSync(`${key}.pub`, 'utf8').trim();
}

/** Makes devices with their disks; the description comes last, and without it there is no device. */
export async function makeDevices(
  rigDirectory: string,
  names: readonly string[],
  { image, token, options }: { image: Image; token: string; options: NewDevices },
): Promise<RigDevice[]> {
  mkdirSync(rigPaths(rigDirectory).devices, { recursive: true });
  // Keys and tokens of devices are in it.
  chmodSync(rigDirectory, 0o700);
  const key = await ownKey(rigDirectory);
  const ports = await freePorts(2 * names.length);
  const { board, memoryMib, cpus, hub, kubeconfig, clock, diskGib } = options;
  const made: RigDevice[] = [];
  for (const [index, name] of names.entries()) {
    const paths = devicePaths(rigDirectory, name);
    const [linkPort = 0, sshPort = 0] = ports.slice(2 * index);
    rmSync(paths.directory, { recursive: true, force: true });
    mkdirSync(paths.directory);
    const config: DeviceConfig = { hub: `mqtts://${guestsHost}:${linkPort}`, token, name, sshKeys: [key] };
    await makeDisk(image, config, paths.disk, diskGib * gibibyte);
    const known = { name, board, memoryMib, cpus, linkPort, sshPort, hub, link: { cut: false } };
    const device: RigDevice = { ...known, ...(kubeconfig && { kubeconfig }), ...(clock && { clock }) };
    writeDevice(rigDirectory, device);
    made.push(device);
  }
  return made;
}
