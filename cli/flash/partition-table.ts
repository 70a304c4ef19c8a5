// Reads the partition table at the start of an image: where its boot partition
// is, and where the image must end at the least. MBR as PCs and Raspberry Pis
// know it; GPT of UEFI 2.10, chapter 5.
import { crc32 } from 'node:zlib';

export const sectorBytes = 512;

export type Partition = {
  startBytes: number;
  bytes: number;
  /** By its type: one that may hold a FAT file system. */
  mayBeFat: boolean;
  /** An extended partition of an MBR: others stand in it, with tables of their own. */
  mayHoldOthers: boolean;
};

export type PartitionTable = {
  kind: 'mbr' | 'gpt';
  partitions: Partition[];
  /** The first byte behind all that the table speaks of, its own backup included. */
  endBytes: number;
};

/** There is no partition table, or it is damaged. */
export class PartitionTableError extends Error {}

const fatMbrTypes = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e, 0xef];
const extendedMbrTypes = [0x05, 0x0f, 0x85];
const protectiveType = 0xee;
/** EFI system partition, and Microsoft's basic data, in the byte order of the disk. */
const fatGuids = ['28732ac11ff8d211ba4b00a0c93ec93b', 'a2a0d0ebe5b9334487c068b6b72699c7'];
const gptSignature = 'EFI PART';
const maximumEntries = 256;

/** A number of sectors, of which an image has fewer than 2^44. */
function sectors(bytes: Buffer, offset: number): number {
  const value = bytes.readBigUInt64LE(offset);
  if (value > 2n ** 44n) throw new PartitionTableError('the partition table is damaged: it speaks of too large a disk');
  return Number(value);
}

function readGpt(head: Buffer): PartitionTable {
  const header = head.subarray(sectorBytes, 2 * sectorBytes);
  const headerBytes = header.readUInt32LE(12);
  if (header.toString('latin1', 0, 8) !== gptSignature || headerBytes < 92 || headerBytes > sectorBytes)
    throw new PartitionTableError('the partition table is damaged: no GPT header behind its MBR');
  const summed = Buffer.from(header.subarray(0, headerBytes));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16))
    throw new PartitionTableError("the partition table is damaged: its GPT header's checksum is wrong");
  const entriesStart = sectors(header, 72) * sectorBytes;
  const [entries, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  const table = head.subarray(entriesStart, entriesStart + entries * entryBytes);
  if (entries > maximumEntries || entryBytes < 128 || entryBytes > 4096 || table.length !== entries * entryBytes)
    throw new PartitionTableError('the partition table is damaged: its list of partitions is not behind its header');
  if (crc32(table) !== header.readUInt32LE(88))
    throw new PartitionTableError("the partition table is damaged: its list's checksum is wrong");
  const partitions: Partition[] = [];
  for (let start = 0; start < table.length; start += entryBytes) {
    const type = table.toString('hex', start, start + 16);
    if (/^0*$/.test(type)) continue;
    const [first, last] = [sectors(table, start + 32), sectors(table, start + 40)];
    partitions.push({
      startBytes: first * sectorBytes,
      bytes: (last + 1 - first) * sectorBytes,
      mayBeFat: fatGuids.includes(type),
      mayHoldOthers: false,
    });
  }
  return { kind: 'gpt', partitions, endBytes: (sectors(header, 32) + 1) * sectorBytes };
}

/**
 * Reads the table from the first bytes of an image; 1 MiB of them is enough.
 * @throws PartitionTableError
 */
export function readPartitionTable(head: Buffer): PartitionTable {
  if (head.length < 2 * sectorBytes || head.readUInt16LE(510) !== 0xaa55)
    throw new PartitionTableError('no disk image: it has no partition table');
  const partitions: Partition[] = [];
  for (const offset of [446, 462, 478, 494]) {
    const type = head.readUInt8(offset + 4);
    if (type === 0) continue;
    if (type === protectiveType) {
      const table = readGpt(head);
      return { ...table, endBytes: endOf(table) };
    }
    partitions.push({
      startBytes: head.readUInt32LE(offset + 8) * sectorBytes,
      bytes: head.readUInt32LE(offset + 12) * sectorBytes,
      mayBeFat: fatMbrTypes.includes(type),
      mayHoldOthers: extendedMbrTypes.includes(type),
    });
  }
  if (partitions.length === 0) throw new PartitionTableError('no disk image: its partition table is empty');
  const table: PartitionTable = { kind: 'mbr', partitions, endBytes: 0 };
  return { ...table, endBytes: endOf(table) };
}

function endOf({ partitions, endBytes }: PartitionTable): number {
  for (const { startBytes, bytes } of partitions)
    if (bytes <= 0 || startBytes < sectorBytes)
      throw new PartitionTableError('the partition table is damaged: a partition has no room');
  return Math.max(endBytes, ...partitions.map(({ startBytes, bytes }) => startBytes + bytes));
}
