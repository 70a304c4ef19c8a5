// The shell of device mode: reads skerry.yaml, hands it to the system, and asks
// the hub for an identity until there is one. Can be killed at any line: what it
// does follows from the files that it finds.
import { join } from 'node:path';
import { type ClaimAnswer, codeOfKey, type LanClaim } from '../../api/device/announcement.ts';
import { type DeviceConfig, deviceConfigName, readDeviceConfig } from '../../api/device/config.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { type DeviceRecord, loadDeviceRecord, makeKey, saveDeviceRecord } from '../state/device-record.ts';
import { type Identity, loadIdentity, saveIdentity, setIdentityAside } from '../state/identity.ts';
import { RefusedError } from '../sync/connector.ts';
import type { JoinOptions } from '../sync/join.ts';
import { firstReconnectMs } from '../sync/limits.ts';
import { fingerprintOfKey } from './claim-listener.ts';
import { deviceFiles } from './files.ts';
import { defaultNodeName, distinctNodeName } from './hardware-id.ts';
import type { Hooks } from './hooks.ts';
import { configPollMs, longestClaimPauseMs, refusedPauseMs } from './limits.ts';
import {
  type Claim,
  type DevicePlan,
  hashToken,
  isClaimedByFile,
  planDevice,
  settableLabels,
  withClaim,
} from './plan.ts';

export type DeviceOptions = { dataDirectory: string; configPath: string; hardwareId: string };
export type DeviceParts = {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  hooks: Pick<Hooks, 'applyConfig' | 'report'>;
  /** Asks a hub for an identity. @throws RefusedError, or what the network says */
  join: (options: JoinOptions, signal: AbortSignal) => Promise<Identity>;
  /** Lets others on the network claim the device with this key until the signal aborts. */
  listen: (key: string, onClaim: Device['receive'], signal: AbortSignal) => Promise<void>;
  /** A line for whoever looks at the device's console. */
  say: (line: string) => void;
};

/** The disk has failed, not the hub. */
class KeepError extends Error {}

export class Device {
  #options: DeviceOptions;
  #parts: DeviceParts;
  #record: DeviceRecord = { key: '' };
  #isRecordKept = false;
  #recordWrites: Promise<void> = Promise.resolve();
  #identity: Identity | undefined;
  #source = '';
  #sourceProblem: string | undefined;
  #config: DeviceConfig = {};
  #problems: string[] = [];
  #said = '';
  #refusal: string | undefined;
  /** A hub has given an identity: nobody else may give another. */
  #isTaken = false;
  #listening: AbortController | undefined;
  /** Aborted when there is a new claim to be looked at. */
  #news = new AbortController();
  /** Tells the one on the network who has claimed the device last. */
  #tellClaimer: (answer: ClaimAnswer) => void = () => undefined;

  constructor(options: DeviceOptions, parts: DeviceParts) {
    this.#options = options;
    this.#parts = parts;
  }

  get labels(): Record<string, string> {
    return settableLabels(this.#config).labels;
  }

  /** Makes the system as skerry.yaml says. Resolves with the identity to run pods with, if there is one. */
  async start(): Promise<Identity | undefined> {
    const { dataDirectory, hardwareId } = this.#options;
    const { disk } = this.#parts;
    const record = await loadDeviceRecord(disk, dataDirectory);
    // A key that came with a copied card is known to others, and a claim was for another device.
    const isOwn = record !== undefined && (record.hardwareId ?? hardwareId) === hardwareId;
    this.#record = isOwn ? { ...record, hardwareId } : { hardwareId, key: makeKey() };
    this.#isRecordKept = record?.hardwareId === hardwareId;
    this.#identity = await this.#findIdentity();
    const { identity, isCopy } = await this.#look();
    if (isCopy && this.#identity !== undefined) await this.#setAside(this.#identity);
    if (identity !== undefined && JSON.stringify(identity) !== JSON.stringify(this.#identity))
      // Pods start from a full disk, too: then the file is written at the next start.
      await saveIdentity(disk, dataDirectory, identity).catch((error: unknown) =>
        this.#parts.log.warn({ err: error }, 'the identity could not be written anew'),
      );
    this.#identity = identity;
    return identity;
  }

  /** A file that can't be read is set aside: with the device's key the hub gives the same again. */
  async #findIdentity(): Promise<Identity | undefined> {
    const { dataDirectory } = this.#options;
    const { disk, log, say } = this.#parts;
    try {
      return await loadIdentity(disk, dataDirectory);
    } catch (error) {
      log.error({ err: error }, 'the identity is damaged and is set aside');
      say(`${(error as Error).message}: it is set aside`);
      await setIdentityAside(disk, dataDirectory);
      return undefined;
    }
  }

  /** Asks the hub until there is a new identity, and saves it; undefined when the one that is there is right. */
  async claim(signal: AbortSignal): Promise<Identity | undefined> {
    try {
      return await this.#untilClaimed(signal);
    } finally {
      this.#listening?.abort();
    }
  }

  /** Keeps what somebody on the network gives the device, which then tries it. */
  receive = async (claim: LanClaim, tell: (answer: ClaimAnswer) => void): Promise<void> => {
    if (this.#isTaken) {
      tell({ state: 'refused', message: 'the device was claimed a moment ago' });
      return;
    }
    await this.#keepRecord({ ...this.#record, claim });
    this.#tellClaimer({ state: 'refused', message: 'somebody else has claimed the device meanwhile' });
    this.#tellClaimer = tell;
    tell({ state: 'taken' });
    this.#news.abort();
  };

  async #untilClaimed(signal: AbortSignal): Promise<Identity | undefined> {
    let failures = 0;
    while (!signal.aborted) {
      this.#news = new AbortController();
      const { claim, identity } = await this.#look();
      if (claim === undefined && identity !== undefined) {
        await this.#tell();
        return undefined;
      }
      await this.#listenIfUnclaimed();
      if (claim === undefined) {
        await this.#tell(this.#unclaimedText());
        await this.#pause(Number.POSITIVE_INFINITY, signal);
        continue;
      }
      // Who waits for people must still take up what is changed meanwhile.
      const attempt = new AbortController();
      void this.#pause(Number.POSITIVE_INFINITY, attempt.signal).then(() => attempt.abort());
      try {
        return await this.#join(claim, AbortSignal.any([signal, attempt.signal]));
      } catch (error) {
        if (attempt.signal.aborted) continue;
        this.#isTaken = false;
        failures = error instanceof RefusedError ? 0 : failures + 1;
        await this.#pause(await this.#failed(error as Error, claim, failures), signal);
      } finally {
        attempt.abort();
      }
    }
    return undefined;
  }

  /** Tells why the device has not joined. @returns how long to wait before the next attempt, ms */
  async #failed(error: Error, { hubUrl }: Claim, failures: number): Promise<number> {
    const isRefused = error instanceof RefusedError;
    const isOwn = isRefused || error instanceof KeepError;
    const problem = isOwn ? error.message : `${hubUrl} can't be reached: ${error.message}`;
    // What was given on the network and is good for nothing makes room for the next who comes.
    if (isRefused && (await this.#dropClaim(problem))) return 0;
    this.#tellClaimer({ state: 'waiting', message: problem });
    await this.#tell(problem);
    const longestMs = Math.min(longestClaimPauseMs, firstReconnectMs * 2 ** Math.min(failures, 10));
    return (isRefused ? refusedPauseMs : longestMs) * (0.5 + this.#parts.random.fraction() / 2);
  }

  /** Reads the file, and what it means now. */
  async #look(): Promise<DevicePlan> {
    const { hardwareId } = this.#options;
    this.#source = await this.#readSource();
    const { config: ofFile, problems } = readDeviceConfig(this.#source);
    const config = withClaim(ofFile, this.#record.claim);
    this.#config = config;
    const plan = planDevice({ config, identity: this.#identity, hardwareId });
    const nodeName = plan.identity?.nodeName ?? config.name ?? defaultNodeName(hardwareId);
    const failure = await this.#parts.hooks.applyConfig(deviceFiles(config, nodeName));
    this.#problems = [
      ...(this.#sourceProblem === undefined ? [] : [this.#sourceProblem]),
      ...problems,
      ...settableLabels(config).problems,
      ...plan.problems,
      ...(failure === undefined ? [] : [failure]),
    ];
    return plan;
  }

  async #readSource(): Promise<string> {
    try {
      const bytes = await this.#parts.disk.read(this.#options.configPath);
      this.#sourceProblem = undefined;
      return Buffer.from(bytes ?? []).toString();
    } catch (error) {
      // A boot partition that is broken is no reason to leave the pods.
      this.#sourceProblem = `${deviceConfigName} can't be read: ${(error as Error).message}`;
      return '';
    }
  }

  /** Others may claim the device as long as neither its file nor a hub does. */
  async #listenIfUnclaimed(): Promise<void> {
    const isOpen = this.#identity === undefined && !isClaimedByFile(readDeviceConfig(this.#source).config);
    if (isOpen && this.#listening === undefined) {
      const listening = new AbortController();
      this.#listening = listening;
      try {
        // The code on the console must be the same after the next start.
        if (!this.#isRecordKept) await this.#keepRecord(this.#record);
        await this.#parts.listen(this.#record.key, this.receive, listening.signal);
      } catch (error) {
        this.#parts.log.error({ err: error }, 'the device can not be claimed on its network');
      }
    } else if (!isOpen) {
      this.#listening?.abort();
      this.#listening = undefined;
    }
  }

  #unclaimedText(): string {
    const name = defaultNodeName(this.#options.hardwareId);
    const code = codeOfKey(fingerprintOfKey(this.#record.key));
    const why = this.#refusal === undefined ? '' : `the last claim has failed: ${this.#refusal}; `;
    return `${why}not claimed: ${deviceConfigName} names no hub and token. On this network: skerry claim ${name} --code ${code}`;
  }

  /** @returns whether what the hub has refused came by the network */
  async #dropClaim(problem: string): Promise<boolean> {
    if (this.#record.claim?.token === undefined || isClaimedByFile(readDeviceConfig(this.#source).config)) return false;
    const { claim: _, ...record } = this.#record;
    this.#refusal = problem;
    await this.#keepRecord(record);
    this.#tellClaimer({ state: 'refused', message: problem });
    this.#tellClaimer = () => undefined;
    return true;
  }

  async #join(claim: Claim, signal: AbortSignal): Promise<Identity> {
    const { hardwareId } = this.#options;
    const old = this.#identity;
    // The key is on disk before the hub sees it: whoever has to ask again, asks as the same.
    if (!this.#isRecordKept) await keeping(this.#keepRecord(this.#record));
    const joined = await this.#joinAs(claim, signal);
    this.#isTaken = true;
    const isSameNode = old?.nodeName === joined.nodeName && old.authority === joined.authority;
    const identity: Identity = {
      ...joined,
      instance: isSameNode ? old.instance : joined.instance,
      hardwareId,
      tokenHash: hashToken(claim.token),
    };
    await keeping(this.#keepIdentity(identity, isSameNode));
    this.#tellClaimer({ state: 'joined', node: identity.nodeName });
    this.#parts.say(`claimed by ${claim.hubUrl} as node ${identity.nodeName}`);
    await this.#tell();
    return identity;
  }

  async #keepIdentity(identity: Identity, isSameNode: boolean): Promise<void> {
    const { dataDirectory } = this.#options;
    const { disk } = this.#parts;
    // Pods of another node are not to be started by this one.
    if (!isSameNode) await disk.remove(join(dataDirectory, 'slice'));
    if (!isSameNode && this.#identity !== undefined) await setIdentityAside(disk, dataDirectory);
    await saveIdentity(disk, dataDirectory, identity);
    this.#identity = identity;
    await this.#settle();
  }

  /** The device is somebody's: of what was given to it, name and labels stay. */
  async #settle(): Promise<void> {
    const { copiedFrom, claim, ...record } = this.#record;
    if (copiedFrom === undefined && claim?.token === undefined) return;
    await this.#keepRecord({ ...record, ...(claim === undefined ? {} : { claim: withoutToken(claim) }) });
  }

  async #keepRecord(record: DeviceRecord): Promise<void> {
    this.#record = record;
    this.#isRecordKept = false;
    const { disk } = this.#parts;
    // One after the other, each the newest: a claim that comes while the device settles must not be the last on disk.
    const before = this.#recordWrites.catch(() => undefined);
    this.#recordWrites = before.then(() => saveDeviceRecord(disk, this.#options.dataDirectory, this.#record));
    await this.#recordWrites;
    this.#isRecordKept = true;
  }

  /** Joins under the name that was asked for; under one of its own when that belongs to another device. */
  async #joinAs({ hubUrl, token, nodeName }: Claim, signal: AbortSignal): Promise<Identity> {
    const { hardwareId } = this.#options;
    const { join: joinHub, say } = this.#parts;
    const onPending = (name: string): void => {
      const text = `waits to be approved: kubectl certificate approve ${name}`;
      this.#tellClaimer({ state: 'waiting', message: text });
      void this.#tell(text);
    };
    const request = { hubUrl, token, hardwareId, onPending, key: this.#record.key };
    try {
      return await joinHub({ ...request, nodeName }, signal);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.reason !== 'name-taken') throw error;
      const other = distinctNodeName(nodeName, hardwareId);
      say(`node ${nodeName} is another device: this one takes the name ${other}`);
      return joinHub({ ...request, nodeName: other }, signal);
    }
  }

  /** An identity that came with a copied card is never used: its pods are another device's. */
  async #setAside(copied: Identity): Promise<void> {
    const { dataDirectory } = this.#options;
    const { disk, log } = this.#parts;
    log.warn({ node: copied.nodeName, hardwareId: copied.hardwareId }, 'the card was copied from another device');
    await this.#keepRecord({ ...this.#record, copiedFrom: copied.nodeName });
    await disk.remove(join(dataDirectory, 'slice'));
    await setIdentityAside(disk, dataDirectory);
  }

  /** Tells people what is wrong, on the console and the boot partition; nothing when all is well. */
  async #tell(problem?: string): Promise<void> {
    const { copiedFrom } = this.#record;
    const copied = `this card was copied from node ${copiedFrom}: that identity is not used here, the device has to be claimed`;
    const lines = [
      ...this.#problems,
      ...(copiedFrom === undefined ? [] : [copied]),
      ...(problem === undefined ? [] : [problem]),
    ];
    const text = lines.map((line) => `${line}\n`).join('');
    if (text !== this.#said) for (const line of lines) this.#parts.say(line);
    this.#said = text;
    await this.#parts.hooks.report(text);
  }

  /** Waits, but no longer than until somebody has changed skerry.yaml or claims the device. */
  async #pause(durationMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const either = AbortSignal.any([signal, this.#news.signal]);
    const endMs = clock.monotonicMs() + durationMs;
    while (!either.aborted && clock.monotonicMs() < endMs) {
      await sleep(clock, Math.min(configPollMs, endMs - clock.monotonicMs()), either);
      if ((await this.#readSource()) !== this.#source) return;
    }
  }
}

function withoutToken({ token: _, ...claim }: NonNullable<DeviceRecord['claim']>): NonNullable<DeviceRecord['claim']> {
  return claim;
}

/** @throws KeepError when the work fails */
async function keeping(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw new KeepError(`what belongs on the disk can't be kept: ${(error as Error).message}`, { cause: error });
  }
}
