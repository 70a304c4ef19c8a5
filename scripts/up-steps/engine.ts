// The container engine for scripts/up: one that runs, else, as root, dockerd
// from Debian's packages, started in the background and noted for --down.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import Docker from 'dockerode';
import { fileArchive } from '../../agent/runtime/docker/tar.ts';
import { isRunning, notePid, readNote, stopProcess, writeNote } from './processes.ts';
import { say } from './say.ts';

const dockerSocket = '/var/run/docker.sock';
const pullWithinMs = 20_000;
const engineWithinMs = 60_000;

function candidateSockets(): string[] {
  const fromEnvironment = process.env.DOCKER_HOST?.startsWith('unix://')
    ? [process.env.DOCKER_HOST.slice('unix://'.length)]
    : [];
  const runtimeDirectory = process.env.XDG_RUNTIME_DIR;
  const rootless =
    runtimeDirectory === undefined
      ? []
      : [join(runtimeDirectory, 'docker.sock'), join(runtimeDirectory, 'podman/podman.sock')];
  return [...fromEnvironment, dockerSocket, '/run/podman/podman.sock', ...rootless];
}

async function answers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  return new Docker({ socketPath, timeout: 5000 }).ping().then(
    () => true,
    () => false,
  );
}

function run(command: string, args: string[]): void {
  const { status, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed: ${stderr?.trim().split('\n').at(-1) ?? 'not found'}`);
}

function hasCommand(name: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin', '/usr/local/sbin'].some((directory) =>
    existsSync(join(directory, name)),
  );
}

/** Path of the socket of an engine that answers. @throws Error that says exactly what to run */
export async function findEngine(runDirectory: string): Promise<string> {
  for (const socket of candidateSockets()) {
    if (!(await answers(socket))) continue;
    say(`container engine found at ${socket}`);
    writeNote(runDirectory, 'socket', socket);
    return socket;
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      'no container engine runs here, and installing one needs root. Run: sudo apt-get install docker.io iptables && sudo systemctl start docker && sudo usermod -aG docker $USER (then log in again)',
    );
  }
  if (!hasCommand('dockerd') || !hasCommand('iptables')) {
    say('no container engine: installing docker.io and iptables from Debian');
    run('apt-get', ['update', '-q']);
    run('apt-get', ['install', '-q', '-y', '--no-install-recommends', 'docker.io', 'iptables', 'busybox-static']);
  }
  if (!(await answers(dockerSocket))) await startDockerd(runDirectory);
  writeNote(runDirectory, 'socket', dockerSocket);
  return dockerSocket;
}

async function startDockerd(runDirectory: string): Promise<void> {
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  if (existsSync('/run/systemd/system')) {
    say('starting docker.service');
    run('systemctl', ['start', 'docker']);
  } else {
    say(`starting dockerd in the background (log: ${join(runDirectory, 'dockerd.log')})`);
    const log = openSync(join(runDirectory, 'dockerd.log'), 'w', 0o600);
    const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] });
    child.unref();
    if (child.pid !== undefined) notePid(runDirectory, 'dockerd', child.pid);
  }
  for (let waitedMs = 0; waitedMs < engineWithinMs; waitedMs += 500) {
    if (await answers(dockerSocket)) return;
    await wait(500);
  }
  const log = join(runDirectory, 'dockerd.log');
  const last = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').at(-1) : 'see journalctl -u docker';
  throw new Error(`dockerd does not answer: ${last}`);
}

/** Makes sure that an image is there: pulled, else made from busybox-static. Resolves with whether it was made now. */
export async function provideImage(socketPath: string, image: string): Promise<boolean> {
  const docker = new Docker({ socketPath });
  if (
    await docker
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      )
  )
    return false;
  const pulled = await Promise.race([pull(docker, image), wait(pullWithinMs, false)]);
  if (pulled) return false;
  await makeImage(docker, image);
  return true;
}

async function pull(docker: Docker, image: string): Promise<boolean> {
  try {
    await finish(docker, await docker.pull(image));
    return true;
  } catch {
    return false; // no registry can be reached
  }
}

async function makeImage(docker: Docker, image: string): Promise<void> {
  if (!hasCommand('busybox')) {
    if (process.getuid?.() !== 0)
      throw new Error(`the image ${image} can't be pulled; to make it here, run: sudo apt-get install busybox-static`);
    run('apt-get', ['update', '-q']);
    run('apt-get', ['install', '-q', '-y', '--no-install-recommends', 'busybox-static']);
  }
  const busybox = readFileSync(existsSync('/bin/busybox') ? '/bin/busybox' : '/usr/bin/busybox');
  const applets = spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n');
  const archive = fileArchive([
    { name: 'bin/busybox', content: busybox, mode: 0o755 },
    ...applets
      .filter((applet) => applet !== 'busybox')
      .map((applet) => ({ name: `bin/${applet}`, linkTarget: 'busybox' })),
  ]);
  const [repo = '', tag = ''] = image.split(':');
  const options = { repo, tag, changes: 'CMD ["sh"]\nENV PATH=/bin\nLABEL dev.skerry.made=1' };
  await finish(
    docker,
    (await docker.importImage(
      Readable.from([archive]) as unknown as string,
      options,
    )) as unknown as NodeJS.ReadableStream,
  );
}

function finish(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
  });
}

/** Removes the image that was made here, and stops dockerd if scripts/up started it. */
export async function stopEngine(runDirectory: string, image: string): Promise<void> {
  const socketPath = readNote(runDirectory, 'socket');
  if (socketPath !== undefined && (await answers(socketPath))) {
    const docker = new Docker({ socketPath });
    const made = await docker
      .getImage(image)
      .inspect()
      .then(
        (info) => info.Config.Labels?.['dev.skerry.made'] === '1',
        () => false,
      );
    // Other containers may use it: then it stays.
    if (made)
      await docker
        .getImage(image)
        .remove()
        .catch(() => undefined);
  }
  if (!isRunning(runDirectory, 'dockerd')) return;
  say('stopping the dockerd that scripts/up started');
  await stopProcess(runDirectory, 'dockerd');
}
