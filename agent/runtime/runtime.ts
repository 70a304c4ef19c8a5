// The port to a container engine, seen as a kubelet needs it: sandboxes that
// hold a pod's network, and containers in them, found again by their labels.
// Every implementation passes test/contract/runtime.ts.

import type { Duplex } from 'node:stream';

export type ContainerRole = 'sandbox' | 'init' | 'container' | 'ephemeral';

/** What a container is for; kept in its labels, so that it is known after any restart of the agent. */
export type ContainerIdentity = {
  podUid: string;
  podNamespace: string;
  podName: string;
  role: ContainerRole;
  /** Name in the pod's spec; empty for sandboxes. */
  containerName: string;
  /** 0 for the first container of this name in the pod, then counted up. */
  attempt: number;
  /** Crashes in a row before this attempt: what the restart's delay follows from. */
  crashStreak: number;
  /** Hash of the part of the spec that a container can't outlive. */
  specHash: string;
  /** Id of the sandbox it runs in; empty for sandboxes. */
  sandboxId: string;
  /** What it was made with, in the words of who made it; absent when that knew of none. */
  madeWith?: string;
};

/** What a container may use, in the kernel's terms. */
export type ContainerResources = {
  /** Its weight when the processor is short: 1024 a core, at least 2. */
  cpuShares: number;
  /** Thousandths of a core, at least 10; no limit when absent. */
  cpuLimitMillis?: number;
  memoryLimitBytes?: number;
};

export type RuntimeContainer = ContainerIdentity & {
  id: string;
  /** Name of the engine whose id it is. */
  engine: string;
  state: 'created' | 'running' | 'exited';
  image: string;
  imageId: string;
  createdAtMs: number;
  startedAtMs?: number;
  finishedAtMs?: number;
  exitCode?: number;
  /** How long the agent has known that it exited, by a clock that does not jump; engines leave it out. */
  exitKnownMs?: number;
  oomKilled?: boolean;
  /** Why it could not be started. */
  error?: string;
  /** Address of a sandbox in the node's network. */
  address?: string;
  /** What it may use now; absent for sandboxes. */
  resources?: ContainerResources;
};

export type PortMapping = {
  containerPort: number;
  hostPort: number;
  hostAddress?: string;
  protocol: 'tcp' | 'udp' | 'sctp';
};

export type SandboxSpec = {
  identity: ContainerIdentity;
  hostname: string;
  hostNetwork: boolean;
  /** Shares the node's interprocess communication. */
  hostIpc?: boolean;
  ports: PortMapping[];
};

export type Mount = { hostPath: string; containerPath: string; readOnly: boolean };

export type ContainerSpec = {
  identity: ContainerIdentity;
  image: string;
  /** Replaces the image's entrypoint. */
  command?: string[];
  /** Replaces the image's arguments. */
  args?: string[];
  /** `NAME=value`. */
  environment: string[];
  workingDirectory?: string;
  mounts: Mount[];
  terminal: boolean;
  stdin: boolean;
  /** Its input ends with the first who was attached to it. */
  stdinOnce: boolean;
  resources: ContainerResources;
  user?: string;
  supplementalGroups: string[];
  privileged: boolean;
  readOnlyRoot: boolean;
  addCapabilities: string[];
  dropCapabilities: string[];
  /** Whose processes it sees beside its own: all of the node's or of the pod's, or those of the container with this id. */
  sharesProcessesOf?: 'node' | 'pod' | { containerId: string };
};

export type RegistryCredentials = { username: string; password: string; server: string };

/** A line of its own in a log, where the engine threw lines away before a slow reader came to them. */
export const missingLogNotice =
  '[skerry] lines may be missing here: the log was rotated faster than it was read, and its oldest file is gone';

export type LogQuery = { follow: boolean; timestamps: boolean; tailLines?: number; sinceMs?: number };

/**
 * - `unavailable`: the engine does not answer
 * - `image-missing`: the image is not on the device
 * - `image-pull`: the image can't be fetched
 * - `not-found`: there is no such container
 * - `failed`: the engine refused; the message says why
 */
export type RuntimeErrorCode = 'unavailable' | 'image-missing' | 'image-pull' | 'not-found' | 'failed';

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'RuntimeError';
    this.code = code;
  }
}

/** Why a memory limit is refused. */
export function memoryInUse(usedBytes: number, limitBytes: number): string {
  return `attempting to set a memory limit (${limitBytes} bytes) below current usage (${usedBytes} bytes)`;
}

/** Every method rejects with a RuntimeError. Only containers of this node are ever seen or touched. */
export type Runtime = {
  /** Name and version of the engine. */
  describe(): Promise<{ name: string; version: string }>;
  /** Makes the node's network with this range, or keeps the one there is. Sandboxes need it. */
  ensureNetwork(cidr: string): Promise<void>;
  /** Containers of one pod, or of all. */
  list(podUid?: string): Promise<RuntimeContainer[]>;
  hasImage(image: string): Promise<boolean>;
  pull(image: string, credentials?: RegistryCredentials): Promise<void>;
  createSandbox(spec: SandboxSpec): Promise<string>;
  createContainer(spec: ContainerSpec): Promise<string>;
  start(id: string): Promise<void>;
  /** SIGTERM, then SIGKILL after the grace period. Resolves when it has stopped; fine when it had. */
  stop(id: string, graceSeconds: number): Promise<void>;
  /**
   * Changes what a container may use, while it runs on; a limit that is not named stays. Rejects as `failed`, and
   * changes nothing, when it uses more memory than the new limit.
   */
  update(id: string, resources: ContainerResources): Promise<void>;
  /** Removes a container that does not run; fine when there is none. */
  remove(id: string): Promise<void>;
  /** Runs a command in a running container, without input; rejects as `failed` when it does not end in time. */
  exec(id: string, command: readonly string[], timeoutMs: number): Promise<{ exitCode: number; output: string }>;
  /**
   * A container's output; ends when it does, or with the signal. Each line comes once and in order, however the
   * engine rotates the log; what is gone before it is read is told of by `missingLogNotice`.
   */
  logs(id: string, query: LogQuery, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Calls back with the uid of a pod of which a container changed; `undefined` when it may be any. */
  watch(signal: AbortSignal, onChange: (podUid: string | undefined) => void): void;
  /** Removes everything of this node: containers and network. */
  uninstall(): Promise<void>;
};

export type Streams = { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean };

/** A process in a container, or the container's own. */
export type ContainerProcess = {
  output: AsyncIterable<{ stream: 'stdout' | 'stderr'; bytes: Uint8Array }>;
  /** Resolves when it can take more. Rejects when it takes nothing any more. */
  write: (bytes: Uint8Array) => Promise<void>;
  /** Its input ends. */
  endInput: () => void;
  /** Sets the size of its terminal, in characters. */
  resize: (columns: number, rows: number) => Promise<void>;
  /** Once its output has ended; undefined for a container that still runs. */
  exitCode: () => Promise<number | undefined>;
};

export type Usage = { cpuNanoCores: number; memoryBytes: number };

/**
 * The port to what goes on inside containers: commands run in them, their input and output, connections to
 * their ports, and what they use. Every method rejects with a RuntimeError. What was opened ends with the signal.
 */
export type ContainerStreams = {
  /** Runs a command in a running container. */
  exec(id: string, command: readonly string[], streams: Streams, signal: AbortSignal): Promise<ContainerProcess>;
  /** The input and output of a container's own process, from now on. */
  attach(id: string, streams: Streams, signal: AbortSignal): Promise<ContainerProcess>;
  /** Opens a TCP connection to a port in a sandbox's network. */
  connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex>;
  /** What running containers use: processor time over about a second, and memory that can't be given back. */
  usage(ids: readonly string[]): Promise<Map<string, Usage>>;
};
