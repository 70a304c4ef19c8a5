// A hub and agents with a real Docker engine for tests: agents on this machine's
// network or behind links that can be cut, restarts of both on their data, and
// a comparison of what the API says with what the engine runs.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AgentOptions, type Link, skerry, TestAgent } from './agent.ts';
import { containersOf, ensureImages } from './engine.ts';
import { startHub, type TestHub } from './hub.ts';
import type { Kubectl } from './kubectl.ts';
import { beginRun, endRun, runDirectory } from './traces.ts';

const pollMs = 150;
const defaultTimeoutMs = 30_000;

export type Pod = {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: { nodeName?: string; containers: { name: string; image: string }[] };
  status: {
    phase: string;
    podIP?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
};
export type ContainerStatus = {
  name: string;
  image: string;
  ready: boolean;
  restartCount: number;
  containerID?: string;
  state: {
    running?: object;
    waiting?: { reason: string; message?: string };
    terminated?: { reason: string; exitCode: number };
  };
  lastState: { terminated?: { reason: string; exitCode: number } };
};
export type Node = {
  metadata: { name: string };
  spec: { taints?: { key: string; effect: string }[] };
  status: { conditions: { type: string; status: string; reason: string; message: string }[] };
};

export type ClusterOptions = {
  /** More arguments of every start of the hub. */
  hubArgs?: readonly string[];
  /** Below the run's directory. */
  hubDirectory?: string;
};

export class TestCluster {
  hub: TestHub;
  readonly agents = new Map<string, TestAgent>();
  #hubOptions: { dataDirectory: string; args: readonly string[] };
  #ports: { httpsPort: number; mqttPort: number };

  private constructor(hub: TestHub, hubOptions: { dataDirectory: string; args: readonly string[] }) {
    this.hub = hub;
    this.#hubOptions = hubOptions;
    this.#ports = { httpsPort: Number(new URL(hub.httpsUrl).port), mqttPort: Number(new URL(hub.mqttUrl).port) };
  }

  /** Starts a hub without agents, after removing what killed runs left. */
  static async start({ hubArgs = [], hubDirectory = 'hub' }: ClusterOptions = {}): Promise<TestCluster> {
    await beginRun();
    try {
      await ensureImages();
      const dataDirectory = join(runDirectory, hubDirectory);
      await mkdir(dataDirectory, { recursive: true });
      const args = ['--bind-address', '0.0.0.0', '--unreachable-after', '2s', ...hubArgs];
      const options = { dataDirectory, args };
      return new TestCluster(await startHub(options), options);
    } catch (error) {
      await endRun();
      throw error;
    }
  }

  /** Ends and removes everything. */
  async stop(): Promise<void> {
    await endRun();
  }

  get kubectl(): Kubectl {
    return this.hub.kubectl;
  }

  /** mqtts://HOST:PORT as seen by an agent. */
  hubUrl(link?: Link): string {
    return `mqtts://${link?.hostAddress ?? '127.0.0.1'}:${this.#ports.mqttPort}`;
  }

  /** A join token. */
  async token(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await skerry(['token', 'create', '--data-dir', this.hub.dataDirectory, ...args]);
    if (code !== 0) throw new Error(`skerry token create exited with ${code}: ${stderr}`);
    return stdout.trim();
  }

  /** Joins a node, by the way of `hubUrl` when it is given; resolves when it is Ready. */
  async addAgent(options: AgentOptions & { token?: string; hubUrl?: string }): Promise<TestAgent> {
    const agent = new TestAgent(options);
    this.agents.set(agent.name, agent);
    const token = options.token ?? (await this.token());
    const hubUrl = options.hubUrl ?? this.hubUrl(agent.link);
    await agent.start(['--hub', hubUrl, '--token', token, '--node-name', agent.name]);
    await this.nodeReady(agent.name, 'True');
    return agent;
  }

  /** As a power cut of the hub, and its start with the same data and ports. */
  async restartHub(): Promise<void> {
    await this.hub.kill9();
    await this.startHub();
  }

  /** Starts the hub again with its data and ports. */
  async startHub(): Promise<void> {
    this.hub = await startHub({ ...this.#hubOptions, ...this.#ports });
  }

  pods(...args: string[]): Promise<Pod[]> {
    return this.kubectl.json<{ items: Pod[] }>(['get', 'pods', ...args]).then(({ items }) => items);
  }

  pod(name: string): Promise<Pod> {
    return this.kubectl.json<Pod>(['get', 'pod', name]);
  }

  /** Waits until a node's Ready condition has this status; resolves with the node. */
  nodeReady(name: string, status: string, timeoutMs = defaultTimeoutMs): Promise<Node> {
    const look = async (): Promise<Node | undefined> => {
      const { code, stdout } = await this.kubectl.run(['get', 'node', name, '-o', 'json']);
      if (code !== 0) return undefined;
      const node = JSON.parse(stdout) as Node;
      return readyOf(node.status.conditions) === status ? node : undefined;
    };
    return this.until(`node ${name} is Ready=${status}`, look, timeoutMs);
  }

  /** Waits until a pod is as wanted; resolves with it. */
  podUntil(name: string, what: string, fits: (pod: Pod) => boolean, timeoutMs = defaultTimeoutMs): Promise<Pod> {
    const look = async (): Promise<Pod | undefined> => {
      const pod = await this.pod(name);
      return fits(pod) ? pod : undefined;
    };
    return this.until(`pod ${name} ${what}`, look, timeoutMs);
  }

  /** Waits until a pod runs and is ready; resolves with it. */
  podReady(name: string, timeoutMs = defaultTimeoutMs): Promise<Pod> {
    return this.podUntil(name, 'is ready', (pod) => readyOf(pod.status.conditions) === 'True', timeoutMs);
  }

  /** Waits until a pod is gone from the API. */
  async podGone(name: string, timeoutMs = defaultTimeoutMs): Promise<void> {
    const look = async (): Promise<true | undefined> =>
      (await this.kubectl.ok(['get', 'pod', name, '--ignore-not-found', '-o', 'name'])) === '' ? true : undefined;
    await this.until(`pod ${name} is gone`, look, timeoutMs);
  }

  /** Waits for something to become defined; what is so instead stands in the error. */
  async until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = defaultTimeoutMs): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    let problem = '';
    for (;;) {
      try {
        const found = await look();
        if (found !== undefined) return found;
        problem = '';
      } catch (error) {
        problem = `; the last look failed: ${(error as Error).message}`;
      }
      if (performance.now() > deadline)
        throw new Error(`${timeoutMs / 1000} s passed before ${what}${problem}\n${await this.#describe()}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /**
   * What differs between an agent's containers and the API's pods of its node:
   * missing, doubled and orphaned ones, and those that the API knows by another id.
   */
  async differences(agent: TestAgent): Promise<string[]> {
    const pods = await this.pods('-A', '--field-selector', `spec.nodeName=${agent.name}`);
    const containers = await containersOf(agent.instance);
    const uids = new Set(pods.map((pod) => pod.metadata.uid));
    const found = containers
      .filter((item) => !uids.has(item.podUid))
      .map((item) => `orphan ${item.podName}/${item.name || 'sandbox'} (${item.state})`);
    for (const { metadata, spec, status } of pods) {
      if (metadata.deletionTimestamp !== undefined) found.push(`pod ${metadata.name} is still being deleted`);
      const running = containers.filter((item) => item.podUid === metadata.uid && item.state === 'running');
      const sandboxes = running.filter((item) => item.role === 'sandbox');
      if (sandboxes.length !== 1) found.push(`pod ${metadata.name} has ${sandboxes.length} sandboxes`);
      for (const { name, image } of spec.containers) {
        const known = status.containerStatuses?.find((item) => item.name === name)?.containerID;
        const ids = running.filter((item) => item.name === name).map((item) => `docker://${item.id}`);
        if (ids.length !== 1 || ids[0] !== known)
          found.push(`pod ${metadata.name}: ${name} runs as [${ids}], the API says ${known}`);
        const images = running.filter((item) => item.name === name).map((item) => item.image);
        if (images.some((item) => item !== image))
          found.push(`pod ${metadata.name}: ${name} runs ${images}, not ${image}`);
      }
    }
    return found;
  }

  async #describe(): Promise<string> {
    const parts = [(await this.kubectl.run(['get', 'nodes,pods', '-A', '-o', 'wide'])).stdout];
    for (const agent of this.agents.values()) {
      const containers = await agent.containers().catch(() => []);
      parts.push(
        `containers of ${agent.name}:`,
        ...containers.map((item) => `  ${item.podName}/${item.name || 'sandbox'} #${item.attempt} ${item.state}`),
        `log of ${agent.name} ends with:`,
        ...agent.output.all.slice(-15),
      );
    }
    return parts.join('\n');
  }
}

export function readyOf(conditions: readonly { type: string; status: string }[] | undefined): string | undefined {
  return conditions?.find(({ type }) => type === 'Ready')?.status;
}
