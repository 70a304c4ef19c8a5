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
import type { PiBootFiles } from './pi-firmware.ts';

/** What this machine can do. */
export type Host = {
  /** As process.arch has it. */
  architecture: string;
  /** /dev/kvm may be used. */
  kvm: boolean;
};

/** A file that a program of a rig needs, and the Debian package that has it. */
export type Requirement = { path: string; package: string };

/** Has UEFI, and its devices on PCI Express. */
type UefiMachine = {
  kind: 'uefi';
  program: string;
  package: string;
  firmware: Requirement;
  /** Host on which the processor need not be emulated. */
  native: string;
  type: string;
  cpu: string;
};
/** A Raspberry Pi: what it has is what the model has. Its firmware is not run (see pi-firmware.ts). */
type PiMachine = {
  kind: 'pi';
  program: string;
  package: string;
  type: string;
  deviceTree: string;
  /** What programs write to, and which of the two serial ports that is. */
  console: { name: string; port: 0 | 1 };
};

const arm64: UefiMachine = {
  kind: 'uefi',
  program: 'qemu-system-aarch64',
  package: 'qemu-system-arm',
  firmware: { path: '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd', package: 'qemu-efi-aarch64' },
  native: 'arm64',
  type: 'virt',
  cpu: 'cortex-a72',
};
const amd64: UefiMachine = {
  kind: 'uefi',
  program: 'qemu-system-x86_64',
  package: 'qemu-system-x86',
  firmware: { path: '/usr/share/ovmf/OVMF.fd', package: 'ovmf' },
  native: 'x64',
  type: 'q35',
  cpu: 'max',
};

const raspi3b: PiMachine = {
  kind: 'pi',
  program: 'qemu-system-aarch64',
  package: 'qemu-system-arm',
  type: 'raspi3b',
  deviceTree: 'bcm2837-rpi-3-b.dtb',
  console: { name: 'ttyS1', port: 1 },
};
const raspi2b: PiMachine = {
  kind: 'pi',
  program: 'qemu-system-arm',
  package: 'qemu-system-arm',
  type: 'raspi2b',
  deviceTree: 'bcm2836-rpi-2-b.dtb',
  console: { name: 'ttyAMA0', port: 0 },
};

const machines: Record<BoardName, UefiMachine | PiMachine> = {
  'qemu-arm64': arm64,
  'generic-arm64': arm64,
  'generic-amd64': amd64,
  'rpi-arm64': raspi3b,
  'rpi-armhf': raspi2b,
};

/**
 * What a board's emulator leaves out or gets wrong: its watchdog resets the machine when it is started, and its only
 * network, a device on USB, has the identifier of an old one with another protocol (cdc_subset).
 */
const piBlacklist = 'module_blacklist=bcm2835_wdt,cdc_subset';
/** Of models 2 and 3. */
const piSize = { memoryMib: 1024, cpus: 4 };

/** Memory and processors of a board whose emulator has no choice of them. */
export function fixedSize(board: BoardName): { memoryMib: number; cpus: number } | undefined {
  return machines[board].kind === 'pi' ? piSize : undefined;
}

/** Whether a board has a clock that runs while it is off. */
export function hasClock(board: BoardName): boolean {
  return machines[board].kind !== 'pi';
}

/** Name of the device tree of a board that is started without its firmware. */
export function deviceTreeOf(board: BoardName): string | undefined {
  const machine = machines[board];
  return machine.kind === 'pi' ? machine.deviceTree : undefined;
}

/** Programs by name and files by path that a board's devices need. */
export function requirements(board: BoardName): { programs: Requirement[]; files: Requirement[] } {
  const machine = machines[board];
  const { program, package: name } = machine;
  return {
    programs: [
      { path: program, package: name },
      { path: 'nbdkit', package: 'nbdkit' },
      { path: 'mcopy', package: 'mtools' },
      { path: 'ssh-keygen', package: 'openssh-client' },
    ],
    files: machine.kind === 'uefi' ? [machine.firmware] : [],
  };
}

/** In QEMU's options a comma ends a value unless it is doubled. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}

function accelerator(machine: UefiMachine, { architecture, kvm }: Host): string[] {
  if (kvm && architecture === machine.native) return ['-accel', 'kvm', '-cpu', 'host'];
  // Without a limit QEMU keeps translated code of a gigabyte a device.
  return ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', machine.cpu];
}

function uefiArguments(machine: UefiMachine, device: RigDevice, paths: DevicePaths, host: Host): string[] {
  const disk = {
    driver: 'nbd',
    'node-name': 'disk',
    server: { type: 'unix', path: paths.diskSocket },
  };
  return [
    ...['-M', machine.type, ...accelerator(machine, host)],
    ...['-m', String(device.memoryMib), '-smp', String(device.cpus), '-bios', machine.firmware.path],
    ...['-blockdev', JSON.stringify(disk), '-device', 'virtio-blk-pci,drive=disk,bootindex=0,write-cache=on'],
    ...['-device', 'virtio-net-pci,netdev=net,id=nic,romfile=', '-device', 'virtio-rng-pci'],
    ...['-serial', 'chardev:console'],
    ...(device.clock === undefined ? [] : ['-rtc', `base=${device.clock},clock=vm`]),
  ];
}

function piArguments(machine: PiMachine, paths: DevicePaths, boot: PiBootFiles): string[] {
  const { name, port } = machine.console;
  const disk = `file.driver=nbd,file.server.type=unix,file.server.path=${escaped(paths.diskSocket)}`;
  return [
    ...['-M', machine.type, '-accel', 'tcg,thread=multi,tb-size=256'],
    ...['-kernel', boot.kernel, '-initrd', boot.initramfs, '-dtb', boot.deviceTree],
    ...['-append', `${boot.commandLine} console=${name},115200 ${piBlacklist}`],
    ...['-drive', `if=sd,format=raw,cache=writeback,${disk}`],
    ...['-device', 'usb-net,netdev=net,id=nic'],
    ...[0, 1].flatMap((each) => ['-serial', each === port ? 'chardev:console' : 'null']),
  ];
}

function required(boot: PiBootFiles | undefined): PiBootFiles {
  if (boot === undefined) throw new Error('a board without its firmware is started with files of its card');
  return boot;
}

/**
 * @param boot what a board without its firmware is started with
 * @returns program and arguments of QEMU, which goes into the background when the machine runs
 */
export function machineCommand(
  device: RigDevice,
  paths: DevicePaths,
  host: Host,
  boot?: PiBootFiles,
): [program: string, ...args: string[]] {
  const machine = machines[device.board];
  const own =
    machine.kind === 'uefi' ? uefiArguments(machine, device, paths, host) : piArguments(machine, paths, required(boot));
  const socket = `socket,server=on,wait=off,path=`;
  return [
    machine.program,
    ...['-name', `skerry-rig-${device.name}`, '-pidfile', paths.machinePid, '-daemonize'],
    ...['-nodefaults', '-display', 'none'],
    ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${device.sshPort}-:22`],
    ...[
      '-chardev',
      `${socket}${escaped(paths.consoleSocket)},id=console,logfile=${escaped(paths.console)},logappend=on`,
    ],
    ...own,
    ...['-chardev', `${socket}${escaped(paths.monitorSocket)},id=monitor`, '-mon', 'chardev=monitor,mode=control'],
  ];
}

/** @returns program and arguments of the disk, which goes into the background when it can be connected to */
export function diskCommand(board: BoardName, paths: DevicePaths): [program: string, ...args: string[]] {
  // QEMU's cards are never told to flush, as real ones: what one has acknowledged, it has.
  const isCard = machines[board].kind === 'pi';
  const cache = isCard ? [] : ['cache=writeback', 'cache-min-block-size=4096'];
  return [
    // Or it would be in the group of whoever starts it, and end by the Ctrl-C that is meant for the command.
    'setsid',
    'nbdkit',
    // It ends when QEMU does; what was not flushed then is lost, as in a drive.
    ...['--unix', paths.diskSocket, '--pidfile', paths.diskPid, '--filter=exitlast'],
    ...(isCard ? [] : ['--filter=cache']),
    ...['file', paths.disk, ...cache],
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
    ConnectTimeout: '180',
  };
  const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', '-i', key, '-p', String(device.sshPort), ...words, 'root@127.0.0.1'];
}
