// A real agent process for tests, on this machine's network or behind a veth
// pair that can be cut, and the Docker containers that are its own.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Arrivals } from './arrivals.ts';
import { containersOf, type EngineContainer, engineSocket, killContainers } from './engine.ts';
import { runDirectory, runName } from './traces.ts';

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const execute = promisify(execFile);
const startTimeoutMs = 30_000;

export type CliResult = { code: number; stdout: string; stderr: string };

/** Runs a skerry command to its end, which it must reach in time. */
export function skerry(args: readonly string[], timeoutMs = 30_000): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, ...args], { timeout: timeoutMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

let links = 0;

/** A network namespace joined to this machine's by a veth pair. */
export class Link {
  readonly namespace: string;
  /** This machine's address on the link. */
  readonly hostAddress: string;
  readonly #device: string;
  readonly #number = links++;

  private constructor() {
    this.namespace = `${runName}-${this.#number}`;
    this.#device = `ske${process.pid.toString(36)}x${this.#number}`;
    this.hostAddress = this.#address(1);
  }

  static async create(): Promise<Link> {
    const link = new Link();
    const { namespace } = link;
    const device = link.#device;
    await execute('ip', ['netns', 'add', namespace]);
    await execute('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
    await execute('ip', ['address', 'add', `${link.#address(1)}/30`, 'dev', device]);
    await execute('ip', ['-n', namespace, 'address', 'add', `${link.#address(2)}/30`, 'dev', 'eth0']);
    await execute('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    await execute('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
    await link.heal();
    return link;
  }

  async cut(): Promise<void> {
    await execute('ip', ['link', 'set', this.#device, 'down']);
  }

  async heal(): Promise<void> {
    await execute('ip', ['link', 'set', this.#device, 'up']);
  }

  /** Networks of four addresses in 10.64.0.0/10, below the pods' range; 16 for each process. */
  #address(host: number): string {
    const offset = ((process.pid % 0x10000) * 16 + (this.#number % 16)) * 4 + host;
    return `10.${64 + (offset >> 16)}.${(offset >> 8) & 255}.${offset & 255}`;
  }
}

export type AgentOptions = {
  name: string;
  /** More arguments of every start. */
  args?: readonly string[];
  /** Behind this link; without it on the machine's own network. */
  link?: Link;
  /** Below the run's directory; another agent's for a second agent of one identity. */
  dataDirectory?: string;
};

type Child = ChildProcessByStdio<null, Readable, Readable>;

export class TestAgent {
  readonly name: string;
  readonly link: Link | undefined;
  readonly dataDirectory: string;
  /** What the newest process has printed. */
  output = new Arrivals<string>('skerry agent');
  #args: readonly string[];
  #child: Child | undefined;
  #ended: Promise<number> = Promise.resolve(0);

  constructor({ name, args = [], link, dataDirectory }: AgentOptions) {
    this.name = name;
    this.link = link;
    this.dataDirectory = dataDirectory ?? join(runDirectory, `agent-${name}`);
    this.#args = args;
  }

  /** Starts the process; resolves when it looks after its pods. */
  async start(args: readonly string[] = []): Promise<void> {
    this.launch(args);
    await this.output.first(
      (line) => line === `skerry agent ready node=${this.name}`,
      'the ready line',
      startTimeoutMs,
    );
  }

  /** Starts the process and waits for nothing. */
  launch(args: readonly string[] = []): void {
    // Only a cut link has to be found out by silence; elsewhere a starved machine must not look like one.
    const keepalive = this.link === undefined ? '20s' : '2s';
    const own = ['--data-dir', this.dataDirectory, '--runtime-endpoint', engineSocket, '--keepalive', keepalive];
    const words = [entry, 'agent', ...own, ...this.#args, ...args];
    const command = [process.execPath, ...words];
    // `ip netns exec` becomes the program: the process id is the agent's.
    const inside = this.link === undefined ? command : ['ip', 'netns', 'exec', this.link.namespace, ...command];
    const child = spawn(inside[0] ?? '', inside.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = new Arrivals<string>(`skerry agent ${this.name}`);
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => output.push(line));
    this.#child = child;
    this.output = output;
    this.#ended = new Promise((resolve) =>
      child.once('close', (code) => {
        output.end();
        resolve(code ?? -1);
      }),
    );
  }

  /** Of the newest process. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves with the exit code of the newest process, -1 when it was killed. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /** Ends the process in order. */
  async stop(): Promise<number> {
    this.#child?.kill('SIGTERM');
    return this.#ended;
  }

  /** As a crash of the process: its containers run on. */
  async kill9(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** As a power cut of the device. */
  async losePower(): Promise<void> {
    await this.kill9();
    await killContainers(this.instance);
  }

  /** Marks this agent's containers and network in the engine. */
  get instance(): string {
    const path = join(this.dataDirectory, 'identity.json');
    if (!existsSync(path)) throw new Error(`${path} does not exist: agent ${this.name} has not joined`);
    return (JSON.parse(readFileSync(path, 'utf8')) as { instance: string }).instance;
  }

  /** Its containers in the engine, sandboxes too. */
  containers(): Promise<EngineContainer[]> {
    return containersOf(this.instance);
  }

  /** Ids of the running containers without sandboxes, by POD/CONTAINER. */
  async running(): Promise<Map<string, string>> {
    const containers = (await this.containers()).filter((item) => item.state === 'running' && item.role !== 'sandbox');
    return new Map(containers.map((item) => [`${item.podName}/${item.name}`, item.id]));
  }
}
