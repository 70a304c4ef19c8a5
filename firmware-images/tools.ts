// The programs of Debian that images are built, flashed and run with: which
// package has them, and one way to run them.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

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
  mtype: 'mtools',
  lsblk: 'util-linux',
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
  throw new ToolError(missingText(missing));
}

function missingText(programs: readonly string[]): string {
  const packages = new Set(programs.map((name) => (packageOf as Record<string, string>)[name] ?? name));
  return `${programs.join(', ')} not found: sudo apt-get install ${[...packages].join(' ')}`;
}

export type ToolOptions = {
  directory?: string;
  timeoutMs?: number;
  /** Given on standard input. */
  input?: string | Uint8Array;
  environment?: Record<string, string>;
};

export type ToolResult = { code: number; stdout: string; stderr: string };

/** Runs a program to its end, whatever its exit code. @throws ToolError when it is missing or does not end in time */
export function tryTool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  const { directory, timeoutMs = defaultTimeoutMs, input, environment } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...args],
      {
        ...(directory === undefined ? {} : { cwd: directory }),
        timeout: timeoutMs,
        maxBuffer: maximumOutputBytes,
        env: { ...process.env, PATH: searchPath.join(delimiter), LC_ALL: 'C', ...environment },
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, stdout, stderr });
        else if (error?.code === 'ENOENT') reject(new ToolError(missingText([program])));
        else reject(new ToolError(`${program} failed: ${error?.message.split('\n')[0]}`, { cause: error }));
      },
    );
    // A program that does not read its input to the end says why by itself.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Runs a program and resolves with what it printed. @throws ToolError when it fails */
export async function runTool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryTool(program, args, options);
  if (code !== 0) throw new ToolError(`${program} failed: ${lines(stderr).at(-1) ?? `exit code ${code}`}`);
  return stdout;
}

/** Lines of a text that are not empty. */
export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
