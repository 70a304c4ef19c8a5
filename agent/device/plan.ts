// What a device is to do about its identity, from what it finds at its start:
// use it, ask for another, or wait until somebody claims it. Pure.
import { createHash } from 'node:crypto';
import type { DeviceConfig } from '../../api/device/config.ts';
import { nodeMaySetLabel } from '../../api/meta/device.ts';
import type { DeviceRecord } from '../state/device-record.ts';
import type { Identity } from '../state/identity.ts';
import { defaultNodeName, distinctNodeName } from './hardware-id.ts';

/** Where a device is to join, and how it wants to be called. */
export type Claim = { hubUrl: string; token: string; nodeName: string };

export type DevicePlan = {
  /** Runs the pods; undefined when there is none, or none of this device. */
  identity: Identity | undefined;
  /** The identity on disk belongs to other hardware: it came with a copied card. */
  isCopy: boolean;
  /** Asked for, until the hub has answered; a device with neither identity nor claim waits for somebody. */
  claim: Claim | undefined;
  /** For the report. */
  problems: string[];
};

export type PlanInput = { config: DeviceConfig; identity: Identity | undefined; hardwareId: string };

/** SHA-256, hex: enough to tell tokens apart, and no secret on a device that is stolen. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token.trim()).digest('hex');
}

/** Whether the configuration says where the device belongs: then nobody else may claim it. */
export function isClaimedByFile({ hub, token }: DeviceConfig): boolean {
  return hub !== undefined && token !== undefined;
}

/** The configuration with what the device was given on its network, which counts where the file says nothing. */
export function withClaim(config: DeviceConfig, claim: DeviceRecord['claim']): DeviceConfig {
  if (claim === undefined || isClaimedByFile(config)) return config;
  const labels = { ...claim.labels, ...config.labels };
  return { ...claim, ...config, hub: claim.hub, ...(Object.keys(labels).length === 0 ? {} : { labels }) };
}

/** @returns what to do with the identity that was found, and what to ask for */
export function planDevice({ config, identity: found, hardwareId }: PlanInput): DevicePlan {
  const isCopy = found?.hardwareId !== undefined && found.hardwareId !== hardwareId;
  const identity = found === undefined || isCopy ? undefined : adopt(found, { config, hardwareId });
  const problems = identity === undefined ? [] : nameProblems(config, identity, hardwareId);
  return { identity, isCopy, claim: claimOf(config, identity, hardwareId), problems };
}

/** An identity from before the device had a configuration counts as made with it; a hub may move. */
function adopt(identity: Identity, { config, hardwareId }: Omit<PlanInput, 'identity'>): Identity {
  const { hub, token } = config;
  const tokenHash = identity.tokenHash ?? (token === undefined ? undefined : hashToken(token));
  return {
    ...identity,
    hardwareId,
    hubUrl: hub ?? identity.hubUrl,
    ...(tokenHash === undefined ? {} : { tokenHash }),
  };
}

function claimOf(config: DeviceConfig, identity: Identity | undefined, hardwareId: string): Claim | undefined {
  const { hub = identity?.hubUrl, token, name = defaultNodeName(hardwareId) } = config;
  if (hub === undefined || token === undefined || identity?.tokenHash === hashToken(token)) return undefined;
  return { hubUrl: hub, token, nodeName: name };
}

/** The labels that the device may set on its Node, and a line on each of the others. */
export function settableLabels({ labels = {} }: DeviceConfig): { labels: Record<string, string>; problems: string[] } {
  const refused = Object.keys(labels).filter((key) => !nodeMaySetLabel(key));
  return {
    labels: Object.fromEntries(Object.entries(labels).filter(([key]) => !refused.includes(key))),
    problems: refused.map((key) => `labels.${key}: a node may not set this label on itself, use kubectl label node`),
  };
}

function nameProblems({ name }: DeviceConfig, { nodeName }: Identity, hardwareId: string): string[] {
  if (name === undefined || name === nodeName || distinctNodeName(name, hardwareId) === nodeName) return [];
  return [`name: this device is node ${nodeName}; it takes another name only together with a new token`];
}
