// skerry claim: lists the devices on this network that belong to nobody, and
// makes one of them a node of a hub.
import { codeOfKey, isCodeOfKey, type LanClaim } from '../../api/device/announcement.ts';
import { isHubUrl } from '../../api/device/config.ts';
import { labelValueError, qualifiedNameError } from '../../api/meta/labels.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { parseJoinToken } from '../../api/wire/join-token.ts';
import type { Command } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { createToken } from '../join-token.ts';
import type { Options } from '../options.ts';
import { findDevices, giveClaim, type UnclaimedDevice } from '../unclaimed-devices.ts';
import { kubeconfigOf, revokeToken } from './token.ts';

/** A device that has been found needs it within minutes; more is for a hub that it can't reach yet. */
const tokenTtlMs = 3_600_000;

function row(name: string, code: string, address: string, version: string, hardwareId: string): string {
  return `${name.padEnd(24)} ${code.padEnd(16)} ${address.padEnd(22)} ${version.padEnd(10)} ${hardwareId}\n`;
}

async function list(options: Options): Promise<number> {
  const devices = await findDevices(options.duration('wait'));
  process.stdout.write(row('NAME', 'CODE', 'ADDRESS', 'VERSION', 'HARDWARE'));
  for (const { nodeName, key, addresses, port, version, hardwareId } of devices)
    process.stdout.write(row(nodeName, codeOfKey(key), `${addresses[0]}:${port}`, version, hardwareId));
  if (devices.length === 0) process.stderr.write('skerry: no device on this network waits to be claimed\n');
  return 0;
}

/** Whether a person means this device: by name, hardware id or code. */
function isMeant(word: string, { nodeName, hardwareId, key }: UnclaimedDevice): boolean {
  return word === nodeName || word === hardwareId || isCodeOfKey(word, key);
}

/** @throws UsageError naming the option */
function readClaim(options: Options): Omit<LanClaim, 'token'> & { token: string | undefined } {
  const [hub, name, token] = [options.require('hub'), options.get('name'), options.get('token')];
  if (!isHubUrl(hub)) throw new UsageError(`--hub: expected mqtts://HOST:PORT, found ${JSON.stringify(hub)}`);
  const problem = name === undefined ? undefined : dnsSubdomainError(name);
  if (problem !== undefined) throw new UsageError(`--name: ${problem}`);
  if (token !== undefined && parseJoinToken(token) === undefined)
    throw new UsageError('--token: expected a token as printed by skerry token create');
  const labels = Object.fromEntries(options.all('label').map(readLabel));
  return {
    hub,
    token,
    ...(name === undefined ? {} : { name }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

function readLabel(text: string): [key: string, value: string] {
  const [key = '', ...rest] = text.split('=');
  const value = rest.join('=');
  const problem =
    rest.length === 0 ? 'expected KEY=VALUE' : (qualifiedNameError(key) ?? labelValueError(value) ?? undefined);
  if (problem !== undefined) throw new UsageError(`--label ${text}: ${problem}`);
  return [key, value];
}

async function find(word: string, options: Options): Promise<UnclaimedDevice> {
  const isIt = (device: UnclaimedDevice): boolean => isMeant(word, device);
  const found = (await findDevices(options.duration('wait'), isIt)).filter(isIt);
  const [device, other] = found;
  if (device === undefined)
    throw new CommandError(`no device ${word} on this network waits to be claimed: see skerry claim --list`);
  if (other !== undefined)
    throw new CommandError(`${found.length} devices are called ${word}: name one by its code, see skerry claim --list`);
  const code = options.get('code');
  if (code !== undefined && !isCodeOfKey(code, device.key))
    throw new CommandError(
      `the device that answers as ${word} has the code ${codeOfKey(device.key)}, not ${code}: it is another one, and was given nothing`,
    );
  return device;
}

async function claim(word: string, options: Options): Promise<number> {
  const { token: given, ...wanted } = readClaim(options);
  const config = given === undefined ? kubeconfigOf(options) : undefined;
  const device = await find(word, options);
  const made = config === undefined ? undefined : await createToken(config, { ttlMs: tokenTtlMs, uses: 1 });
  const answer = await giveClaim(
    device,
    { ...wanted, token: given ?? made ?? '' },
    options.duration('timeout'),
    (progress) => {
      if (progress.state === 'taken') process.stderr.write(`skerry: ${device.nodeName} has taken the claim\n`);
      if (progress.state === 'waiting') process.stderr.write(`skerry: ${device.nodeName}: ${progress.message}\n`);
    },
  );
  if (answer.state === 'joined') {
    process.stdout.write(`${device.nodeName} is node ${answer.node}\n`);
    return 0;
  }
  if (answer.state === 'refused') {
    if (config !== undefined && made !== undefined) await revokeToken(config, made);
    throw new CommandError(`${device.nodeName} could not be claimed: ${answer.message}`);
  }
  throw new CommandError(
    `${device.nodeName} has taken the claim and has not joined yet${answer.state === 'waiting' ? ` (${answer.message})` : ''}: it goes on trying`,
  );
}

export const claimCommand: Command = {
  summary: 'Lists the devices on this network that belong to nobody, and claims one.',
  usage: '--list | DEVICE --hub mqtts://HOST:PORT [--name NAME] [--label KEY=VALUE] [options]',
  options: {
    list: { description: 'tell which devices wait, with the code that stands on their console' },
    hub: { description: 'address of the hub, as the device reaches it', value: 'mqtts://HOST:PORT' },
    'data-dir': { description: "the hub's data directory", value: 'DIR' },
    kubeconfig: { description: 'kubeconfig of the hub', value: 'FILE' },
    token: { description: 'a join token, in place of a new one for this device alone', value: 'TOKEN' },
    name: { description: "name of the node (default: the device's own)", value: 'NAME' },
    label: { description: 'label of the node; may be repeated', value: 'KEY=VALUE', multiple: true },
    code: { description: "the code on the device's console: nothing is given to a device with another", value: 'CODE' },
    wait: { description: 'how long to look for devices', value: 'DURATION', default: '3s' },
    timeout: { description: 'how long to wait until the device has joined', value: 'DURATION', default: '60s' },
  },
  run: async (options) => {
    if (options.has('list')) return list(options);
    const [word] = options.words;
    if (word === undefined) throw new UsageError('expected --list, or the name, hardware id or code of a device');
    return claim(word, options);
  },
};
