// Lets go of a drive that can be taken out: its medium by eject(1), or where that
// is not installed a drive on USB as a whole, by the kernel.
import { existsSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { tryTool } from '../../firmware-images/tools.ts';
import type { Drive } from './drives.ts';
import { toolTimeoutMs } from './limits.ts';

/** @returns whether the drive is gone and its user can see so; the data are safe in any case */
export async function eject(drive: Drive): Promise<boolean> {
  if (!drive.removable || drive.type !== 'disk') return false;
  const ejected = await tryTool('eject', [drive.path], { timeoutMs: toolTimeoutMs }).then(
    ({ code }) => code === 0,
    () => false,
  );
  if (ejected) return true;
  const door = `/sys/block/${basename(drive.path)}/device/delete`;
  if (drive.transport !== 'usb' || !existsSync(door)) return false;
  try {
    writeFileSync(door, '1');
    return true;
  } catch {
    return false;
  }
}
