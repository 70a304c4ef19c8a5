// Debian packages of the executables, with their systemd services: built by
// dpkg-deb from the files in debian/, the same bytes for the same input.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Architecture } from './node-base.ts';

const execute = promisify(execFile);
const maintainer = 'Skerry contributors <contributors@skerry.invalid>';

export type DebianPackage = {
  name: 'skerry-agent' | 'skerry';
  /** One line. */
  synopsis: string;
  /** Lines of at most 79 characters. */
  description: readonly string[];
  /** More lines of the control file. */
  relations: readonly string[];
  /** In debian/NAME and in the package. */
  service: string;
  /** In debian/NAME, and in /etc/skerry of the package. */
  configuration: string;
  /** An agent's may hold a token; a hub runs as a user of its own that has to read it. */
  configurationMode: number;
};

export const debianPackages: readonly DebianPackage[] = [
  {
    name: 'skerry-agent',
    synopsis: 'Kubernetes node for devices that go offline',
    description: [
      'The agent runs the pods of its hub on this machine, with Docker or Podman,',
      'and goes on doing so without the hub, through reboots and power cuts.',
      'It holds one outbound connection to the hub, over MQTT and TLS.',
    ],
    relations: ['Recommends: docker.io | docker-ce | podman', 'Suggests: skerry'],
    service: 'skerry-agent.service',
    configuration: 'agent.yaml',
    configurationMode: 0o600,
  },
  {
    name: 'skerry',
    synopsis: 'Kubernetes control plane for devices that go offline',
    description: [
      'The hub serves the Kubernetes API from an embedded store, and devices reach',
      'it over MQTT. This package has the whole command line; the service of the',
      'hub is off until it is enabled: systemctl enable --now skerry-hub.',
    ],
    relations: ['Suggests: skerry-agent, kubernetes-client'],
    service: 'skerry-hub.service',
    configuration: 'hub.yaml',
    configurationMode: 0o644,
  },
];

/** Debian's names of architectures. */
const debianArchitectures: Record<Architecture, string> = { arm64: 'arm64', x64: 'amd64', armv7: 'armhf' };

export function debianFileName(name: string, version: string, architecture: Architecture): string {
  return `${name}_${version}_${debianArchitectures[architecture]}.deb`;
}

/** The control file (https://www.debian.org/doc/debian-policy/ch-controlfields.html). */
export function controlFile(
  { name, synopsis, description, relations }: DebianPackage,
  architecture: Architecture,
  version: string,
  installedKilobytes: number,
): string {
  // Node's own needs: what its makers build it against, and on 32-bit ARM 64-bit atomic operations.
  const depends = ['libc6 (>= 2.28)', 'libgcc-s1', 'libstdc++6', ...(architecture === 'armv7' ? ['libatomic1'] : [])];
  return `${[
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${debianArchitectures[architecture]}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${installedKilobytes}`,
    `Depends: ${depends.join(', ')}`,
    ...relations,
    'Section: admin',
    'Priority: optional',
    `Description: ${synopsis}`,
    ...description.map((line) => ` ${line}`),
  ].join('\n')}\n`;
}

function changelog(name: string, version: string, epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000).toUTCString().replace('GMT', '+0000');
  return `${name} (${version}) unstable; urgency=medium\n\n  * Release ${version}; CHANGELOG.md of the source tells what is new.\n\n -- ${maintainer}  ${date}\n`;
}

const copyright = `Copyright (C) 2026 the contributors of Skerry

Skerry is licensed under the Apache License, Version 2.0, which Debian has as
/usr/share/common-licenses/Apache-2.0. The executable contains Node.js and
packages of others: licenses.gz beside this file holds their names, copyrights
and licences in full.
`;

/** What lintian says and is meant so. */
function lintianOverrides({ name, configuration, configurationMode }: DebianPackage): string {
  return `# Node.js, which the executable is made of, is built so by its makers.
${name}: embedded-library *
${name}: hardening-no-pie *
# It has --help.
${name}: no-manual-page *
${configurationMode === 0o644 ? '' : `# It may hold a token.\n${name}: non-standard-file-perm *etc/skerry/${configuration}*\n`}`;
}

type DebianInput = {
  package: DebianPackage;
  architecture: Architecture;
  version: string;
  executable: string;
  /** Licences of all that is inside, in full. */
  licenses: string;
  /** Seconds since 1970 that all files carry. */
  epochSeconds: number;
  output: string;
  work: string;
};

/** Writes a .deb. @throws Error with what dpkg-deb said */
export async function makeDebianPackage(input: DebianInput): Promise<void> {
  const { epochSeconds, output, work } = input;
  const tree = join(work, 'deb');
  rmSync(tree, { recursive: true, force: true });
  layOut(input, tree);
  // One thread: how the work is divided shows in the result. The lowest level is 4 % larger and takes a fifth of the time.
  const options = ['--root-owner-group', '-Zxz', '-z1', '--threads-max=1'];
  await execute('dpkg-deb', [...options, '--build', tree, output], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epochSeconds) },
  });
  rmSync(tree, { recursive: true });
}

function layOut(
  { package: described, architecture, version, executable, licenses, epochSeconds }: DebianInput,
  tree: string,
): void {
  const { name, service, configuration, configurationMode } = described;
  const source = join(import.meta.dirname, 'debian', name);
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(tree, path), content);
    chmodSync(join(tree, path), mode);
  };
  const settings = `etc/skerry/${configuration}`;
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  copyFileSync(executable, join(tree, 'usr/bin', name));
  chmodSync(join(tree, 'usr/bin', name), 0o755);
  put(`usr/lib/systemd/system/${service}`, readFileSync(join(source, service)));
  put(settings, readFileSync(join(source, configuration)), configurationMode);
  put(`usr/share/doc/${name}/copyright`, copyright);
  put(`usr/share/doc/${name}/licenses.gz`, gzipSync(licenses, { level: 9 }));
  put(`usr/share/lintian/overrides/${name}`, lintianOverrides(described));
  put(`usr/share/doc/${name}/changelog.gz`, gzipSync(changelog(name, version, epochSeconds), { level: 9 }));
  const files = filesIn(tree);
  const sums = files.map(
    (path) =>
      `${createHash('md5')
        .update(readFileSync(join(tree, path)))
        .digest('hex')}  ${path}\n`,
  );
  const kilobytes = files.reduce((sum, path) => sum + Math.ceil(statSync(join(tree, path)).size / 1024), 0);
  put('DEBIAN/control', controlFile(described, architecture, version, kilobytes));
  put('DEBIAN/conffiles', `/${settings}\n`);
  put('DEBIAN/md5sums', sums.join(''));
  for (const script of ['postinst', 'prerm', 'postrm'])
    put(`DEBIAN/${script}`, readFileSync(join(source, script)), 0o755);
}

/** Files below a directory, by name. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}
