// Composition root of the agent: joins if need be, then runs the node's pods
// with the device's engine, with the hub and without it.
import { join } from 'node:path';
import { createSystemClock } from '../platform/clock.ts';
import { createSystemDisk } from '../platform/disk.ts';
import { createHost } from '../platform/host.ts';
import { lockDirectory, lockHolder } from '../platform/lock.ts';
import { createLog } from '../platform/log.ts';
import { readHostFacts } from '../platform/process.ts';
import { createSystemRandom } from '../platform/random.ts';
import { createServiceManager, serveUnderManager } from '../platform/service-manager.ts';
import type { NamedFinding } from './doctor/checks.ts';
import { dockerFor, type NodeOptions, runNode } from './node.ts';
import { loadDeviceRecord, makeKey, saveDeviceRecord } from './state/device-record.ts';
import { type Identity, loadIdentity, saveIdentity } from './state/identity.ts';
import { SliceState } from './state/slice-state.ts';

export { startDevice } from './device-main.ts';
export { RefusedError } from './sync/connector.ts';

export type AgentMainOptions = NodeOptions & {
  /** mqtts://HOST:PORT; needed only to join. */
  hubUrl: string | undefined;
  token: string | undefined;
  nodeName: string | undefined;
  /** A person has to approve the certificate request of this name before the agent can join. */
  onPending: (request: string) => void;
};

export type RunningAgent = {
  nodeName: string;
  /** Resolves when the hub has been reached for the first time since the start. */
  connected: Promise<void>;
  stop: () => Promise<void>;
};

/**
 * Starts an agent; resolves when its pods are being looked after.
 * @throws RefusedError when it can't join; Error when the data directory is in use
 */
export async function startAgent(options: AgentMainOptions): Promise<RunningAgent> {
  const disk = createSystemDisk();
  const { dataDirectory } = options;
  await disk.makeDirectory(dataDirectory);
  const unlock = await lockDirectory(disk, dataDirectory, 'agent');
  const identity = await identify(options);
  const stop = new AbortController();
  const node = runNode(options, identity, stop.signal);
  const manager = createServiceManager(process.env, process.pid);
  const parts = { clock: createSystemClock(), log: createLog({ level: options.logLevel, name: 'agent' }) };
  const service = serveUnderManager({ manager, ...parts, isAlive: node.isTurning }, stop.signal);
  return {
    nodeName: identity.nodeName,
    connected: node.connected,
    stop: async () => {
      await service.stopping();
      stop.abort();
      await unlock();
    },
  };
}

/** The identity on disk, else a new one by joining. */
async function identify(options: AgentMainOptions): Promise<Identity> {
  const disk = createSystemDisk();
  const { dataDirectory, hubUrl, token } = options;
  const known = await loadIdentity(disk, dataDirectory);
  if (known !== undefined) {
    if (options.nodeName !== undefined && options.nodeName !== known.nodeName) {
      throw new Error(`${dataDirectory} belongs to node ${known.nodeName}, not to ${options.nodeName}`);
    }
    // The hub may have moved; the certificate tells whether it is the same cluster.
    if (hubUrl === undefined || hubUrl === known.hubUrl) return known;
    const moved = { ...known, hubUrl };
    await saveIdentity(disk, dataDirectory, moved);
    return moved;
  }
  if (hubUrl === undefined || token === undefined)
    throw new Error('this device has not joined: --hub and --token are required the first time');
  const nodeName = options.nodeName ?? readHostFacts().hostname.toLowerCase();
  // Only now: what a certificate request takes costs 3 MB, and is needed once in a device's life.
  const { joinCluster } = await import('./sync/join.ts');
  // On disk before the hub sees it: whoever has to ask again, asks as the same.
  const record = (await loadDeviceRecord(disk, dataDirectory)) ?? { key: makeKey() };
  await saveDeviceRecord(disk, dataDirectory, record);
  const joined = await joinCluster(
    { hubUrl, token, nodeName, key: record.key, onPending: options.onPending },
    { clock: createSystemClock(), random: createSystemRandom() },
  );
  await saveIdentity(disk, dataDirectory, joined);
  return joined;
}

/** Removes everything that an agent of this data directory has in the engine, then the directory. */
export async function uninstallAgent(
  options: Pick<AgentMainOptions, 'dataDirectory' | 'runtimeEndpoint'>,
): Promise<void> {
  const disk = createSystemDisk();
  await lockDirectory(disk, options.dataDirectory, 'agent');
  const identity = await loadIdentity(disk, options.dataDirectory);
  if (identity !== undefined) await dockerFor(options, identity).uninstall();
  await disk.remove(options.dataDirectory);
}

export type DoctorMainOptions = {
  /** The agent's; undefined when none was named. */
  dataDirectory: string | undefined;
  runtimeEndpoint: string;
  hostRoot: string;
};

/** What a look at this device finds, check by check. Nothing is changed, and a running agent is not disturbed. */
export async function examineDevice({
  dataDirectory,
  runtimeEndpoint,
  hostRoot,
}: DoctorMainOptions): Promise<NamedFinding[]> {
  const disk = createSystemDisk();
  // Only now: an agent that runs has no use for it.
  const { diagnose } = await import('./doctor/diagnose.ts');
  return diagnose(
    { dataDirectory },
    {
      host: createHost(hostRoot),
      clock: createSystemClock(),
      facts: readHostFacts(),
      describeEngine: () => dockerFor({ runtimeEndpoint }, { nodeName: '', instance: '' }).details(),
      lockHolder: (directory) => lockHolder(disk, directory),
      loadIdentity: (directory) => loadIdentity(disk, directory),
    },
  );
}

export type AgentDescription = {
  nodeName: string;
  hubUrl: string;
  pods: {
    namespace: string;
    name: string;
    containers: { name: string; state: string; restarts: number; image: string }[];
  }[];
  engineProblem: string | undefined;
};

/** What the agent of a data directory runs, read from its disk and its engine, without the hub and without the agent. */
export async function describeAgent({
  dataDirectory,
  runtimeEndpoint,
}: Pick<AgentMainOptions, 'dataDirectory' | 'runtimeEndpoint'>): Promise<AgentDescription> {
  const disk = createSystemDisk();
  const identity = await loadIdentity(disk, dataDirectory);
  if (identity === undefined)
    throw new Error(`${join(dataDirectory, 'identity.json')} does not exist: no agent has joined here`);
  const state = new SliceState(
    { directory: dataDirectory },
    { disk, log: createLog({ level: 'silent', name: 'status' }) },
  );
  await state.load();
  let engineProblem: string | undefined;
  const containers = await dockerFor({ runtimeEndpoint }, identity)
    .list()
    .catch((error: unknown) => {
      engineProblem = (error as Error).message;
      return [];
    });
  const pods = state.all('pods').map(({ metadata: { namespace = '', name, uid } }) => ({
    namespace,
    name,
    containers: containers
      .filter((item) => item.podUid === uid && item.role !== 'sandbox')
      .map((item) => ({ name: item.containerName, state: item.state, restarts: item.attempt, image: item.image })),
  }));
  return { nodeName: identity.nodeName, hubUrl: identity.hubUrl, pods, engineProblem };
}
