// Composition root of device mode: the firmware's configuration and programs
// around a node that may not have been claimed yet.
import { join } from 'node:path';
import { whenAborted } from '../platform/abort.ts';
import { type Clock, createSystemClock, sleep } from '../platform/clock.ts';
import { createSystemDisk, type Disk } from '../platform/disk.ts';
import { readHardwareFacts } from '../platform/hardware.ts';
import { lockDirectory } from '../platform/lock.ts';
import { createLog, type Log } from '../platform/log.ts';
import { listenTls } from '../platform/net.ts';
import { runProgram } from '../platform/process.ts';
import { createSystemRandom, type Random, uuid } from '../platform/random.ts';
import { listenForClaims } from './device/claim-listener.ts';
import { Device, type DeviceParts } from './device/device.ts';
import { hardwareIdOf } from './device/hardware-id.ts';
import { Hooks } from './device/hooks.ts';
import { enginePollMs } from './device/limits.ts';
import { dockerFor, type NodeOptions, runNode } from './node.ts';
import { forgetIdentityAside, type Identity, loadIdentityAside } from './state/identity.ts';
import type { JoinOptions } from './sync/join.ts';

export type DeviceMainOptions = NodeOptions & {
  /** skerry.yaml */
  configPath: string;
  hooksDirectory: string;
  runDirectory: string;
  /** In place of what the hardware says. */
  hardwareId: string | undefined;
  /** A line for whoever looks at the device's console. */
  say: (line: string) => void;
  /** The node's pods are looked after. */
  onReady: (nodeName: string) => void;
};

export type RunningDevice = {
  /** Resolves when the device has a new identity in place of the one it ran with: the process is to be started again. */
  ended: Promise<void>;
  stop: () => Promise<void>;
};

type Parts = { clock: Clock; random: Random; disk: Disk; log: Log };

/**
 * Starts a device: its node when it has been claimed, else the way there.
 * @throws Error when the data directory is in use
 */
export async function startDevice(options: DeviceMainOptions): Promise<RunningDevice> {
  const disk = createSystemDisk();
  const log = createLog({ level: options.logLevel, name: 'device' });
  const parts = { clock: createSystemClock(), random: createSystemRandom(), disk, log };
  await disk.makeDirectory(options.dataDirectory);
  const unlock = await lockDirectory(disk, options.dataDirectory, 'agent');
  const stop = new AbortController();
  const ended = run(options, parts, stop.signal);
  return {
    ended,
    stop: async () => {
      stop.abort();
      await ended;
      await unlock();
    },
  };
}

async function run(options: DeviceMainOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  const { clock, log } = parts;
  const hooks = new Hooks(
    { directory: options.hooksDirectory, runDirectory: options.runDirectory },
    { ...parts, runProgram },
  );
  const hardwareId = options.hardwareId ?? hardwareIdOf(readHardwareFacts()) ?? (await inventedId(options, parts));
  const joinHub = async (request: JoinOptions, stop: AbortSignal): Promise<Identity> => {
    // Only now: what a certificate request takes costs 3 MB, and is needed once in a device's life.
    const { joinCluster } = await import('./sync/join.ts');
    return joinCluster(request, parts, stop);
  };
  const listen: DeviceParts['listen'] = async (key, onClaim, stop) => {
    const { selfSignedCertificate } = await import('./sync/certificates.ts');
    const { announceService } = await import('../platform/mdns.ts');
    const around = { clock, log, listenTls, announce: announceService, selfSign: selfSignedCertificate, onClaim };
    await listenForClaims({ hardwareId, key, version: options.version }, around, stop);
  };
  const device = new Device({ ...options, hardwareId }, { ...parts, hooks, join: joinHub, listen, say: options.say });
  let identity = await device.start();
  const nodeOptions = { ...options, setClock: (timeMs: number) => hooks.setClock(timeMs) };
  if (identity !== undefined) startNode(nodeOptions, device, identity, signal);
  void onEngine(options, clock, signal, async () => {
    // With or without the hub, and before the device is claimed: this boot is good.
    await hooks.confirmBoot();
    await removeForeignContainers(options, parts);
  });
  const claimed = await device.claim(signal);
  if (claimed === undefined) return new Promise((resolve) => whenAborted(signal, resolve));
  if (identity !== undefined) {
    // Two agents in one process would both hold the same pods: the next start has one.
    log.info({ node: claimed.nodeName }, 'claimed anew: starting again');
    return;
  }
  identity = claimed;
  startNode(nodeOptions, device, identity, signal);
  return new Promise((resolve) => whenAborted(signal, resolve));
}

function startNode(options: DeviceMainOptions, { labels }: Device, identity: Identity, signal: AbortSignal): void {
  runNode({ ...options, labels }, identity, signal);
  options.onReady(identity.nodeName);
}

/** Acts once, when the engine answers. */
async function onEngine(
  options: DeviceMainOptions,
  clock: Clock,
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  const engine = dockerFor(options, { nodeName: '', instance: '' });
  for (;;) {
    const answers = await engine.describe().then(
      () => true,
      () => false,
    );
    if (signal.aborted) return;
    if (answers) return act();
    await sleep(clock, enginePollMs, signal);
  }
}

/** What the engine holds of an identity that was set aside: the containers of another node, or of another device. */
async function removeForeignContainers(options: DeviceMainOptions, { disk, log }: Parts): Promise<void> {
  const { dataDirectory } = options;
  const aside = await loadIdentityAside(disk, dataDirectory);
  if (aside === undefined) return;
  try {
    await dockerFor(options, aside).uninstall();
    await forgetIdentityAside(disk, dataDirectory);
  } catch (error) {
    log.warn(
      { err: error, node: aside.nodeName },
      'containers of another node are left, and removed at the next start',
    );
  }
}

/** For boards that say nothing of themselves: made once. A copied card can't be told from the first. */
async function inventedId({ dataDirectory }: DeviceMainOptions, { disk, random }: Parts): Promise<string> {
  const path = join(dataDirectory, 'hardware-id');
  const known = await disk.read(path);
  if (known !== undefined) return Buffer.from(known).toString().trim();
  const made = `random-${uuid(random)}`;
  await disk.write(path, `${made}\n`);
  return made;
}
