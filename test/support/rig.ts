// A hub and a rig of devices for tests: what `skerry rig` does, told by its command
// line as a user tells it, and waiting for what comes of it. Emulation is slow:
// times are for a machine with two cores that has other things to do as well.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BoardName } from '../../firmware-images/manifest.ts';
import { startHub, type TestHub } from './hub.ts';
import type { Kubectl } from './kubectl.ts';
import { busyboxArchive, busyboxImage, rigImage } from './rig-image.ts';

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const pollMs = 1000;
/** From power-on to a Ready node, or to a running pod, at the longest. */
export const bootTimeoutMs = 20 * 60_000;
const commandTimeoutMs = bootTimeoutMs + 60_000;

export type CommandResult = { code: number; stdout: string; stderr: string };
type NodeObject = {
  status: { nodeInfo: { bootID: string }; conditions: { type: string; status: string }[] };
};
type PodObject = {
  metadata: { name: string };
  status: {
    phase: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { containerID: string }[];
  };
};

function isTrue(conditions: { type: string; status: string }[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
}

export class TestRig {
  readonly directory: string;
  readonly names: string[];
  hub: TestHub;

  private constructor(hub: TestHub, directory: string, names: string[]) {
    this.hub = hub;
    this.directory = directory;
    this.names = names;
  }

  /** Brings up a hub and devices that are Ready; those of the usual board have the busybox image. */
  static async start({
    count,
    prefix = 'rig',
    card,
  }: {
    count: number;
    prefix?: string;
    /** An image of another board. */
    card?: { board: BoardName; image: string; gibibytes: number };
  }): Promise<TestRig> {
    const { board, image, gibibytes } = card ?? { board: 'qemu-arm64', image: await rigImage(), gibibytes: 4 };
    const hub = await startHub({ dataDirectory: mkdtempSync(join(tmpdir(), 'skerry-rig-hub-')) });
    const names = Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
    const rig = new TestRig(hub, mkdtempSync(join(tmpdir(), 'skerry-rig-')), names);
    try {
      const timeout = `${bootTimeoutMs / 60_000}m`;
      const place = ['--image', image, '--data-dir', hub.dataDirectory, '--hub', hub.mqttUrl, '--timeout', timeout];
      const size = ['--count', String(count), '--disk', String(gibibytes)];
      await rig.ok(['up', '--board', board, '--name-prefix', prefix, ...size, ...place]);
      if (card === undefined) for (const name of names) await rig.#provideBusybox(name);
      return rig;
    } catch (error) {
      await rig.stop();
      throw error;
    }
  }

  get kubectl(): Kubectl {
    return this.hub.kubectl;
  }

  /** The hub is gone, as when its machine loses power. */
  async loseHub(): Promise<void> {
    await this.hub.kill9();
  }

  /** The hub is back, with its data and on its ports. */
  async restoreHub(): Promise<void> {
    const [httpsPort, mqttPort] = [this.hub.httpsUrl, this.hub.mqttUrl].map((url) => Number(new URL(url).port));
    const { dataDirectory } = this.hub;
    this.hub = await startHub({ dataDirectory, httpsPort: httpsPort ?? 0, mqttPort: mqttPort ?? 0 });
  }

  /** `skerry rig ARGS` to its end. */
  run(args: readonly string[], input?: string): Promise<CommandResult> {
    const [verb = '', ...rest] = args;
    const command = [entry, 'rig', verb, '--rig-dir', this.directory, ...rest];
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        command,
        { timeout: commandTimeoutMs, maxBuffer: 16 << 20 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
      child.stdin?.on('error', () => undefined);
      if (input === undefined) child.stdin?.end();
      else if (child.stdin !== null) createReadStream(input).pipe(child.stdin);
    });
  }

  /** It must succeed; resolves with its stdout. */
  async ok(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    assert.equal(code, 0, `skerry rig ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Runs a command on the device; it must succeed. */
  async ssh(name: string, command: string): Promise<string> {
    return (await this.ok(['ssh', name, '--', command])).trim();
  }

  /** Puts an archive of `docker save` into the device's engine, if the device lives as long. */
  load(name: string, archive: string): Promise<CommandResult> {
    return this.run(['ssh', name, '--', 'podman load -q'], archive);
  }

  async #provideBusybox(name: string): Promise<void> {
    const there = await this.run(['ssh', name, '--', `podman image exists ${busyboxImage}`]);
    if (there.code === 0) return;
    const { code, stderr } = await this.load(name, await busyboxArchive());
    assert.equal(code, 0, stderr);
    // An image that the engine has just taken is lost with the power.
    await this.ssh(name, 'sync');
  }

  /** What is on the device's console so far. */
  console(name: string): string {
    return readFileSync(join(this.directory, 'devices', name, 'console.log'), 'latin1');
  }

  /** Resolves when something is so. @throws with what was waited for */
  async until<T>(what: string, find: () => Promise<T | undefined>, timeoutMs = bootTimeoutMs): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    let last: unknown;
    for (;;) {
      try {
        const found = await find();
        if (found !== undefined) return found;
      } catch (error) {
        last = error;
      }
      if (performance.now() > deadline)
        throw new Error(`${what}: not within ${timeoutMs / 1000} s`, last === undefined ? {} : { cause: last });
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** Identifies the start that the node runs since. */
  async bootId(name: string): Promise<string> {
    return (await this.#node(name)).status.nodeInfo.bootID;
  }

  /** Waits until the node is Ready, after another start than this one if it is given. */
  ready(name: string, otherThan?: string): Promise<true> {
    return this.until(`${name} is Ready${otherThan === undefined ? '' : ' again'}`, async () => {
      const { status } = await this.#node(name);
      return isTrue(status.conditions, 'Ready') && status.nodeInfo.bootID !== otherThan ? true : undefined;
    });
  }

  /** Waits until the hub knows that the node does not answer. */
  unreachable(name: string): Promise<true> {
    return this.until(`${name} is not Ready`, async () =>
      isTrue((await this.#node(name)).status.conditions, 'Ready') ? undefined : true,
    );
  }

  #node(name: string): Promise<NodeObject> {
    return this.hub.get<NodeObject>(`/api/v1/nodes/${name}`);
  }

  /** A pod on one device that runs until it is told to end. */
  pod(name: string, device: string, fields: Record<string, unknown> = {}): object {
    const command = ['sh', '-c', 'trap "exit 0" TERM; echo up; while :; do sleep 0.5; done'];
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        nodeName: device,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: busyboxImage, imagePullPolicy: 'IfNotPresent', command }],
        ...fields,
      },
    };
  }

  /** Waits until the pod runs by its status, and proves that it does by running something in it. */
  async podRuns(name: string): Promise<void> {
    await this.until(`pod ${name} is ready`, async () => {
      const { status } = await this.hub.get<PodObject>(`/api/v1/namespaces/default/pods/${name}`);
      return status.phase === 'Running' && isTrue(status.conditions, 'Ready') ? true : undefined;
    });
    await this.until(`something runs in pod ${name}`, async () => {
      const { code, stdout } = await this.kubectl.run(['exec', name, '--', 'uname', '-m'], { timeoutMs: 120_000 });
      return code === 0 && stdout.trim() === 'aarch64' ? true : undefined;
    });
  }

  /** The container that a pod has by its status: another one after a restart. */
  async containerOf(name: string): Promise<string> {
    const { status } = await this.hub.get<PodObject>(`/api/v1/namespaces/default/pods/${name}`);
    return status.containerStatuses?.[0]?.containerID ?? '';
  }

  /** Takes all of it away. */
  async stop(): Promise<void> {
    const { code, stderr } = await this.run(['down']);
    await this.hub.stop();
    for (const directory of [this.directory, this.hub.dataDirectory])
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    assert.equal(code, 0, stderr);
  }
}
