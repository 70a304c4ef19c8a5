// The root as a read-only file system whose blocks have hashes (dm-verity).
// https://docs.kernel.org/admin-guide/device-mapper/verity.html
import { createHash } from 'node:crypto';
import { rmSync, statSync, truncateSync } from 'node:fs';
import { lines, runTool } from './tools.ts';

const blockBytes = 4096;

export type VerifiedRoot = {
  /** File system, and behind it the tree of hashes. */
  file: string;
  bytes: number;
  /** What the initramfs needs, as in skerry.verity=: BLOCKS:ROOT_HASH:SALT. */
  parameter: string;
};

/** Packs a directory as squashfs and appends its hashes. The same tree gives the same bytes. @throws ToolError */
export async function packRoot(directory: string, file: string, builtAtSeconds: number): Promise<VerifiedRoot> {
  rmSync(file, { force: true });
  const time = String(builtAtSeconds);
  const compression = ['-comp', 'zstd', '-Xcompression-level', '9', '-b', '256K'];
  const reproducible = ['-all-root', '-no-xattrs', '-no-exports', '-mkfs-time', time, '-all-time', time];
  await runTool('mksquashfs', [
    directory,
    file,
    '-noappend',
    '-quiet',
    '-no-progress',
    ...compression,
    ...reproducible,
  ]);
  const blocks = Math.ceil(statSync(file).size / blockBytes);
  truncateSync(file, blocks * blockBytes);
  // Two devices of one build share the salt: it only has to differ between builds.
  const salt = createHash('sha256').update(time).digest('hex');
  const geometry = ['--data-block-size', String(blockBytes), '--hash-block-size', String(blockBytes)];
  const output = await runTool('veritysetup', [
    'format',
    ...geometry,
    `--data-blocks=${blocks}`,
    `--hash-offset=${blocks * blockBytes}`,
    '--no-superblock',
    `--salt=${salt}`,
    file,
    file,
  ]);
  const rootHash = lines(output)
    .map((line) => /^Root hash:\s+([0-9a-f]{64})$/.exec(line)?.[1])
    .find((hash) => hash !== undefined);
  if (rootHash === undefined) throw new Error('veritysetup printed no root hash');
  return { file, bytes: statSync(file).size, parameter: `${blocks}:${rootHash}:${salt}` };
}
