// What a device knows of itself before it belongs to a hub: its own key, made
// before it asks for the first time, and the hardware that made it. It stays
// when the device is claimed, and by it the hub knows the device again.
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import type { LanClaim } from '../../api/device/announcement.ts';
import type { Disk } from '../../platform/disk.ts';

export type DeviceRecord = {
  /** Of a device with firmware; undefined where the agent is a program among others. */
  hardwareId?: string;
  /** PKCS #8, PEM, EC P-256. */
  key: string;
  /** Node that the card was copied from, until this device has an identity of its own. */
  copiedFrom?: string;
  /** What somebody on its network has given it. The token goes when it has been used. */
  claim?: Omit<LanClaim, 'token'> & { token?: string };
};

/** A new private key: PKCS #8, PEM, EC P-256. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pathOf(directory: string): string {
  return join(directory, 'device.json');
}

/** The record of a data directory; undefined when there is none that can be read. */
export async function loadDeviceRecord(disk: Disk, directory: string): Promise<DeviceRecord | undefined> {
  const bytes = await disk.read(pathOf(directory));
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as DeviceRecord;
  } catch {
    // Nothing depends on it but to be known again: a new one will do.
    return undefined;
  }
}

export async function saveDeviceRecord(disk: Disk, directory: string, record: DeviceRecord): Promise<void> {
  await disk.makeDirectory(directory);
  await disk.write(pathOf(directory), JSON.stringify(record));
}
