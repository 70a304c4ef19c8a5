// The boot partition of a board with GRUB: GRUB itself, kernel and initramfs of slot
// a, and the environment block in which GRUB counts starts.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GrubBoot } from './boards.ts';
import { recipeFile } from './recipe-files.ts';

export type SlotFiles = {
  /** Everything of the boot loader's or firmware's packages. */
  bootFiles: string;
  kernel: string;
  /** Directory of the kernel's device trees. */
  deviceTrees: string;
  initramfs: string;
  /** Of the kernel, without what names the slot. */
  arguments: readonly string[];
};

/** Lays the files out in a directory. */
export function layOutGrubBoot(directory: string, boot: GrubBoot, slot: SlotFiles): void {
  for (const folder of ['EFI/BOOT', 'EFI/debian', 'slots/a']) mkdirSync(join(directory, folder), { recursive: true });
  copyFileSync(join(slot.bootFiles, boot.image), join(directory, 'EFI/BOOT', boot.fileName));
  // Debian's image of GRUB looks for its configuration here.
  copyFileSync(recipeFile('grub/grub.cfg'), join(directory, 'EFI/debian/grub.cfg'));
  writeFileSync(join(directory, 'grubenv'), grubEnvironment({ active: 'a', a_tries: '3', b_tries: '0' }));
  copyFileSync(slot.kernel, join(directory, 'slots/a/vmlinuz'));
  copyFileSync(slot.initramfs, join(directory, 'slots/a/initrd'));
  writeFileSync(join(directory, 'slots/a/slot.cfg'), `set arguments="${slot.arguments.join(' ')}"\n`);
}

/** https://www.gnu.org/software/grub/manual/grub/html_node/Environment-block.html */
function grubEnvironment(values: Readonly<Record<string, string>>): string {
  const rows = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
  return `# GRUB Environment Block\n${rows.join('')}`.padEnd(1024, '#');
}
