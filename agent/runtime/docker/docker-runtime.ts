// The container engine behind Docker's API (dockerode): Docker, or Podman's
// compatible socket. Everything of this node carries its instance label;
// nothing without it is ever touched.
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { whenAborted } from '../../../platform/abort.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Disk } from '../../../platform/disk.ts';
import {
  type ContainerResources,
  type ContainerSpec,
  type ContainerStreams,
  type LogQuery,
  memoryInUse,
  type RegistryCredentials,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type SandboxSpec,
  type Usage,
} from '../runtime.ts';
import { containerOptions, hostResources, resourcesOf, sandboxOptions } from './create-options.ts';
import { type DockerError, dependentsIn, guarded, isNameTaken, translate } from './docker-error.ts';
import { DockerLogs } from './docker-logs.ts';
import { DockerStreams, type DockerStreamsParts } from './docker-streams.ts';
import { fromInspection, fromListing } from './inspection.ts';
import { instanceLabel, isSandbox, podUidFilter, podUidOf } from './labels.ts';
import { demultiplex } from './log-stream.ts';
import { pauseImage, pauseImageTar } from './pause-image.ts';

export type DockerRuntimeOptions = {
  /** Path of the engine's socket. */
  socketPath: string;
  nodeName: string;
  /** Tells this agent's containers from those of others in the same engine. */
  instance: string;
  /** GOARCH of the device. */
  architecture: string;
};

/** Pause before the engine's events are followed again after they broke off, ms. */
const rewatchMs = 2000;
/** Time for the engine to say what it has, ms. */
const answerWithinMs = 60_000;
/** Beyond the grace period, time for the engine to stop a container, ms. */
const requestTimeoutMs = 60_000;

type EngineEvent = { Action?: string; Actor?: { ID?: string; Attributes?: Record<string, string> } };
/** Most bytes of a command's output that are kept. */
const maxOutputBytes = 10_240;

async function readOutput(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of demultiplex(stream)) {
    if (bytes < maxOutputBytes) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxOutputBytes);
}

/** @throws RuntimeError when the container uses more memory than the limit */
function requireFits(usage: ReadonlyMap<string, Usage>, id: string, limitBytes: number): void {
  const { memoryBytes = 0 } = usage.get(id) ?? {};
  if (memoryBytes <= limitBytes) return;
  throw new RuntimeError('failed', memoryInUse(memoryBytes, limitBytes));
}

export class DockerRuntime implements Runtime {
  #options: DockerRuntimeOptions;
  #docker: Docker;
  #clock: Clock;
  #logs: DockerLogs;
  #networkName: string;
  /**
   * Containers that were removed and that Podman keeps, by id, with those that need them: a sandbox, while there are
   * ended containers in it. Nobody sees them until they can go.
   */
  #leaving = new Map<string, string[]>();
  /** Whether the engine is Podman; undefined until it has been asked. */
  #podman: boolean | undefined;
  /** What was inspected, by container id and state: only an update changes a container in one state. */
  #inspected = new Map<string, RuntimeContainer>();
  /** The image of sandboxes is being looked for, or imported: once for all who wait for it. */
  #providing: Promise<void> | undefined;
  /** Counts updates, since one under way makes what is inspected meanwhile old. */
  #updates = 0;

  /** What goes on inside the containers of the same engine. */
  readonly streams: ContainerStreams;

  constructor(
    options: DockerRuntimeOptions,
    parts: { clock: Clock; disk: Disk } & Omit<DockerStreamsParts, 'docker' | 'clock'>,
  ) {
    this.#options = options;
    this.#docker = new Docker({ socketPath: options.socketPath, timeout: 0 });
    this.#clock = parts.clock;
    this.#logs = new DockerLogs({ ...parts, docker: this.#docker });
    this.streams = new DockerStreams({ ...parts, docker: this.#docker });
    this.#networkName = `skerry-${options.nodeName}-${options.instance}`;
  }

  async describe(): Promise<{ name: string; version: string }> {
    return this.#inTime(async () => {
      const { Version, Components = [] } = await this.#docker.version();
      const isPodman = Components.some(({ Name }) => Name === 'Podman Engine');
      return { name: isPodman ? 'podman' : 'docker', version: Version };
    });
  }

  /** What the engine is made of, as people who look after it want to know it. */
  async details(): Promise<{
    name: string;
    version: string;
    cgroupDriver: string;
    cgroupVersion: string;
    storageDriver: string;
  }> {
    const { name } = await this.describe();
    return this.#inTime(async () => {
      const { ServerVersion, CgroupDriver, CgroupVersion, Driver } = await this.#docker.info();
      return {
        name,
        version: ServerVersion ?? 'unknown',
        cgroupDriver: CgroupDriver ?? 'unknown',
        cgroupVersion: CgroupVersion ?? '1',
        storageDriver: Driver ?? 'unknown',
      };
    });
  }

  async #isPodman(): Promise<boolean> {
    this.#podman ??= (await this.describe()).name === 'podman';
    return this.#podman;
  }

  async ensureNetwork(cidr: string): Promise<void> {
    await guarded(async () => {
      const [network] = await this.#docker.listNetworks({
        filters: { name: [`^${this.#networkName}$`], label: [this.#filter()] },
      });
      if (network?.IPAM?.Config?.[0]?.Subnet === cidr) return;
      if (network !== undefined) await this.#docker.getNetwork(network.Id).remove();
      await this.#docker.createNetwork({
        Name: this.#networkName,
        Driver: 'bridge',
        IPAM: { Driver: 'default', Config: [{ Subnet: cidr }] },
        Labels: { [instanceLabel]: this.#options.instance },
      });
    });
  }

  async list(podUid?: string): Promise<RuntimeContainer[]> {
    return this.#inTime(async () => {
      const label = [this.#filter(), ...(podUid === undefined ? [] : [podUidFilter(podUid)])];
      const found = await this.#docker.listContainers({ all: true, filters: { label } });
      const containers: RuntimeContainer[] = [];
      const seen = new Set<string>();
      for (const listed of found) {
        const key = `${listed.Id} ${listed.State}`;
        seen.add(key);
        const updates = this.#updates;
        const known = this.#inspected.get(key);
        const inspected = known === undefined ? await this.#inspect(listed) : { container: known, isWhole: true };
        if (inspected === undefined) continue;
        const { container, isWhole } = inspected;
        if (isWhole && updates === this.#updates) this.#inspected.set(key, container);
        containers.push(container);
      }
      for (const [key, container] of this.#inspected) {
        if (!seen.has(key) && (podUid === undefined || container.podUid === podUid)) this.#inspected.delete(key);
      }
      return containers.filter(
        ({ id }) => !this.#leaving.get(id)?.some((other) => containers.some((item) => item.id === other)),
      );
    });
  }

  async hasImage(image: string): Promise<boolean> {
    return guarded(async () => {
      try {
        await this.#docker.getImage(image).inspect();
        return true;
      } catch (error) {
        if ((error as DockerError).statusCode === 404) return false;
        throw error;
      }
    });
  }

  async pull(image: string, credentials?: RegistryCredentials): Promise<void> {
    try {
      const name = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
      const auth =
        credentials === undefined
          ? {}
          : {
              authconfig: {
                username: credentials.username,
                password: credentials.password,
                serveraddress: credentials.server,
              },
            };
      await this.#finish(await this.#docker.pull(name, auth));
    } catch (error) {
      throw translate(error, 'image-pull');
    }
  }

  async createSandbox(spec: SandboxSpec): Promise<string> {
    return guarded(async () => {
      this.#providing ??= this.#providePauseImage().finally(() => {
        this.#providing = undefined;
      });
      await this.#providing;
      return this.#create(
        sandboxOptions(spec, { image: pauseImage, network: this.#networkName, instance: this.#options.instance }),
      );
    });
  }

  async createContainer(spec: ContainerSpec): Promise<string> {
    return guarded(async () => {
      const context = { instance: this.#options.instance, isPodman: await this.#isPodman() };
      return this.#create(containerOptions(spec, context));
    });
  }

  async start(id: string): Promise<void> {
    await guarded(async () => {
      try {
        await this.#docker.getContainer(id).start();
      } catch (error) {
        if ((error as DockerError).statusCode !== 304) throw error;
      } finally {
        // What could not be started Podman lists as created still, now with the reason.
        this.#forget(id);
      }
    });
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    await guarded(async () => {
      try {
        const container = this.#docker.getContainer(id);
        if (graceSeconds === 0) await container.kill({ signal: 'SIGKILL' });
        else
          await container.stop({
            t: graceSeconds,
            abortSignal: AbortSignal.timeout(graceSeconds * 1000 + requestTimeoutMs),
          });
      } catch (error) {
        // 304: it has stopped; 404: it is gone; 409: it does not run.
        if (![304, 404, 409].includes((error as DockerError).statusCode ?? 0)) throw error;
      }
    });
  }

  async update(id: string, resources: ContainerResources): Promise<void> {
    await guarded(async () => {
      const container = this.#docker.getContainer(id);
      const { HostConfig, State } = await container.inspect();
      const known = resourcesOf(HostConfig).memoryLimitBytes ?? Number.POSITIVE_INFINITY;
      const limit = resources.memoryLimitBytes ?? known;
      // The kernel would end what is over its new limit, or refuse the limit: here it is refused alike everywhere.
      if (State.Running && limit < known) requireFits(await this.streams.usage([id]), id, limit);
      try {
        await container.update(hostResources(resources));
      } finally {
        this.#forget(id);
      }
    });
  }

  async remove(id: string): Promise<void> {
    await guarded(async () => {
      const dependents = await this.#removeUnlessNeeded(id);
      if (dependents.length > 0) this.#leaving.set(id, dependents);
      else this.#leaving.delete(id);
    });
  }

  async exec(id: string, command: readonly string[], timeoutMs: number): Promise<{ exitCode: number; output: string }> {
    return guarded(async () => {
      const exec = await this.#docker
        .getContainer(id)
        .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
      const stream = await exec.start({});
      let cancel: () => void = () => undefined;
      const late = new Promise<never>((_, reject) => {
        cancel = this.#clock.setTimer(timeoutMs, () =>
          reject(new RuntimeError('failed', `command timed out after ${timeoutMs} ms`)),
        );
      });
      try {
        const output = await Promise.race([readOutput(stream), late]);
        const { ExitCode } = await exec.inspect();
        return { exitCode: ExitCode ?? 0, output };
      } finally {
        cancel();
        stream.destroy();
      }
    });
  }

  logs(id: string, query: LogQuery, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#logs.read(id, query, signal);
  }

  watch(signal: AbortSignal, onChange: (podUid: string | undefined) => void): void {
    void this.#follow(signal, onChange);
  }

  async uninstall(): Promise<void> {
    await guarded(async () => {
      const containers = await this.#docker.listContainers({ all: true, filters: { label: [this.#filter()] } });
      // Podman keeps a sandbox while there are containers in it.
      const sandboxesLast = containers.sort((a, b) => Number(isSandbox(a.Labels)) - Number(isSandbox(b.Labels)));
      for (const { Id } of sandboxesLast) await this.#end(Id);
      for (const { Id } of await this.#docker.listNetworks({ filters: { label: [this.#filter()] } }))
        await this.#docker.getNetwork(Id).remove();
      // Another agent in the same engine may use it: then it stays.
      await this.#docker
        .getImage(pauseImage)
        .remove()
        .catch(() => undefined);
    });
  }

  async #follow(signal: AbortSignal, onChange: (podUid: string | undefined) => void): Promise<void> {
    while (!signal.aborted) {
      try {
        const filters = {
          type: ['container' as const],
          label: [this.#filter()],
          event: ['start', 'die', 'destroy', 'oom'],
        };
        const stream = (await this.#docker.getEvents({ filters })) as unknown as Readable;
        whenAborted(signal, () => void stream.destroy());
        // What happened while nobody listened.
        onChange(undefined);
        let rest = '';
        for await (const chunk of stream) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            void this.#tellOf(JSON.parse(line) as EngineEvent, onChange);
          }
        }
      } catch {
        // The engine has gone or is not there yet: whoever looks at it next will say so.
      }
      if (signal.aborted) return;
      onChange(undefined);
      await new Promise<void>((resolve) => this.#clock.setTimer(rewatchMs, resolve));
    }
  }

  /** The engine tells that a container died before it lists it as exited: wait until it does. */
  async #tellOf({ Action, Actor }: EngineEvent, onChange: (podUid: string | undefined) => void): Promise<void> {
    if (Action === 'die' && Actor?.ID !== undefined) {
      await this.#docker
        .getContainer(Actor.ID)
        .wait({ condition: 'not-running' })
        .catch(() => undefined);
    }
    // The kernel's word on why may come after the end, when it was inspected already.
    if (Action === 'oom' && Actor?.ID !== undefined) this.#forget(Actor.ID);
    onChange(podUidOf(Actor?.Attributes));
  }

  /**
   * What the engine knows of a container that it has listed; undefined when it is gone. One that the engine lists and
   * can't tell of, as Podman after a power cut, has ended: it is no reason to see none of the others.
   */
  async #inspect(listed: Docker.ContainerInfo): Promise<{ container: RuntimeContainer; isWhole: boolean } | undefined> {
    const engine = (await this.#isPodman()) ? 'podman' : 'docker';
    try {
      const info = await this.#docker.getContainer(listed.Id).inspect();
      return { container: fromInspection(info, { networkName: this.#networkName, engine }), isWhole: true };
    } catch (error) {
      const { statusCode } = error as DockerError;
      if (statusCode === 404) return undefined;
      if (statusCode === undefined) throw error;
      return { container: fromListing(listed, { problem: translate(error).message, engine }), isWhole: false };
    }
  }

  /** What was inspected of a container is not so any more. */
  #forget(id: string): void {
    this.#updates += 1;
    for (const key of this.#inspected.keys()) if (key.startsWith(`${id} `)) this.#inspected.delete(key);
  }

  /** Creates a container; one of the same name is left from an attempt that was cut short, and goes. */
  async #create(options: Docker.ContainerCreateOptions): Promise<string> {
    try {
      return (await this.#docker.createContainer(options)).id;
    } catch (error) {
      if (!isNameTaken(error as DockerError)) throw error;
      await this.#end(options.name ?? '');
      return (await this.#docker.createContainer(options)).id;
    }
  }

  /** Removes a container; resolves with those that Podman wants removed first. */
  async #removeUnlessNeeded(id: string): Promise<string[]> {
    try {
      await this.#docker.getContainer(id).remove({ force: true, v: true });
    } catch (error) {
      // 409: its removal is under way.
      if ([404, 409].includes((error as DockerError).statusCode ?? 0)) return [];
      const dependents = dependentsIn(error as DockerError);
      if (dependents.length === 0) throw error;
      return dependents;
    }
    return [];
  }

  /**
   * Removes a container that may run, and those that need it. Killed first: Podman's removal by force would wait
   * for its grace period.
   */
  async #end(id: string): Promise<void> {
    await this.stop(id, 0);
    const dependents = await this.#removeUnlessNeeded(id);
    for (const dependent of dependents) await this.#end(dependent);
    if (dependents.length > 0) await this.remove(id);
  }

  async #providePauseImage(): Promise<void> {
    if (await this.hasImage(pauseImage)) return;
    const [repo = '', tag = ''] = pauseImage.split(':');
    const stream = await this.#docker.importImage(
      Readable.from([pauseImageTar(this.#options.architecture)]) as unknown as string,
      {
        repo,
        tag,
        changes: 'ENTRYPOINT ["/pause"]',
      },
    );
    await this.#finish(stream as unknown as NodeJS.ReadableStream);
  }

  /** Reads a progress stream to its end. @throws Error when it tells of one */
  #finish(stream: NodeJS.ReadableStream): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#docker.modem.followProgress(stream, (error, output: { error?: string }[] | null) => {
        const failure = error ?? (output ?? []).map((line) => line.error).find((text) => text !== undefined);
        if (failure === undefined || failure === null) resolve();
        else reject(failure instanceof Error ? failure : new Error(failure));
      });
    });
  }

  #filter(): string {
    return `${instanceLabel}=${this.#options.instance}`;
  }

  /** As guarded; an engine that takes the call and never answers is as good as none. */
  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    let cancel: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new RuntimeError(
        'unavailable',
        `the container engine does not answer within ${answerWithinMs / 1000} s`,
      );
      cancel = this.#clock.setTimer(answerWithinMs, () => reject(error));
    });
    try {
      return await Promise.race([guarded(work), late]);
    } finally {
      cancel();
    }
  }
}
