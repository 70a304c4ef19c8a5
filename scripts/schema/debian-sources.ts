// Go sources of Kubernetes as Debian ships them, fetched with apt into a
// directory of their own: nothing is installed, and the machine's own package
// lists stay as they are.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian's suite with the newest release of the Kubernetes sources. */
const suite = 'sid';

/** The Debian mirror that this machine's apt is configured with. @throws Error when there is none */
function configuredMirror(): string {
  const script =
    "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE '[a-z]+://[^ ]*/debian/?( |$)' | head -1";
  const mirror = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim();
  if (mirror === '') throw new Error('no Debian mirror in /etc/apt: pass --sources DIR');
  return mirror;
}

/**
 * Downloads and unpacks packages; returns the directory that Go calls `src`. Everything is
 * removed when the process ends.
 */
export function fetchDebianSources(packages: readonly string[]): string {
  const work = mkdtempSync(join(tmpdir(), 'skerry-sources-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  writeFileSync(join(work, 'sources.list'), `deb ${configuredMirror()} ${suite} main\n`);
  mkdirSync(join(work, 'lists/partial'), { recursive: true });
  mkdirSync(join(work, 'cache/archives/partial'), { recursive: true });
  const settings = [
    `Dir::Etc::sourcelist=${work}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::Lists=${work}/lists`,
    `Dir::Cache=${work}/cache`,
    'Acquire::AllowInsecureRepositories=true',
    'APT::Get::AllowUnauthenticated=true',
  ];
  const options = settings.flatMap((setting) => ['-o', setting]);
  execFileSync('apt-get', [...options, 'update'], { stdio: 'ignore' });
  execFileSync('apt-get', [...options, 'download', ...packages], { cwd: work, stdio: 'ignore' });
  for (const file of readdirSync(work))
    if (file.endsWith('.deb')) execFileSync('dpkg-deb', ['-x', join(work, file), join(work, 'x')]);
  return join(work, 'x/usr/share/gocode/src');
}
