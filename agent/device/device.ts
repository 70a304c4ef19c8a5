// The shell of device mode: reads skerry.yaml, hands it to the system, and asks
// the hub for an identity until there is one. Can be killed at any line: what it
// does follows from the files that it finds.
import { join } from 'node:path';
import { type DeviceConfig, deviceConfigName, readDeviceConfig } from '../../api/device/config.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { type DeviceRecord, loadDeviceRecord, makeKey, saveDeviceRecord } from '../state/device-record.ts';
import { type Identity, loadIdentity, removeIdentity, saveIdentity } from '../state/identity.ts';
import { RefusedError } from '../sync/connector.ts';
import type { JoinOptions } from '../sync/join.ts';
import { firstReconnectMs } from '../sync/limits.ts';
import { deviceFiles } from './files.ts';
import { defaultNodeName, distinctNodeName } from './hardware-id.ts';
import type { Hooks } from './hooks.ts';
import { configPollMs, longestClaimPauseMs, refusedPauseMs } from './limits.ts';
import { type Claim, type DevicePlan, hashToken, planDevice, settableLabels } from './plan.ts';

export type DeviceOptions = { dataDirectory: string; configPath: string; hardwareId: string };
export type DeviceParts = {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  hooks: Pick<Hooks, 'applyConfig' | 'report'>;
  /** Asks a hub for an identity. @throws RefusedError, or what the network says */
  join: (options: JoinOptions, signal: AbortSignal) => Promise<Identity>;
  /** A line for whoever looks at the device's console. */
  say: (line: string) => void;
};

export class Device {
  #options: DeviceOptions;
  #parts: DeviceParts;
  #record: DeviceRecord | undefined;
  #identity: Identity | undefined;
  #source: string | undefined;
  #config: DeviceConfig = {};
  #problems: string[] = [];
  #said = '';

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
    // A key that came with a copied card is known to others.
    this.#record = record?.hardwareId === hardwareId ? record : { hardwareId, key: makeKey() };
    if (this.#record !== record) await saveDeviceRecord(disk, dataDirectory, this.#record);
    this.#identity = await loadIdentity(disk, dataDirectory);
    const { identity, isCopy } = await this.#look();
    if (isCopy) await this.#setAside();
    if (identity !== undefined && JSON.stringify(identity) !== JSON.stringify(this.#identity))
      await saveIdentity(disk, dataDirectory, identity);
    this.#identity = identity;
    return identity;
  }

  /** Asks the hub until there is a new identity, and saves it; undefined when the one that is there is right. */
  async claim(signal: AbortSignal): Promise<Identity | undefined> {
    let failures = 0;
    while (!signal.aborted) {
      const { claim, identity } = await this.#look();
      if (claim === undefined && identity !== undefined) {
        await this.#tell();
        return undefined;
      }
      if (claim === undefined) {
        await this.#tell(`not claimed: ${deviceConfigName} names no hub and token`);
        await this.#pause(Number.POSITIVE_INFINITY, signal);
        continue;
      }
      try {
        return await this.#join(claim, signal);
      } catch (error) {
        const isRefused = error instanceof RefusedError;
        failures = isRefused ? 0 : failures + 1;
        await this.#tell(isRefused ? error.message : `${claim.hubUrl} can't be reached: ${(error as Error).message}`);
        const longestMs = Math.min(longestClaimPauseMs, firstReconnectMs * 2 ** Math.min(failures, 10));
        await this.#pause((isRefused ? refusedPauseMs : longestMs) * (0.5 + this.#parts.random.fraction() / 2), signal);
      }
    }
    return undefined;
  }

  /** Reads the file, and what it means now. */
  async #look(): Promise<DevicePlan> {
    const { hardwareId } = this.#options;
    const source = await this.#readSource();
    this.#source = source;
    const { config, problems } = readDeviceConfig(source);
    this.#config = config;
    const plan = planDevice({ config, identity: this.#identity, hardwareId });
    const nodeName = plan.identity?.nodeName ?? config.name ?? defaultNodeName(hardwareId);
    const failure = await this.#parts.hooks.applyConfig(deviceFiles(config, nodeName));
    this.#problems = [
      ...problems,
      ...settableLabels(config).problems,
      ...plan.problems,
      ...(failure === undefined ? [] : [failure]),
    ];
    return plan;
  }

  async #readSource(): Promise<string> {
    return Buffer.from((await this.#parts.disk.read(this.#options.configPath)) ?? []).toString();
  }

  async #join(claim: Claim, signal: AbortSignal): Promise<Identity> {
    const { dataDirectory, hardwareId } = this.#options;
    const { disk, say } = this.#parts;
    const old = this.#identity;
    const joined = await this.#joinAs(claim, signal);
    const isSameNode = old?.nodeName === joined.nodeName && old.authority === joined.authority;
    const identity: Identity = {
      ...joined,
      instance: isSameNode ? old.instance : joined.instance,
      hardwareId,
      tokenHash: hashToken(claim.token),
    };
    // Pods of another node are not to be started by this one.
    if (!isSameNode) await disk.remove(join(dataDirectory, 'slice'));
    await saveIdentity(disk, dataDirectory, identity);
    this.#identity = identity;
    say(`claimed by ${claim.hubUrl} as node ${identity.nodeName}`);
    await this.#tell();
    return identity;
  }

  /** Joins under the name that was asked for; under one of its own when that belongs to another device. */
  async #joinAs({ hubUrl, token, nodeName }: Claim, signal: AbortSignal): Promise<Identity> {
    const { hardwareId } = this.#options;
    const { join: joinHub, say } = this.#parts;
    const onPending = (request: string): void =>
      void this.#tell(`waits to be approved: kubectl certificate approve ${request}`);
    const request = { hubUrl, token, hardwareId, onPending, ...keyOf(this.#record) };
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
  async #setAside(): Promise<void> {
    const { dataDirectory } = this.#options;
    const { disk, say, log } = this.#parts;
    const line = `this card was copied from node ${this.#identity?.nodeName}: that identity is set aside, this device has to be claimed`;
    log.warn({ copiedFrom: this.#identity?.hardwareId }, line);
    say(line);
    await disk.remove(join(dataDirectory, 'slice'));
    await removeIdentity(disk, dataDirectory);
  }

  /** Tells people what is wrong, on the console and the boot partition; nothing when all is well. */
  async #tell(problem?: string): Promise<void> {
    const lines = [...this.#problems, ...(problem === undefined ? [] : [problem])];
    const text = lines.map((line) => `${line}\n`).join('');
    if (text !== this.#said) for (const line of lines) this.#parts.say(line);
    this.#said = text;
    await this.#parts.hooks.report(text);
  }

  /** Waits, but no longer than until somebody has changed skerry.yaml. */
  async #pause(durationMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + durationMs;
    while (!signal.aborted && clock.monotonicMs() < endMs) {
      await sleep(clock, Math.min(configPollMs, endMs - clock.monotonicMs()), signal);
      if ((await this.#readSource()) !== this.#source) return;
    }
  }
}

function keyOf(record: DeviceRecord | undefined): { key?: string } {
  return record === undefined ? {} : { key: record.key };
}
