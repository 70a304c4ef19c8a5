// What devices of a rig start from in tests: the image that SKERRY_RIG_IMAGE names,
// or one that is built once and kept; and container images for arm64, made here of
// Debian's busybox, since no registry is to be had.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DebianArchive } from '../../firmware-images/debian.ts';
import { manifestPath, readManifestFile } from '../../firmware-images/inspect.ts';
import { runTool } from '../../firmware-images/tools.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const cacheDirectory = join(checkout, '.cache/rig');
const buildTimeoutMs = 30 * 60_000;

/** The container image that all of a rig's pods run. */
export const busyboxImage = 'skerry-test/rig-busybox:1';

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Busybox for arm64 out of Debian's package. */
async function armBusybox(directory: string): Promise<string> {
  const archive = new DebianArchive({
    directory: join(homedir(), '.cache/skerry/images/trixie-arm64'),
    mirror: undefined,
    suites: ['trixie'],
    architecture: 'arm64',
    components: ['main', 'non-free-firmware'],
  });
  await archive.update();
  const [found] = (await archive.fetch(['busybox-static'])).filter(({ name }) => name === 'busybox-static');
  if (found === undefined) throw new Error('Debian has no busybox-static for arm64');
  await runTool('dpkg-deb', ['-x', found.file, directory]);
  return [join(directory, 'bin/busybox'), join(directory, 'usr/bin/busybox')].find(existsSync) ?? '';
}

/** Writes an archive as `docker save` does. https://github.com/moby/docker-image-spec */
function saveImage(root: string, name: string, file: string): void {
  const directory = `${file}.parts`;
  mkdirSync(directory, { recursive: true });
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '--sort=name', '-cf', join(directory, 'layer.tar'), '.']);
  const layer = sha256(join(directory, 'layer.tar'));
  const config = {
    architecture: 'arm64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
  execFileSync('tar', ['-C', directory, '-cf', file, 'manifest.json', 'config.json', 'layer.tar']);
}

/** Archive of busyboxImage; made once. */
export async function busyboxArchive(): Promise<string> {
  const file = join(cacheDirectory, 'busybox.tar');
  if (existsSync(file)) return file;
  const root = join(cacheDirectory, 'busybox-root');
  for (const folder of ['bin', 'etc', 'tmp']) mkdirSync(join(root, folder), { recursive: true });
  const busybox = await armBusybox(join(cacheDirectory, 'busybox-package'));
  execFileSync('cp', [busybox, join(root, 'bin/busybox')]);
  for (const applet of ['sh', 'sleep', 'echo', 'cat', 'uname', 'hostname', 'date', 'touch', 'ls'])
    if (!existsSync(join(root, 'bin', applet))) symlinkSync('busybox', join(root, 'bin', applet));
  saveImage(root, busyboxImage, file);
  return file;
}

/** An image that no device has: as large as said, and of noise, so that it takes time to load. */
export function noiseArchive(directory: string, name: string, bytes: number): string {
  const root = join(directory, `${name}-root`);
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'noise'), randomBytes(bytes));
  const file = join(directory, `${name}.tar`);
  saveImage(root, `skerry-test/${name}:1`, file);
  return file;
}

/** Path of the image for qemu-arm64. */
export async function rigImage(): Promise<string> {
  const given = process.env.SKERRY_RIG_IMAGE;
  if (given !== undefined) return given;
  const path = join(cacheDirectory, 'image');
  const manifest = join(path, 'skerry-qemu-arm64-0.1.0.json');
  if (!existsSync(manifest)) {
    const options = ['--board', 'qemu-arm64', '--no-compress', '--output', path, '--preload', await busyboxArchive()];
    const command = [join(checkout, 'cli/main.ts'), 'image', 'build', ...options];
    execFileSync(process.execPath, command, { stdio: 'inherit', timeout: buildTimeoutMs });
  }
  return join(path, readManifestFile(manifestPath(manifest)).image.file);
}
