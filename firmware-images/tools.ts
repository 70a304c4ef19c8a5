// The programs of Debian that images are built with: which package has them, and
// one way to run them.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const maximumOutputBytes = 64 << 20;
const defaultTimeoutMs = 10 * 60_000;

/** Program -> Debian package. */
const packageOf = {
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  mksquashfs: 'squashfs-tools',
  veritysetup: 'cryptsetup-bin',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
  mmd: 'mtools',
  mke2fs: 'e2fsprogs',
  sfdisk: 'fdisk',
  cpio: 'cpio',
  busybox: 'busybox-static',
  depmod: 'kmod',
  xz: 'xz-utils',
  zstd: 'zstd',
} as const;
export type ToolName = keyof typeof packageOf;

/** A program that ended with an error; the message has the last line of what it said. */
export class ToolError extends Error {}

/** Debian keeps some of them where only root's path leads. */
const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/** Whether a program of this name can be run. */
export function isThere(program: string): boolean {
  return searchPath.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @throws ToolError that names the packages to install */
export function requireTools(names: readonly ToolName[]): void {
  const missing = names.filter((name) => !isThere(name));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => packageOf[name]))].join(' ');
  throw new ToolError(`${missing.join(', ')} not found: sudo apt-get install ${packages}`);
}

export type ToolOptions = {
  directory?: string;
  timeoutMs?: number;
  /** Given on standard input. */
  input?: string | Uint8Array;
  environment?: Record<string, string>;
};

/** Runs a program and resolves with what it printed. @throws ToolError */
export async function runTool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  try {
    const running = execute(program, [...args], {
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
      timeout: options.timeoutMs ?? defaultTimeoutMs,
      maxBuffer: maximumOutputBytes,
      env: { ...process.env, PATH: searchPath.join(delimiter), LC_ALL: 'C', ...options.environment },
    });
    if (options.input !== undefined) running.child.stdin?.end(options.input);
    return (await running).stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const said = lines(stderr ?? '').at(-1) ?? message.split('\n')[0];
    throw new ToolError(`${program} failed: ${said}`, { cause: error });
  }
}

/** Lines of a text that are not empty. */
export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
