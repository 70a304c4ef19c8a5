// Where the partitions of an image lie. Pure.
import type { Board } from './boards.ts';
import type { ImagePartition } from './manifest.ts';

export const sectorBytes = 512;
const alignmentBytes = 1 << 20;
const mebibyte = 1 << 20;

export type LayoutSizes = {
  /** Boot loader, kernels and initramfs of both slots. */
  bootBytes: number;
  /** One root slot. */
  rootBytes: number;
  /** At first; it grows on the device. */
  dataBytes: number;
};

export type LayoutPartition = ImagePartition & { number: number };
export type Layout = { partitions: LayoutPartition[]; bytes: number };

/** Room for an update that is larger than what it replaces. */
export const growthFactor = 1.5;

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignmentBytes) * alignmentBytes;
}

/** Room for the backup of a GPT at the end. */
const tailBytes = mebibyte;

/** Boards with UEFI: GPT with boot, root-a, root-b, data. */
export function grubLayout({ bootBytes, rootBytes, dataBytes }: LayoutSizes): Layout {
  const wanted: [string, number, ImagePartition['fileSystem']][] = [
    ['boot', bootBytes, 'fat'],
    ['root-a', rootBytes, 'squashfs'],
    ['root-b', rootBytes, 'raw'],
    ['data', dataBytes, 'ext4'],
  ];
  let startBytes = alignmentBytes;
  const partitions = wanted.map(([name, size, fileSystem], index) => {
    const partition = { name, number: index + 1, startBytes, bytes: aligned(size), fileSystem };
    startBytes += partition.bytes;
    return partition;
  });
  return { partitions, bytes: startBytes + tailBytes };
}

const gptTypes: Record<string, string> = {
  // https://uapi-group.org/specifications/specs/discoverable_partitions_specification/
  boot: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  data: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
};

/** What sfdisk reads to write the table. */
export function sfdiskScript(board: Board, { partitions }: Layout): string {
  if (board.boot.kind !== 'grub') throw new Error(`${board.name}: only boards with GRUB are laid out yet`);
  const rows = partitions.map(
    ({ name, startBytes, bytes }) =>
      `start=${startBytes / sectorBytes}, size=${bytes / sectorBytes}, type=${gptTypes[name] ?? gptTypes.data}, name=${name}`,
  );
  return ['label: gpt', 'unit: sectors', ...rows, ''].join('\n');
}
