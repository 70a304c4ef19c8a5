// Switches devices of a rig on and off, as a hand at the plug does, and pulls and
// plugs their network cable.
import { chmodSync, rmSync } from 'node:fs';
import { runTool } from '../../firmware-images/tools.ts';
import { CommandError } from '../errors.ts';
import { type DevicePaths, devicePaths, type RigDevice, writeDevice } from './device.ts';
import { startTimeoutMs } from './limits.ts';
import { updateLinks } from './link-control.ts';
import { deviceTreeOf, diskCommand, type Host, machineCommand } from './machine.ts';
import { callMonitor } from './monitor.ts';
import { readPiBootFiles } from './pi-firmware.ts';
import { killProcesses, mayUseKvm, runningPid } from './processes.ts';

export function isOn(paths: DevicePaths): boolean {
  return runningPid(paths.machinePid) !== undefined;
}

/** Resolves when the program has gone into the background. */
async function start(
  [program, ...args]: [string, ...string[]],
  environment: Record<string, string> = {},
): Promise<void> {
  await runTool(program, args, { timeoutMs: startTimeoutMs, environment });
}

/** Switches it on; nothing happens when it is. @throws CommandError */
export async function powerOn(rigDirectory: string, device: RigDevice): Promise<void> {
  const paths = devicePaths(rigDirectory, device.name);
  if (isOn(paths)) return;
  await updateLinks(rigDirectory);
  await killProcesses([paths.diskPid]);
  for (const socket of [paths.diskSocket, paths.monitorSocket, paths.consoleSocket]) rmSync(socket, { force: true });
  // The cache of the disk is a file without a name beside it, and not in a /tmp that may be memory.
  await start(diskCommand(device.board, paths), { TMPDIR: paths.directory });
  const host: Host = { architecture: process.arch, kvm: mayUseKvm() };
  const tree = deviceTreeOf(device.board);
  try {
    const boot = tree === undefined ? undefined : await readPiBootFiles(paths.disk, tree, paths.bootFiles);
    await start(machineCommand(device, paths, host, boot));
  } catch (error) {
    await killProcesses([paths.diskPid]);
    const port = /host forwarding rule/.test((error as Error).message);
    if (port) throw new CommandError(`port ${device.sshPort} of ${device.name}'s ssh is in use by another program`);
    throw error;
  }
  // Whoever can write to these is the device's master.
  for (const socket of [paths.monitorSocket, paths.consoleSocket]) chmodSync(socket, 0o600);
  if (device.link.cut) await setCable(paths, false);
}

/** Takes its power: the disk first, so that nothing is written that the device had not flushed. */
export async function cutPower(rigDirectory: string, name: string): Promise<void> {
  const paths = devicePaths(rigDirectory, name);
  await killProcesses([paths.diskPid, paths.machinePid]);
}

async function setCable(paths: DevicePaths, up: boolean): Promise<void> {
  await callMonitor(paths.monitorSocket, 'set_link', { name: 'nic', up });
}

/** Pulls the network cable, or plugs it in. It stays so over power cuts. */
export async function setLinkCut(rigDirectory: string, device: RigDevice, cut: boolean): Promise<void> {
  const paths = devicePaths(rigDirectory, device.name);
  writeDevice(rigDirectory, { ...device, link: { ...device.link, cut } });
  if (isOn(paths)) await setCable(paths, !cut);
}

/** As the reset button: the disk keeps its power. @throws CommandError when it is off */
export async function reset(rigDirectory: string, name: string): Promise<void> {
  const paths = devicePaths(rigDirectory, name);
  if (!isOn(paths)) throw new CommandError(`${name} is off`);
  await callMonitor(paths.monitorSocket, 'system_reset');
}
