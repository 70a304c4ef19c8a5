// A machine of bare Debian with systemd and without Node, for tests of packages:
// a container on this machine's network, with its container engine's socket.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runDirectory, runName } from './traces.ts';

const execute = promisify(execFile);
const image = 'skerry-test/debian:bookworm';
const commandTimeoutMs = 60_000;

/** Builds the machine's image when it is missing. @throws Error when mmdebstrap or the mirror is missing */
async function ensureImage(): Promise<void> {
  const { stdout } = await execute('docker', ['images', '-q', image]);
  if (stdout.trim() !== '') return;
  const tar = join(runDirectory, 'debian.tar');
  const packages = '--include=systemd,systemd-sysv,dbus';
  await execute('mmdebstrap', ['--variant=minbase', packages, 'bookworm', tar], { timeout: 300_000 });
  await execute('docker', ['import', '-c', 'CMD ["/lib/systemd/systemd"]', tar, image]);
  await rm(tar);
}

/**
 * This machine's cgroups for the systemd in the container. In version 1 they are mounts in a directory, which systemd
 * would make read-only for all, and fill with the controllers that it misses: it gets a directory of its own.
 */
function cgroupMounts(): { options: string[]; volumes: string[] } {
  const directory = '/sys/fs/cgroup';
  if (existsSync(join(directory, 'cgroup.controllers')))
    return { options: [], volumes: [`${directory}:${directory}:rw`] };
  const volumes = readdirSync(directory).map((name) => join(directory, name));
  return { options: ['--tmpfs', `${directory}:ro`], volumes: volumes.map((path) => `${path}:${path}:rw`) };
}

export class DebianMachine {
  readonly #name = `${runName}-debian`;

  /** Boots it; this run's directory is there, too, at the same path. */
  async start(): Promise<void> {
    await ensureImage();
    const cgroups = cgroupMounts();
    const capabilities = ['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE'].flatMap((name) => ['--cap-add', name]);
    const mounts = [...cgroups.volumes, '/var/run/docker.sock:/run/docker.sock'];
    await execute('docker', [
      ...['run', '--detach', '--name', this.#name, '--network', 'host', '--cgroupns', 'host'],
      ...[...capabilities, '--security-opt', 'seccomp=unconfined', '--tmpfs', '/run', '--tmpfs', '/tmp'],
      ...cgroups.options,
      ...[...mounts, `${runDirectory}:${runDirectory}`].flatMap((mount) => ['--volume', mount]),
      image,
    ]);
    await this.run('until systemctl is-active --quiet multi-user.target; do sleep 0.2; done');
  }

  /** Runs a shell script there; resolves with what it printed. @throws Error when it fails or takes too long */
  async run(script: string): Promise<string> {
    const words = ['exec', this.#name, 'timeout', String(commandTimeoutMs / 1000), 'sh', '-ec', script];
    return (await execute('docker', words)).stdout.trim();
  }

  /** A unit's property. */
  property(unit: string, name: string): Promise<string> {
    return this.run(`systemctl show ${unit} --property ${name} --value`);
  }

  async remove(): Promise<void> {
    await execute('docker', ['rm', '--force', this.#name]);
  }
}
