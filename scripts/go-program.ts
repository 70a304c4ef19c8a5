// Builds a Go program from the Go sources that Debian ships (client-go and what
// it needs), with Debian's Go, without modules and without a network beyond apt.
// A program is built once for its sources; Go's own build cache makes a second
// program cheap. The first takes 70 MB of packages and about three CPU minutes.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { unpackSidPackages } from './debian-packages.ts';

const execute = promisify(execFile);
const cache = join(import.meta.dirname, '../.cache/go');
const buildTimeoutMs = 1_200_000;
/** Sources and the compiler, of which the packages below bring what they need. */
const packages = ['golang-go', 'golang-k8s-client-go-dev'];
const wanted = /^golang-(.*-dev|1\.\d+-(go|src))$/;

/** Where Go and the sources are; fetched when this is the first use in this checkout. */
export async function goTree(): Promise<{ go: string; path: string }> {
  const tree = join(cache, 'tree');
  if (!existsSync(tree)) {
    const fresh = `${tree}.${process.pid}`;
    await unpackSidPackages(packages, fresh, wanted);
    try {
      renameSync(fresh, tree);
    } catch (error) {
      // Another process was faster.
      rmSync(fresh, { recursive: true, force: true });
      if (!existsSync(tree)) throw error;
    }
  }
  // Debian's `usr/bin/go` leads here by absolute links, which do not fit an unpacked tree.
  const version = readdirSync(join(tree, 'usr/lib')).find((name) => name.startsWith('go-'));
  if (version === undefined) throw new Error(`no Go in ${tree}`);
  return { go: join(tree, 'usr/lib', version, 'bin/go'), path: join(tree, 'usr/share/gocode') };
}

/**
 * Builds the program whose main package is in a directory.
 * @returns the path of the executable
 * @throws Error with the compiler's words
 */
export async function buildGoProgram(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort())
    if (name.endsWith('.go')) hash.update(`${name}\0`).update(readFileSync(join(directory, name)));
  const program = join(cache, `${basename(directory)}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  const { go, path } = await goTree();
  mkdirSync(cache, { recursive: true });
  const fresh = `${program}.${process.pid}`;
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: homedir(),
    GOPATH: path,
    GO111MODULE: 'off',
    GOPROXY: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
  };
  // Optimising would take half as long again, and the programs run for seconds.
  const args = ['build', '-trimpath', '-gcflags=all=-N -l', '-ldflags=-s -w', '-o', fresh, '.'];
  await execute(go, args, { cwd: directory, env, timeout: buildTimeoutMs });
  renameSync(fresh, program);
  return program;
}
