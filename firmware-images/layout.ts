// Where the partitions of an image lie. Pure.
import type { Board } from './boards.ts';
import type { ImagePartition } from './manifest.ts';

export const sectorBytes = 512;
const mebibyte = 1 << 20;
const alignmentBytes = mebibyte;

export type LayoutSizes = {
  /** The partition with skerry.yaml; on boards with GRUB kernels and initramfs of both slots are there, too. */
  bootBytes: number;
  /** One slot's firmware, kernel and initramfs, on a Raspberry Pi. */
  slotBootBytes: number;
  /** One root slot. */
  rootBytes: number;
  /** At first; it grows on the device. */
  dataBytes: number;
};

export type LayoutPartition = ImagePartition & { number: number };
export type Layout = {
  partitions: LayoutPartition[];
  /** What holds the partitions from number 5 on, in an MBR. */
  extended?: { number: number; startBytes: number; bytes: number };
  bytes: number;
};

/** Room for an update that is larger than what it replaces. */
export const growthFactor = 1.5;

type Wanted = readonly [name: string, bytes: number, fileSystem: ImagePartition['fileSystem']];

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignmentBytes) * alignmentBytes;
}

/** Places partitions one behind the other, each after a gap. */
function place(wanted: readonly Wanted[], firstNumber: number, begin: number, gapBytes: number): LayoutPartition[] {
  let startBytes = begin;
  return wanted.map(([name, size, fileSystem], index) => {
    startBytes += gapBytes;
    const partition = { name, number: firstNumber + index, startBytes, bytes: aligned(size), fileSystem };
    startBytes += partition.bytes;
    return partition;
  });
}

function endOf(partitions: readonly LayoutPartition[]): number {
  const last = partitions.at(-1);
  return last === undefined ? 0 : last.startBytes + last.bytes;
}

/** Room for the backup of a GPT at the end. */
const tailBytes = mebibyte;

/** Boards with UEFI: GPT with boot, root-a, root-b, data. */
function grubLayout({ bootBytes, rootBytes, dataBytes }: LayoutSizes): Layout {
  const wanted: Wanted[] = [
    ['boot', bootBytes, 'fat'],
    ['root-a', rootBytes, 'squashfs'],
    ['root-b', rootBytes, 'raw'],
    ['data', dataBytes, 'ext4'],
  ];
  const partitions = place(wanted, 1, alignmentBytes, 0);
  return { partitions, bytes: endOf(partitions) + tailBytes };
}

/**
 * A Raspberry Pi, whose firmware reads an MBR and starts from its partitions 1 to 4 alone: boot, boot-a and boot-b are
 * among them, and an extended partition holds root-a, root-b and data, each behind the sector that describes it.
 * https://www.raspberrypi.com/documentation/computers/config_txt.html#autoboot-txt
 */
function piLayout({ bootBytes, slotBootBytes, rootBytes, dataBytes }: LayoutSizes): Layout {
  const primary: Wanted[] = [
    ['boot', bootBytes, 'fat'],
    ['boot-a', slotBootBytes, 'fat'],
    ['boot-b', slotBootBytes, 'raw'],
  ];
  const logical: Wanted[] = [
    ['root-a', rootBytes, 'squashfs'],
    ['root-b', rootBytes, 'raw'],
    ['data', dataBytes, 'ext4'],
  ];
  const first = place(primary, 1, alignmentBytes, 0);
  const startBytes = endOf(first);
  const second = place(logical, 5, startBytes, alignmentBytes);
  const bytes = endOf(second);
  return { partitions: [...first, ...second], extended: { number: 4, startBytes, bytes: bytes - startBytes }, bytes };
}

export function layoutOf(board: Board, sizes: LayoutSizes): Layout {
  return board.boot.kind === 'grub' ? grubLayout(sizes) : piLayout(sizes);
}

/** Numbers of a board's partitions, which do not depend on their sizes. */
export function partitionNumbers(board: Board): Record<string, number> {
  const { partitions, extended } = layoutOf(board, { bootBytes: 1, slotBootBytes: 1, rootBytes: 1, dataBytes: 1 });
  const numbers = Object.fromEntries(partitions.map(({ name, number }) => [name, number]));
  return extended === undefined ? numbers : { ...numbers, extended: extended.number };
}

const gptTypes: Record<string, string> = {
  // https://uapi-group.org/specifications/specs/discoverable_partitions_specification/
  boot: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  data: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
};
/** The ROM of a Pi 3 knows 0x0c (FAT32), and not the type of an EFI partition. */
const mbrTypes = { fat: 'c', extended: '5', other: '83' };
/** Without one sfdisk invents it, and two builds differ. */
const mbrIdentifier = '0x536b7279';

/** What sfdisk reads to write the table. */
export function sfdiskScript(board: Board, { partitions, extended }: Layout): string {
  const place = ({ startBytes, bytes }: { startBytes: number; bytes: number }): string =>
    `start=${startBytes / sectorBytes}, size=${bytes / sectorBytes}`;
  if (board.boot.kind === 'grub') {
    const rows = partitions.map(
      (item) => `${place(item)}, type=${gptTypes[item.name] ?? gptTypes.data}, name=${item.name}`,
    );
    return ['label: gpt', 'unit: sectors', ...rows, ''].join('\n');
  }
  const rows = partitions.map((item) => ({
    number: item.number,
    row: `${place(item)}, type=${item.name.startsWith('boot') ? mbrTypes.fat : mbrTypes.other}`,
  }));
  if (extended !== undefined)
    rows.push({ number: extended.number, row: `${place(extended)}, type=${mbrTypes.extended}` });
  rows.sort((left, right) => left.number - right.number);
  return ['label: dos', `label-id: ${mbrIdentifier}`, 'unit: sectors', ...rows.map(({ row }) => row), ''].join('\n');
}
