// Which drives this machine has, from what lsblk says of them, and which of them
// may be written: never one that something uses, never one that holds the system.
// The kernel is asked once more when a drive is opened (O_EXCL).
import { humanBytes } from './text.ts';

export type Drive = {
  /** /dev/sdb */
  path: string;
  bytes: number;
  sectorBytes: number;
  /** Maker and product, or what kind of device it is. */
  model: string;
  serial?: string;
  /** usb, mmc, nvme, sata; empty for devices without a bus. */
  transport: string;
  /** Made to be taken out: a stick, a card, a drive on USB. */
  removable: boolean;
  readOnly: boolean;
  /** disk, loop, part, rom, ... */
  type: string;
  parts: DrivePart[];
};

/** A partition, or what is built on one (encryption, arrays, volumes). */
export type DrivePart = {
  path: string;
  type: string;
  bytes: number;
  /** vfat, ext4, swap, ...; empty when there is none that is known. */
  fileSystem: string;
  label: string;
  /** Directories, or [SWAP]. */
  mountedOn: string[];
};

/** Columns that are asked of lsblk. */
export const lsblkColumns =
  'NAME,PATH,TYPE,SIZE,VENDOR,MODEL,SERIAL,TRAN,RM,HOTPLUG,RO,FSTYPE,LABEL,PARTLABEL,MOUNTPOINTS,LOG-SEC';

type Fields = Record<string, unknown>;

const systemDirectories = ['/', '/boot', '/boot/efi', '/boot/firmware', '/efi', '/usr', '/var', '/home', '[SWAP]'];
const wholeDriveTypes = ['disk', 'loop'];

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

/** lsblk writes truth as true, "1" or 1, after its version. */
function truthOf(fields: Fields, name: string): boolean {
  return fields[name] === true || fields[name] === '1' || fields[name] === 1;
}

function childrenOf(fields: Fields): Fields[] {
  return Array.isArray(fields.children) ? (fields.children as Fields[]) : [];
}

/** The device itself and all that is on it, at any depth. */
function flatten(fields: Fields): Fields[] {
  return [fields, ...childrenOf(fields).flatMap(flatten)];
}

function readPart(fields: Fields): DrivePart {
  const mountPoints = Array.isArray(fields.mountpoints) ? fields.mountpoints : [];
  return {
    path: textOf(fields, 'path'),
    type: textOf(fields, 'type'),
    bytes: Number(textOf(fields, 'size')),
    fileSystem: textOf(fields, 'fstype'),
    label: textOf(fields, 'label') || textOf(fields, 'partlabel'),
    mountedOn: mountPoints.filter((item): item is string => typeof item === 'string' && item !== ''),
  };
}

function readDrive(fields: Fields): Drive {
  const transport = textOf(fields, 'tran') || (textOf(fields, 'name').startsWith('mmcblk') ? 'mmc' : '');
  const serial = textOf(fields, 'serial');
  return {
    path: textOf(fields, 'path'),
    bytes: Number(textOf(fields, 'size')),
    sectorBytes: Number(textOf(fields, 'log-sec')),
    model: [textOf(fields, 'vendor'), textOf(fields, 'model')].filter((word) => word !== '').join(' '),
    ...(serial === '' ? {} : { serial }),
    transport,
    removable: truthOf(fields, 'rm') || truthOf(fields, 'hotplug') || transport === 'usb' || transport === 'mmc',
    readOnly: truthOf(fields, 'ro'),
    type: textOf(fields, 'type'),
    parts: flatten(fields)
      .map(readPart)
      .filter(
        (part, index, all) =>
          (index > 0 || part.mountedOn.length > 0 || part.fileSystem !== '') &&
          all.findIndex(({ path }) => path === part.path) === index,
      ),
  };
}

/**
 * Reads the output of `lsblk --json --bytes`: the drives, with what is on each of them.
 * @throws Error when it is no such output
 */
export function readDrives(json: string): Drive[] {
  const content = JSON.parse(json) as { blockdevices?: unknown };
  if (!Array.isArray(content.blockdevices)) throw new Error('lsblk: expected a list of blockdevices');
  return (content.blockdevices as Fields[]).map(readDrive);
}

/** Why this drive must not be written, or undefined. `force` lifts only that it can't be taken out. */
export function refusal(drive: Drive, { force }: { force: boolean }): string | undefined {
  if (!wholeDriveTypes.includes(drive.type)) return `${drive.path} is not a whole drive (${drive.type})`;
  const mounts = drive.parts.flatMap(({ path, mountedOn }) => mountedOn.map((directory) => ({ path, directory })));
  const system = mounts.filter(({ directory }) => systemDirectories.includes(directory));
  if (system.length > 0) {
    const held = system.map(({ directory }) => (directory === '[SWAP]' ? 'swap' : directory)).join(', ');
    return `${drive.path} holds the running system (${held}): it is never written, also not with --force`;
  }
  const [mount] = mounts;
  if (mount !== undefined)
    return `${mount.path} is mounted on ${mount.directory}: it is in use; unmount it first (umount ${mount.path})`;
  const built = drive.parts.find(({ type }) => type !== 'part' && !wholeDriveTypes.includes(type));
  if (built !== undefined) return `${drive.path} is in use by ${built.path} (${built.type})`;
  if (drive.bytes === 0) return `${drive.path} has no medium in it`;
  if (drive.readOnly) return `${drive.path} is write-protected (cards have a switch on their side)`;
  if (!drive.removable && !force)
    return `${drive.path} (${describe(drive)}) is no removable drive; --force writes it all the same`;
  return undefined;
}

/** `SanDisk Ultra, 32 GB, usb`, for people. */
export function describe(drive: Drive): string {
  const words = [drive.model || `${drive.type} without a name`, humanBytes(drive.bytes), drive.transport];
  return words.filter((word) => word !== '').join(', ');
}

/** Lines that say what is on a drive and will be gone. */
export function describeContent(drive: Drive): string[] {
  if (drive.parts.length === 0) return ['  no partitions that are known'];
  return drive.parts.map(({ path, bytes, fileSystem, label }) => {
    const words = [humanBytes(bytes), fileSystem, label === '' ? '' : `"${label}"`];
    return `  ${path}  ${words.filter((word) => word !== '').join(' ')}`;
  });
}
