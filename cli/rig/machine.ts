// From a device's description to the command lines of the programs that are it:
// QEMU, and nbdkit, which is its disk. Pure.
//
// The disk is the point at which a power cut must be honest. What QEMU writes to a
// file survives its death in this machine's page cache, flushed by the guest or
// not. So QEMU's disk is nbdkit with its cache filter, which keeps what is written
// until the guest flushes and only then hands it to the file: killed, it takes
// with it what a drive would have lost.
// https://libguestfs.org/nbdkit-cache-filter.1.html
import type { BoardName } from '../../firmware-images/manifest.ts';
import type { DevicePaths, RigDevice } from './device.ts';

/** What this machine can do. */
export type Host = {
  /** As process.arch has it. */
  architecture: string;
  /** /dev/kvm may be used. */
  kvm: boolean;
};

/** A file that a program of a rig needs, and the Debian package that has it. */
export type Requirement = { path: string; package: string };

type Machine = {
  program: string;
  package: string;
  firmware: Requirement;
  /** Host on which the processor need not be emulated. */
  native: string;
  type: string;
  cpu: string;
};

const arm64: Machine = {
  program: 'qemu-system-aarch64',
  package: 'qemu-system-arm',
  firmware: { path: '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd', package: 'qemu-efi-aarch64' },
  native: 'arm64',
  type: 'virt',
  cpu: 'cortex-a72',
};
const amd64: Machine = {
  program: 'qemu-system-x86_64',
  package: 'qemu-system-x86',
  firmware: { path: '/usr/share/ovmf/OVMF.fd', package: 'ovmf' },
  native: 'x64',
  type: 'q35',
  cpu: 'max',
};

const machines: Partial<Record<BoardName, Machine>> = {
  'qemu-arm64': arm64,
  'generic-arm64': arm64,
  'generic-amd64': amd64,
};

/** Boards that a rig emulates. */
export const rigBoards = Object.keys(machines) as BoardName[];

function machineOf(board: BoardName): Machine {
  const machine = machines[board];
  if (machine === undefined) throw new Error(`${board} is not emulated: one of ${rigBoards.join(', ')} is`);
  return machine;
}

/** Programs by name and files by path that a board's devices need. */
export function requirements(board: BoardName): { programs: Requirement[]; files: Requirement[] } {
  const { program, package: name, firmware } = machineOf(board);
  return {
    programs: [
      { path: program, package: name },
      { path: 'nbdkit', package: 'nbdkit' },
      { path: 'mcopy', package: 'mtools' },
      { path: 'ssh-keygen', package: 'openssh-client' },
    ],
    files: [firmware],
  };
}

/** In QEMU's options a comma ends a value unless it is doubled. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}

function accelerator(machine: Machine, { architecture, kvm }: Host): string[] {
  if (kvm && architecture === machine.native) return ['-accel', 'kvm', '-cpu', 'host'];
  // Without a limit QEMU keeps translated code of a gigabyte a device.
  return ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', machine.cpu];
}

/** @returns program and arguments of QEMU, which goes into the background when the machine runs */
export function machineCommand(
  device: RigDevice,
  paths: DevicePaths,
  host: Host,
): [program: string, ...args: string[]] {
  const machine = machineOf(device.board);
  const disk = {
    driver: 'nbd',
    'node-name': 'disk',
    server: { type: 'unix', path: paths.diskSocket },
  };
  const socket = `socket,server=on,wait=off,path=`;
  return [
    machine.program,
    ...['-name', `skerry-rig-${device.name}`, '-pidfile', paths.machinePid, '-daemonize'],
    ...['-nodefaults', '-display', 'none', '-M', machine.type, ...accelerator(machine, host)],
    ...['-m', String(device.memoryMib), '-smp', String(device.cpus), '-bios', machine.firmware.path],
    ...['-blockdev', JSON.stringify(disk), '-device', 'virtio-blk-pci,drive=disk,bootindex=0,write-cache=on'],
    ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${device.sshPort}-:22`],
    ...['-device', 'virtio-net-pci,netdev=net,id=nic,romfile=', '-device', 'virtio-rng-pci'],
    ...[
      '-chardev',
      `${socket}${escaped(paths.consoleSocket)},id=console,logfile=${escaped(paths.console)},logappend=on`,
    ],
    ...['-serial', 'chardev:console'],
    ...['-chardev', `${socket}${escaped(paths.monitorSocket)},id=monitor`, '-mon', 'chardev=monitor,mode=control'],
    ...(device.clock === undefined ? [] : ['-rtc', `base=${device.clock},clock=vm`]),
  ];
}

/** @returns program and arguments of the disk, which goes into the background when it can be connected to */
export function diskCommand(paths: DevicePaths): [program: string, ...args: string[]] {
  return [
    'nbdkit',
    // It ends when QEMU does; what was not flushed then is lost, as in a drive.
    ...['--unix', paths.diskSocket, '--pidfile', paths.diskPid, '--filter=exitlast', '--filter=cache'],
    ...['file', paths.disk, 'cache=writeback', 'cache-min-block-size=4096'],
  ];
}

/** @returns the arguments of ssh that come before a command for the device */
export function sshArguments(device: RigDevice, paths: DevicePaths, key: string): string[] {
  const options = {
    // The device's own key is made at its first start.
    StrictHostKeyChecking: 'accept-new',
    UserKnownHostsFile: paths.knownHosts,
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
    ConnectTimeout: '60',
  };
  const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', '-i', key, '-p', String(device.sshPort), ...words, 'root@127.0.0.1'];
}
