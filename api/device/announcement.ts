// What a device that belongs to nobody says on its network, and what it and the
// one who claims it say to each other then: one line of JSON, and lines of JSON back.
// docs/adr/0008-claiming-devices.md says why.
import { createHash } from 'node:crypto';
import { isHardwareId } from '../meta/device.ts';
import { dnsLabelError } from '../meta/names.ts';
import { isJsonObject } from '../meta/object.ts';
import { type DeviceConfig, readDeviceConfig } from './config.ts';

/** Type of the service, DNS-SD. */
export const claimServiceType = '_skerry._tcp';
/** Longest request and longest answer of a claim, bytes. */
export const maxClaimBytes = 16 << 10;

export type Announcement = {
  hardwareId: string;
  /** The node's name if nobody gives another. */
  nodeName: string;
  version: string;
  /** SHA-256 (hex) of the device's public key: SubjectPublicKeyInfo, DER. */
  key: string;
};

/** What a device is given. */
export type LanClaim = Required<Pick<DeviceConfig, 'hub' | 'token'>> & Pick<DeviceConfig, 'name' | 'labels'>;

export type ClaimAnswer =
  /** It is on the device's disk: the device will try until it has joined, also after a power cut. */
  | { state: 'taken' }
  | { state: 'joined'; node: string }
  /** Tried, and will be again. */
  | { state: 'waiting'; message: string }
  /** The device can be claimed again. */
  | { state: 'refused'; message: string };

/** Strings of the service's TXT record. */
export function announcementTexts({ hardwareId, nodeName, version, key }: Announcement): string[] {
  return [`id=${hardwareId}`, `name=${nodeName}`, `version=${version}`, `key=${key}`, 'state=unclaimed'];
}

/** @returns undefined when the strings are no announcement */
export function readAnnouncement(texts: readonly string[]): Announcement | undefined {
  const fields = new Map(
    texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const),
  );
  const [hardwareId = '', nodeName = '', version = '', key = ''] = ['id', 'name', 'version', 'key'].map((name) =>
    fields.get(name),
  );
  const isGood =
    isHardwareId(hardwareId) &&
    dnsLabelError(nodeName) === undefined &&
    /^[\w.+-]{1,64}$/.test(version) &&
    /^[0-9a-f]{64}$/.test(key) &&
    fields.get('state') === 'unclaimed';
  return isGood ? { hardwareId, nodeName, version, key } : undefined;
}

// Crockford's base32: no letters that are taken for digits.
const codeAlphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * The code of a device's key, such as `7Q4M-0ZB3-K9TX`, for people who compare it with what stands on the console.
 * 60 bits: nobody finds a second key with the same code.
 */
export function codeOfKey(key: string): string {
  const digest = createHash('sha256').update(key).digest();
  const letters = Array.from(digest.subarray(0, 12), (byte) => codeAlphabet[byte % 32]).join('');
  return letters.replace(/.{4}(?=.)/g, '$&-');
}

/** Whether a person has typed a code, with or without its hyphens. */
export function isCodeOfKey(typed: string, key: string): boolean {
  const plain = (text: string): string => text.toUpperCase().replaceAll(/[^0-9A-Z]/g, '');
  return plain(typed) === plain(codeOfKey(key));
}

/** Reads what a device is given. @returns the claim, or what is wrong with it */
export function readLanClaim(line: string): { claim: LanClaim } | { problem: string } {
  if (line.length > maxClaimBytes) return { problem: `the claim has more than ${maxClaimBytes} bytes` };
  try {
    if (!isJsonObject(JSON.parse(line))) return { problem: 'expected a JSON object' };
  } catch {
    return { problem: 'expected a JSON object' };
  }
  // JSON is YAML, and the fields are those of skerry.yaml.
  const { config, problems } = readDeviceConfig(line);
  const { hub, token, name, labels, ...others } = config;
  const [stray] = Object.keys(others);
  if (stray !== undefined) return { problem: `${stray}: can't be given over the network` };
  if (problems.length > 0) return { problem: problems.join('; ') };
  if (hub === undefined || token === undefined) return { problem: 'hub and token: are required' };
  return {
    claim: { hub, token, ...(name === undefined ? {} : { name }), ...(labels === undefined ? {} : { labels }) },
  };
}

/** Reads a device's answer. @returns undefined when it is none */
export function readClaimAnswer(line: string): ClaimAnswer | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isJsonObject(answer)) return undefined;
  const { state, node, message } = answer;
  if (state === 'taken') return { state };
  if (state === 'joined' && typeof node === 'string') return { state, node };
  if ((state === 'waiting' || state === 'refused') && typeof message === 'string') return { state, message };
  return undefined;
}
