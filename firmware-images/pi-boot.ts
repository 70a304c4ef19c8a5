// The boot partitions of a Raspberry Pi, as its firmware reads them: `boot` says which
// slot is started (and has skerry.yaml), `boot-a` has slot a's firmware, kernel,
// initramfs, device trees and command line.
// https://www.raspberrypi.com/documentation/computers/config_txt.html
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PiBoot } from './boards.ts';
import type { SlotFiles } from './grub-boot.ts';

const firmwareFolder = 'usr/lib/raspi-firmware';
/**
 * Models up to 3 and Zero 2 W have no boot loader of their own: their ROM reads it from the first FAT partition. It
 * takes autoboot.txt there, and what follows from the partition that this names.
 */
const firstStage = 'bootcode.bin';
/** start.elf serves models up to 3, start4.elf model 4; a model 5 has it in its EEPROM. */
const secondStages = { older: ['start.elf', 'fixup.dat'], four: ['start4.elf', 'fixup4.dat'] };
/** The firmware stops reading autoboot.txt there; and one sector is written whole or not at all. */
const maximumAutobootBytes = 512;
/** A command line is one line, of less than what an ARM kernel takes. */
const maximumCommandLineBytes = 1024;

export type PiSlot = 'a' | 'b';
export type PartitionNumbers = Readonly<Record<string, number>>;

/**
 * Which of the slots' partitions is started, and which one by the flag `tryboot`. Both texts have the same length:
 * the file is rewritten in place (files/pi/boot-state, which writes the same text).
 */
export function autobootText(active: PiSlot, numbers: PartitionNumbers): string {
  const other = active === 'a' ? 'b' : 'a';
  const text = [
    '[all]',
    'tryboot_a_b=1',
    `boot_partition=${numbers[`boot-${active}`]}`,
    '[tryboot]',
    `boot_partition=${numbers[`boot-${other}`]}`,
    '',
  ].join('\n');
  if (text.length > maximumAutobootBytes) throw new Error(`autoboot.txt has ${text.length} characters`);
  return text;
}

/** The slot's config.txt: which kernel is started, and how. */
export function configText(boot: PiBoot): string {
  return [
    '# Written by skerry image build. An update replaces this file.',
    `arm_64bit=${boot.wide ? 1 : 0}`,
    `kernel=${boot.kernelFile}`,
    'initramfs initrd followkernel',
    '# Device trees with the names of the mainline kernel.',
    'upstream_kernel=1',
    '# A steady clock for the serial console on pins 8 and 10.',
    'enable_uart=1',
    '# A model 5 would ask whether the kernel knows it.',
    'os_check=0',
    'disable_splash=1',
    'boot_delay=0',
    '',
  ].join('\n');
}

/** The slot's cmdline.txt. @throws Error when it is longer than a kernel takes */
export function commandLineText(given: readonly string[], slot: PiSlot, numbers: PartitionNumbers): string {
  const text = [...given, `skerry.slot=${slot}`, `skerry.partition=${numbers[`root-${slot}`]}`].join(' ');
  if (text.length > maximumCommandLineBytes) throw new Error(`the kernel's command line has ${text.length} characters`);
  return `${text}\n`;
}

export type PiDirectories = {
  /** Of the first partition. */
  boot: string;
  /** Of slot a's partition. */
  slot: string;
};

/** Lays the files of both partitions out. @throws Error naming a file that the packages should have and do not */
export function layOutPiBoot(
  directories: PiDirectories,
  boot: PiBoot,
  slot: SlotFiles,
  numbers: PartitionNumbers,
): void {
  mkdirSync(directories.boot, { recursive: true });
  mkdirSync(join(directories.slot, 'overlays'), { recursive: true });
  const firmware = (name: string): string => join(slot.bootFiles, firmwareFolder, name);
  copyFileSync(firmware(firstStage), join(directories.boot, firstStage));
  for (const name of boot.models.flatMap((model) => secondStages[model]))
    copyFileSync(firmware(name), join(directories.slot, name));
  const trees = { ...Object.fromEntries(boot.deviceTrees.map((name) => [name, name])), ...boot.otherDeviceTrees };
  for (const [name, source] of Object.entries(trees))
    copyFileSync(deviceTree(slot.deviceTrees, source), join(directories.slot, name));
  copyFileSync(slot.kernel, join(directories.slot, boot.kernelFile));
  copyFileSync(slot.initramfs, join(directories.slot, 'initrd'));
  writeFileSync(join(directories.slot, 'config.txt'), configText(boot));
  writeFileSync(join(directories.slot, 'cmdline.txt'), commandLineText(slot.arguments, 'a', numbers));
  writeFileSync(join(directories.boot, 'autoboot.txt'), autobootText('a', numbers));
}

/** Path of one of the kernel's device trees. @throws Error naming one that the kernel does not have */
function deviceTree(folder: string, name: string): string {
  // arm64 has a folder for each maker, armhf has none.
  const found = ['broadcom', ''].map((maker) => join(folder, maker, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the kernel's package has no device tree ${name}`);
  return found;
}
