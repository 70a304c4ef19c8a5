// npm run package: the executables that need no Node on the machine, and what
// goes with them, in dist/packages; or a check of what somebody else made.
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createSystemDisk } from '../platform/disk.ts';
import { LockedError, lockDirectory } from '../platform/lock.ts';
import { architectures } from './packaging/node-base.ts';
import { makePackages, type PackagesOptions, programNames, workDirectory } from './packaging/packages.ts';
import { problemsOf, readSigningKey, writeSums } from './packaging/sums.ts';

const root = join(import.meta.dirname, '..');

const usage = `Usage: npm run package -- [options]

Makes Skerry's executables, their licences and bills of materials (CycloneDX),
Debian packages, SHA256SUMS and its signature. The same source gives the same bytes.

  --only NAME         ${programNames.join(' or ')}, without Debian packages; may be repeated (default both, with them)
  --arch ARCH         ${architectures.join(', ')}; may be repeated (default all)
  --deb               Debian packages with --only, too
  --output DIR        where all of it goes (default dist/packages)
  --cache DIR         where packages of Node are kept (default ~/.cache/skerry/node)
  --signing-key FILE  ed25519 key in PEM that signs SHA256SUMS; made by: openssl genpkey -algorithm ed25519

       npm run package -- --verify DIR --public-key FILE

Tells whether a directory of packages is as the holder of the key left it.
`;

const options = {
  only: { type: 'string', multiple: true },
  arch: { type: 'string', multiple: true },
  deb: { type: 'boolean' },
  output: { type: 'string' },
  cache: { type: 'string' },
  'signing-key': { type: 'string' },
  verify: { type: 'string' },
  'public-key': { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** @throws Error naming the option and what was expected */
function chosen<Name extends string>(flag: string, given: string[] | undefined, known: readonly Name[]): Name[] {
  for (const name of given ?? [])
    if (!(known as readonly string[]).includes(name))
      throw new Error(`--${flag}: expected one of ${known.join(', ')}, found ${JSON.stringify(name)}`);
  return known.filter((name) => given === undefined || given.includes(name));
}

async function verifyPackages(directory: string, publicKey: string | undefined): Promise<number> {
  if (publicKey === undefined) throw new Error('--verify: expected --public-key FILE, too');
  const problems = await problemsOf(directory, publicKey);
  for (const problem of problems) process.stderr.write(`package: ${problem}\n`);
  if (problems.length === 0) process.stdout.write(`${directory}: good\n`);
  return problems.length === 0 ? 0 : 1;
}

/** A whole build takes a few minutes; longer than this no other one is waited for. */
const maximumWaitMs = 900_000;
const lookAgainMs = 1000;

/** Waits for another build. @throws LockedError when it takes too long */
async function lockWorkDirectory(): Promise<() => Promise<void>> {
  const disk = createSystemDisk();
  const deadlineMs = performance.now() + maximumWaitMs;
  for (;;) {
    try {
      return await lockDirectory(disk, workDirectory, 'build of packages');
    } catch (error) {
      if (!(error instanceof LockedError) || performance.now() > deadlineMs) throw error;
      await sleep(lookAgainMs);
    }
  }
}

/** One build at a time: they share the directory whose path is in the executables. */
async function build(settings: PackagesOptions, signingKeyPath: string | undefined): Promise<void> {
  // Before the work, which takes minutes.
  const key = signingKeyPath === undefined ? undefined : readSigningKey(signingKeyPath);
  mkdirSync(workDirectory, { recursive: true, mode: 0o700 });
  const unlock = await lockWorkDirectory();
  try {
    await makePackages(settings);
    await writeSums(settings.output, key);
    if (key === undefined) process.stdout.write('SHA256SUMS is not signed: no --signing-key was given\n');
  } finally {
    await unlock();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options });
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.verify !== undefined) return verifyPackages(resolve(values.verify), values['public-key']);
  // What is made for others is read by others.
  process.umask(0o022);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'skerry/node');
  const settings: PackagesOptions = {
    programs: chosen('only', values.only, programNames),
    architectures: chosen('arch', values.arch, architectures),
    debian: values.deb ?? values.only === undefined,
    output: resolve(values.output ?? join(root, 'dist/packages')),
    cache: resolve(values.cache ?? cache),
    onFile: (path, sizeBytes) =>
      process.stdout.write(`${relative(process.cwd(), path)} ${(sizeBytes / 1e6).toFixed(1)} MB\n`),
  };
  await build(settings, values['signing-key']);
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`package: ${(error as Error).message.split('\n')[0]}\n`);
    process.exit(1);
  },
);
