// Packages of a Debian release and architecture that need not be this machine's:
// resolved and fetched by this machine's apt with lists of its own, unpacked, never installed.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lines, runTool } from './tools.ts';

export type DebianArchiveOptions = {
  /** Holds lists and packages; kept from one build to the next. */
  directory: string;
  /** URL of a mirror; the one that this machine's apt uses when it is undefined. */
  mirror: string | undefined;
  /** The release, and others that packages may be asked from by `NAME/SUITE`. */
  suites: readonly string[];
  /** Debian's name: arm64, armhf, amd64. */
  architecture: string;
  components: readonly string[];
};

export type DebianPackage = { name: string; version: string; architecture: string; file: string };

const aptTimeoutMs = 20 * 60_000;

/** The first Debian mirror that this machine's apt is configured with. @throws Error when there is none */
export function configuredMirror(): string {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...safeList(folder).map((name) => join(folder, name))];
  for (const file of files) {
    const match = /[a-z]+:\/\/\S*\/debian\/?(?=\s|$)/.exec(safeRead(file));
    if (match !== null) return match[0];
  }
  throw new Error('no Debian mirror in /etc/apt: name one with --mirror');
}

function safeList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function safeRead(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

export class DebianArchive {
  readonly #options: DebianArchiveOptions;

  constructor(options: DebianArchiveOptions) {
    this.#options = options;
  }

  /** Reads the release's lists, whose signatures apt checks. @throws ToolError */
  async update(): Promise<void> {
    const { directory, mirror, suites, components } = this.#options;
    for (const folder of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(directory, folder), { recursive: true });
    const keyring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ';
    const sources = suites.map(
      (suite) => `deb ${keyring}${mirror ?? configuredMirror()} ${suite} ${components.join(' ')}\n`,
    );
    writeFileSync(join(directory, 'sources.list'), sources.join(''));
    // No package is installed: everything that is needed is resolved.
    writeFileSync(join(directory, 'status'), '');
    await this.#apt('apt-get', ['update', '-qq', '--error-on=any']);
  }

  /**
   * Packages with all that they depend on, as far as it is wanted by its name: what only unwanted packages need is
   * judged like any other. Fetches what the cache lacks.
   * @throws ToolError
   */
  async fetch(names: readonly string[], isWanted: (name: string) => boolean = () => true): Promise<DebianPackage[]> {
    const simulated = await this.#apt('apt-get', ['install', '--simulate', ...names]);
    // Inst libc6 (2.41-12 Debian:13.1/stable [arm64])
    const packages = lines(simulated).flatMap((line) => {
      const match = /^Inst (\S+) \((\S+) .*\[(\w+)\]\)/.exec(line);
      return match === null ? [] : [{ name: match[1] ?? '', version: match[2] ?? '', architecture: match[3] ?? '' }];
    });
    const wanted = packages.filter(({ name }) => isWanted(name));
    const exact = wanted.map(({ name, version }) => `${name}=${version}`);
    await this.#apt('apt-get', ['download', '-qq', ...exact], this.#archives);
    return wanted.map((item) => ({ ...item, file: this.#fileOf(item) }));
  }

  get #archives(): string {
    return join(this.#options.directory, 'cache/archives');
  }

  /** apt writes the colon of an epoch as %3a. */
  #fileOf({ name, version, architecture }: Omit<DebianPackage, 'file'>): string {
    return join(this.#archives, `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`);
  }

  #apt(program: string, args: string[], directory = this.#options.directory): Promise<string> {
    const home = this.#options.directory;
    const settings = [
      `Dir::Etc::sourcelist=${home}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::lists=${home}/lists`,
      `Dir::State::status=${home}/status`,
      `Dir::Cache=${home}/cache`,
      `APT::Architecture=${this.#options.architecture}`,
      `APT::Architectures=${this.#options.architecture}`,
      'APT::Install-Recommends=false',
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
      'Acquire::Retries=3',
    ];
    const options = settings.flatMap((setting) => ['-o', setting]);
    return runTool(program, [...options, ...args], { directory, timeoutMs: aptTimeoutMs });
  }
}
