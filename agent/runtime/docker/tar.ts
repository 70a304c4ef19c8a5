// Tar archives (ustar) of a few files and links: the file systems of images
// that are made on the device.

export type ArchiveEntry = { name: string } & ({ content: Buffer; mode: number } | { linkTarget: string });

const blockBytes = 512;

function headerOf(entry: ArchiveEntry): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  const isLink = 'linkTarget' in entry;
  header.write(entry.name, 0);
  header.write(octal(isLink ? 0o777 : entry.mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(isLink ? 0 : entry.content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write(isLink ? '2' : '0', 156);
  if (isLink) header.write(entry.linkTarget, 157);
  header.write('ustar\0', 257);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** An archive of files and symbolic links; names of at most 100 bytes. */
export function fileArchive(entries: readonly ArchiveEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    if ('linkTarget' in entry) return [headerOf(entry)];
    const padding = Buffer.alloc((blockBytes - (entry.content.length % blockBytes)) % blockBytes);
    return [headerOf(entry), entry.content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}
