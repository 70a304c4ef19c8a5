// What tells this board from all others of its kind: serial numbers and network
// addresses that its maker has given it, as the kernel shows them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type HardwareFacts = {
  /** Serial number in the device tree: all boards of the Raspberry Pi have one. Empty when there is none. */
  deviceTreeSerial: string;
  /** SMBIOS UUID of PCs and of virtual machines; empty when there is none. */
  productUuid: string;
  /** Permanent addresses of network adapters, wired ones first; none of bridges, tunnels and pods. */
  macAddresses: string[];
};

function readText(path: string): string {
  try {
    // Texts of the device tree end with a NUL.
    return readFileSync(path, 'utf8').replaceAll('\0', '').trim();
  } catch {
    return '';
  }
}

/** https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-net */
function readMacAddresses(root: string): string[] {
  const directory = join(root, 'sys/class/net');
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const isWired = (name: string): boolean => /^(eth|en)/.test(name);
  return names
    .filter((name) => existsSync(join(directory, name, 'device')))
    .filter((name) => ['0', ''].includes(readText(join(directory, name, 'addr_assign_type'))))
    .sort((a, b) => Number(isWired(b)) - Number(isWired(a)) || (a < b ? -1 : 1))
    .map((name) => readText(join(directory, name, 'address')))
    .filter((address) => address !== '');
}

/** Reads the board's facts below a root directory. */
export function readHardwareFacts(root = '/'): HardwareFacts {
  return {
    deviceTreeSerial:
      readText(join(root, 'sys/firmware/devicetree/base/serial-number')) ||
      readText(join(root, 'proc/device-tree/serial-number')),
    productUuid: readText(join(root, 'sys/class/dmi/id/product_uuid')),
    macAddresses: readMacAddresses(root),
  };
}
