// Puts partitions together to the image of a disk, without mounting anything and
// without being root. What is zero is a hole in the file.
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import type { Board } from './boards.ts';
import { type Layout, sfdiskScript } from './layout.ts';
import { runTool } from './tools.ts';

const copyBytes = 1 << 20;

/**
 * Writes the image: the partition table, and each partition's file at its place.
 * @throws Error when a file is larger than its partition; ToolError
 */
export async function writeDisk(
  file: string,
  board: Board,
  layout: Layout,
  contents: Readonly<Record<string, string>>,
): Promise<void> {
  rmSync(file, { force: true });
  const target = openSync(file, 'w+');
  try {
    ftruncateSync(target, layout.bytes);
    for (const { name, startBytes, bytes } of layout.partitions) {
      const content = contents[name];
      if (content === undefined) continue;
      const { size } = statSync(content);
      if (size > bytes) throw new Error(`${name} has ${size} bytes, its partition ${bytes}`);
      copySparse(content, target, startBytes);
    }
  } finally {
    closeSync(target);
  }
  await runTool('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', file], { input: sfdiskScript(board, layout) });
}

function copySparse(from: string, target: number, startBytes: number): void {
  const source = openSync(from, 'r');
  const chunk = Buffer.alloc(copyBytes);
  const zeros = Buffer.alloc(4096);
  try {
    for (let offset = 0; ; ) {
      const length = readSync(source, chunk, 0, chunk.length, offset);
      if (length === 0) return;
      for (let at = 0; at < length; at += zeros.length) {
        const block = chunk.subarray(at, Math.min(at + zeros.length, length));
        if (!block.equals(zeros.subarray(0, block.length)))
          writeSync(target, block, 0, block.length, startBytes + offset + at);
      }
      offset += length;
    }
  } finally {
    closeSync(source);
  }
}

export type FatOptions = { file: string; bytes: number; label: string; directory: string; builtAtSeconds: number };

/** A FAT32 file system with the files of a directory. @throws ToolError */
export async function makeFat({ file, bytes, label, directory, builtAtSeconds }: FatOptions): Promise<void> {
  rmSync(file, { force: true });
  closeSync(openSync(file, 'w'));
  await runTool('truncate', ['-s', String(bytes), file]);
  // The volume's number is its build's: the same build gives the same bytes.
  const serial = (builtAtSeconds >>> 0).toString(16).padStart(8, '0');
  await runTool('mkfs.vfat', ['-F', '32', '-n', label, '-i', serial, '--invariant', file]);
  const copy = 'for entry in "$1"/*; do mcopy -s -m -i "$2" "$entry" ::/ || exit 1; done';
  await runTool('sh', ['-c', copy, 'sh', directory, file], {
    environment: { SOURCE_DATE_EPOCH: String(builtAtSeconds), MTOOLS_SKIP_CHECK: '1' },
  });
}

export type Ext4Options = { file: string; bytes: number; label: string; directory: string; builtAtSeconds: number };

/** An ext4 file system with the files of a directory. @throws ToolError */
export async function makeExt4({ file, bytes, label, directory, builtAtSeconds }: Ext4Options): Promise<void> {
  rmSync(file, { force: true });
  await runTool(
    'mke2fs',
    // Blocks, inodes and room in the group descriptors as for the card that it grows to (256 GiB), not as for the small
    // file system that it is here; nothing is reserved for root.
    [
      '-q',
      '-F',
      '-t',
      'ext4',
      '-m',
      '0',
      '-L',
      label,
      '-E',
      'root_owner=0:0,lazy_itable_init=0,resize=67108864',
      '-b',
      '4096',
      '-i',
      '16384',
      '-d',
      directory,
      file,
      `${Math.floor(bytes / 1024)}k`,
    ],
    { environment: { E2FSPROGS_FAKE_TIME: String(builtAtSeconds) } },
  );
}
