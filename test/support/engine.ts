// The real container engine of this machine, seen past the agents: what runs
// for an agent (by its instance label), commands inside containers, and the
// images that tests use, made from this machine's static busybox.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import Docker from 'dockerode';

const podmanSocket = process.env.SKERRY_TEST_PODMAN;
/** Whether the tests run against a Podman service, whose socket the environment names: see test/README.md. */
export const isPodman = podmanSocket !== undefined;
export const engineSocket = podmanSocket ?? '/var/run/docker.sock';
export const docker = new Docker({ socketPath: engineSocket });
/** Two images of different content: /version holds 1 or 2. */
export const images = { one: 'skerry-test/busybox:1', two: 'skerry-test/busybox:2' };

const instanceLabel = 'dev.skerry.instance';
const busybox = '/bin/busybox';
const execute = promisify(execFile);

export type EngineContainer = {
  id: string;
  podUid: string;
  podName: string;
  /** Empty for a sandbox. */
  name: string;
  role: string;
  attempt: number;
  state: string;
  image: string;
};

/** All containers of an agent, running or not. */
export async function containersOf(instance: string): Promise<EngineContainer[]> {
  const found = await docker.listContainers({ all: true, filters: { label: [`${instanceLabel}=${instance}`] } });
  return found.map(({ Id, Image, State, Labels }) => ({
    id: Id,
    podUid: Labels['dev.skerry.pod-uid'] ?? '',
    podName: Labels['dev.skerry.pod-name'] ?? '',
    name: Labels['dev.skerry.container'] ?? '',
    role: Labels['dev.skerry.role'] ?? '',
    attempt: Number(Labels['dev.skerry.attempt']),
    state: State,
    image: Labels['dev.skerry.image'] ?? Image,
  }));
}

/** Names of an agent's networks. */
export async function networksOf(instance: string): Promise<string[]> {
  const found = await docker.listNetworks({ filters: { label: [`${instanceLabel}=${instance}`] } });
  return found.map(({ Name }) => Name);
}

/** Kills all running containers of an agent at once, as a power cut does. */
export async function killContainers(instance: string): Promise<void> {
  const running = (await containersOf(instance)).filter((container) => container.state === 'running');
  await Promise.all(running.map(({ id }) => ignoreGone(docker.getContainer(id).kill({ signal: 'SIGKILL' }))));
}

/** Removes all containers and networks of an agent. */
export async function removeAll(instance: string): Promise<void> {
  await killContainers(instance);
  const containers = await containersOf(instance);
  const remove = async (some: EngineContainer[]): Promise<void> => {
    await Promise.all(some.map(({ id }) => ignoreGone(docker.getContainer(id).remove({ force: true, v: true }))));
  };
  // Podman keeps a sandbox while there are containers in it.
  await remove(containers.filter(({ role }) => role !== 'sandbox'));
  await remove(containers.filter(({ role }) => role === 'sandbox'));
  const networks = await docker.listNetworks({ filters: { label: [`${instanceLabel}=${instance}`] } });
  for (const { Id } of networks) await ignoreGone(docker.getNetwork(Id).remove());
}

async function ignoreGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (![304, 404, 409].includes((error as { statusCode?: number }).statusCode ?? 0)) throw error;
  }
}

/** Runs a command in a container, past the agent; resolves with its output. @throws Error when it fails */
export async function executeIn(id: string, command: string[]): Promise<string> {
  const exec = await docker.getContainer(id).exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const output = new PassThrough();
  docker.modem.demuxStream(stream, output, output);
  stream.on('end', () => output.end());
  let text = '';
  for await (const chunk of output) text += String(chunk);
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`${command.join(' ')} in ${id.slice(0, 12)} exited with ${ExitCode}: ${text}`);
  return text;
}

/** Environment variables of a container's first process. */
export async function environmentOf(id: string): Promise<Record<string, string>> {
  const text = await executeIn(id, ['cat', '/proc/1/environ']);
  return Object.fromEntries(
    text.split('\0').flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}

/** Makes the test images when they are missing. @throws Error naming what is missing */
export async function ensureImages(): Promise<void> {
  for (const [version, tag] of [images.one, images.two].entries()) {
    if (await hasImage(tag)) continue;
    const directory = await mkdtemp(join(tmpdir(), 'skerry-image-'));
    try {
      await importImage(directory, tag, String(version + 1));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

async function hasImage(tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

async function importImage(directory: string, tag: string, version: string): Promise<void> {
  for (const name of ['bin', 'etc', 'tmp']) await mkdir(join(directory, name));
  await execute('cp', [busybox, join(directory, 'bin/busybox')]).catch((error: unknown) => {
    throw new Error(`${busybox} is missing: install the Debian package busybox-static`, { cause: error });
  });
  const { stdout } = await execute(busybox, ['--list']);
  for (const applet of stdout.split('\n'))
    if (applet !== '' && applet !== 'busybox') await symlink('busybox', join(directory, 'bin', applet));
  await writeFile(join(directory, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  await writeFile(join(directory, 'version'), `${version}\n`);
  const tar = spawn('tar', ['-C', directory, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [repo = '', name = ''] = tag.split(':');
  const progress = await docker.importImage(tar.stdout as unknown as string, {
    repo,
    tag: name,
    changes: 'ENV PATH=/bin',
  });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress as unknown as NodeJS.ReadableStream, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}
