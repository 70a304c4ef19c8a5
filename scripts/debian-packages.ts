// Debian packages that this machine's release does not have: fetched from sid of
// the configured mirror, with lists of their own, and unpacked, not installed.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const maxOutputBytes = 16 << 20;

const mirrorScript =
  "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE '[a-z]+://[^ ]*/debian/?( |$)' | head -1";

/** An apt that knows sid alone, in a directory of its own. */
class SidApt {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws Error when there is no mirror, or it can't be reached */
  async update(): Promise<void> {
    const mirror = (await execute('sh', ['-c', mirrorScript])).stdout.trim();
    if (mirror === '') throw new Error('no Debian mirror in /etc/apt');
    writeFileSync(join(this.#directory, 'sid.list'), `deb ${mirror} sid main\n`);
    for (const folder of ['lists/partial', 'cache/archives/partial', 'debs'])
      mkdirSync(join(this.#directory, folder), { recursive: true });
    await this.#run('apt-get', ['update']);
  }

  /** The packages and all that they depend on, whichever of it a pattern matches. */
  async closure(packages: readonly string[], pattern: RegExp): Promise<string[]> {
    const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
    const options = ['--recurse', ...without.map((name) => `--no-${name}`)];
    const output = await this.#run('apt-cache', ['depends', ...options, ...packages]);
    const names = output.split('\n').filter((line) => line !== '' && pattern.test(line));
    return [...new Set([...packages, ...names])].sort();
  }

  /** Downloads the packages and unpacks them. */
  async unpack(packages: readonly string[], into: string): Promise<void> {
    const debs = join(this.#directory, 'debs');
    await this.#run('apt-get', ['download', ...packages], debs);
    for (const name of readdirSync(debs)) await execute('dpkg-deb', ['-x', join(debs, name), into]);
  }

  async #run(program: string, args: string[], cwd = this.#directory): Promise<string> {
    const settings = [
      `Dir::Etc::sourcelist=${this.#directory}/sid.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::Lists=${this.#directory}/lists`,
      `Dir::Cache=${this.#directory}/cache`,
      'Acquire::Languages=none',
      'APT::Sandbox::User=root',
    ];
    const options = settings.flatMap((setting) => ['-o', setting]);
    return (await execute(program, [...options, ...args], { cwd, maxBuffer: maxOutputBytes })).stdout;
  }
}

/**
 * Unpacks packages of sid, and those of their dependencies that a pattern matches, into a directory.
 * @throws Error when they can't be had
 */
export async function unpackSidPackages(
  packages: readonly string[],
  into: string,
  dependencies: RegExp = /^$/,
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'skerry-sid-'));
  try {
    const apt = new SidApt(work);
    await apt.update();
    mkdirSync(into, { recursive: true });
    await apt.unpack(await apt.closure(packages, dependencies), into);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Go sources that Debian ships, until the process ends. Returns the directory that Go calls `src`. */
export async function fetchGoSources(packages: readonly string[]): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'skerry-sources-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  await unpackSidPackages(packages, work);
  return join(work, 'usr/share/gocode/src');
}
