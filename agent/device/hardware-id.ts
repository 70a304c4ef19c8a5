// Which device this is: an id made from what its maker gave the board, and the
// names that follow from it. Pure.
import { createHash } from 'node:crypto';
import type { HardwareFacts } from '../../platform/hardware.ts';

/** What makers leave in place of a serial number. */
const placeholders = ['03000200-0400-0500-0006-000700080009', '12345678-1234-5678-90ab-cddeefaabbcc'];

function isTelling(text: string): boolean {
  const digits = text.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  if (!/^[0-9a-z:-]{8,64}$/i.test(text) || placeholders.includes(text.toLowerCase())) return false;
  // Zeros, Fs, and other serials of one digit are nobody's.
  return digits.length >= 8 && new Set(digits).size > 1;
}

/** The device's id, such as `serial-10000000abcd1234`; undefined when the board says nothing of itself. */
export function hardwareIdOf({ deviceTreeSerial, productUuid, macAddresses }: HardwareFacts): string | undefined {
  const [mac] = macAddresses.filter(isTelling);
  if (isTelling(deviceTreeSerial)) return `serial-${deviceTreeSerial.toLowerCase()}`;
  if (isTelling(productUuid)) return `uuid-${productUuid.toLowerCase()}`;
  return mac === undefined ? undefined : `mac-${mac.toLowerCase().replaceAll(':', '')}`;
}

/** Digits that tell devices apart in names; 2^40 of them, so that fleets of thousands have no two alike. */
function digitsOf(hardwareId: string): string {
  return createHash('sha256').update(hardwareId).digest('hex').slice(0, 10);
}

/** The node's name when nobody has given one. */
export function defaultNodeName(hardwareId: string): string {
  return `skerry-${digitsOf(hardwareId)}`;
}

/** Another name for a device when the one that it was given belongs to another. */
export function distinctNodeName(name: string, hardwareId: string): string {
  return `${name.slice(0, 240).replace(/[-.]+$/, '')}-${digitsOf(hardwareId)}`;
}
