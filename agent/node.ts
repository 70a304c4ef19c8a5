// A node of this machine: the agent with an identity, the machine's disk and
// network, and its container engine.
import { createSystemClock } from '../platform/clock.ts';
import { createSystemDisk, type Disk } from '../platform/disk.ts';
import { createHost } from '../platform/host.ts';
import { createLog } from '../platform/log.ts';
import { connectInNamespace, connectTo, httpStatus, tcpReachable } from '../platform/net.ts';
import { killProcess, readHostFacts, readHostUsage } from '../platform/process.ts';
import { createSystemRandom } from '../platform/random.ts';
import { Agent } from './agent.ts';
import { readDevice, readTimeFloor } from './doctor/read-device.ts';
import { DockerRuntime } from './runtime/docker/docker-runtime.ts';
import type { Identity } from './state/identity.ts';
import { openNodeLink } from './sync/mqtt-link.ts';

export type NodeOptions = {
  version: string;
  dataDirectory: string;
  /** Path of the engine's socket. */
  runtimeEndpoint: string;
  keepaliveSeconds: number;
  logLevel: string;
  /** Time between looks at the device itself, ms. */
  statusIntervalMs: number;
  /** Where the device's /proc and /sys are found. */
  hostRoot: string;
  /** Labels that the node gives itself, beside those of its hardware. */
  labels?: Record<string, string>;
  /** Sets the device's clock, ms since 1970. Never rejects. */
  setClock?: (timeMs: number) => Promise<void>;
};

/** The engine as seen by the agent of an identity. */
export function dockerFor(
  { runtimeEndpoint }: Pick<NodeOptions, 'runtimeEndpoint'>,
  { nodeName, instance }: Pick<Identity, 'nodeName' | 'instance'>,
  disk: Disk = createSystemDisk(),
): DockerRuntime {
  const { architecture } = readHostFacts();
  return new DockerRuntime(
    { socketPath: runtimeEndpoint, nodeName, instance, architecture },
    { clock: createSystemClock(), disk, connectTo, connectInNamespace, killProcess },
  );
}

export type RunningNode = {
  /** Resolves when the hub has been reached for the first time. */
  connected: Promise<void>;
  /** Whether the pods are still being looked after. */
  isTurning: () => boolean;
};

/** Runs the node's pods until the signal aborts. */
export function runNode(options: NodeOptions, identity: Identity, signal: AbortSignal): RunningNode {
  const { version, dataDirectory, labels, setClock, keepaliveSeconds, statusIntervalMs, logLevel } = options;
  const random = createSystemRandom();
  const disk = createSystemDisk();
  const host = createHost(options.hostRoot);
  const runtime = dockerFor(options, identity, disk);
  const processNonce = Buffer.from(random.bytes(6)).toString('hex');
  const agent = new Agent(
    {
      nodeName: identity.nodeName,
      version,
      dataDirectory,
      statusIntervalMs,
      ...(labels === undefined ? {} : { labels }),
    },
    {
      clock: createSystemClock(),
      random,
      disk,
      log: createLog({ level: logLevel, name: 'agent' }),
      runtime,
      streams: runtime.streams,
      readHostUsage,
      readDevice: async () => ({
        device: await readDevice(host, dataDirectory),
        floorMs: await readTimeFloor(host, dataDirectory),
      }),
      facts: readHostFacts,
      ...(setClock === undefined ? {} : { setClock }),
      httpStatus,
      tcpReachable,
      connect: (stop) => openNodeLink(identity, processNonce, keepaliveSeconds, stop),
    },
  );
  return { connected: agent.start(signal), isTurning: () => agent.isTurning() };
}
