// Debian packages that this machine's release does not have: those of sid,
// unpacked, not installed.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DebianArchive } from '../firmware-images/debian.ts';
import { runTool } from '../firmware-images/tools.ts';

/**
 * Unpacks packages of sid, and those of their dependencies that a pattern matches, into a directory.
 * @throws ToolError when they can't be had
 */
export async function unpackSidPackages(
  packages: readonly string[],
  into: string,
  dependencies: RegExp = /^$/,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-sid-'));
  try {
    const architecture = (await runTool('dpkg', ['--print-architecture'])).trim();
    const archive = new DebianArchive({
      directory,
      mirror: undefined,
      suites: ['sid'],
      architecture,
      components: ['main'],
    });
    await archive.update();
    mkdirSync(into, { recursive: true });
    const isWanted = (name: string): boolean => packages.includes(name) || dependencies.test(name);
    for (const { file } of await archive.fetch(packages, isWanted)) await runTool('dpkg-deb', ['-x', file, into]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Go sources that Debian ships, until the process ends. Returns the directory that Go calls `src`. */
export async function fetchGoSources(packages: readonly string[]): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'skerry-sources-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  await unpackSidPackages(packages, work);
  return join(work, 'usr/share/gocode/src');
}
