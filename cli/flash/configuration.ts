// From the options of `skerry flash` to what will stand in skerry.yaml. What the
// device would refuse is refused here, before anything is written.
import { type DeviceConfig, readDeviceConfig, writeDeviceConfig } from '../../api/device/config.ts';
import type { BoardName } from '../../firmware-images/manifest.ts';
import { UsageError } from '../errors.ts';
import type { OptionSpecs, Options } from '../options.ts';

export const configurationOptions: OptionSpecs = {
  hub: { description: 'mqtts://HOST:PORT of the hub that the device joins', value: 'URL' },
  token: { description: 'join token from skerry token create', value: 'TOKEN' },
  name: { description: "the node's name; else made from the hardware's serial number", value: 'NAME' },
  label: { description: 'label of the node (several times)', value: 'KEY=VALUE', multiple: true },
  wifi: { description: 'name of a wireless network', value: 'SSID' },
  'wifi-password': { description: 'its passphrase', value: 'PASSWORD' },
  'wifi-country': { description: 'country that decides its channels, such as DE', value: 'CC' },
  'static-ip': { description: 'address of the wired network with its prefix', value: 'ADDRESS/LENGTH' },
  gateway: { description: 'gateway for --static-ip', value: 'ADDRESS' },
  dns: { description: 'name server for --static-ip (several times)', value: 'ADDRESS', multiple: true },
  'ssh-key': {
    description: 'file with public keys for ssh, which is off without (several times)',
    value: 'FILE',
    multiple: true,
  },
};

/** Fields of skerry.yaml and the options that they come from; the longest that fits counts. */
const optionOfField: [field: string, option: string][] = [
  ['staticAddress.gateway', '--gateway'],
  ['staticAddress.dns', '--dns'],
  ['staticAddress', '--static-ip'],
  ['wifi.password', '--wifi-password'],
  ['wifi.country', '--wifi-country'],
  ['wifi', '--wifi'],
  ['labels', '--label'],
  ['sshKeys', '--ssh-key'],
  ['token', '--token'],
  ['hub', '--hub'],
  ['name', '--name'],
];
const secretOptions = ['--token', '--wifi-password'];

const architectures: Record<BoardName, string> = {
  'qemu-arm64': 'arm64',
  'rpi-arm64': 'arm64',
  'rpi-armhf': 'arm',
  'generic-arm64': 'arm64',
  'generic-amd64': 'amd64',
};

/** `token: expected ..., found "..."` as what it says of an option, without secrets. */
function optionProblem(problem: string): string {
  const found = optionOfField.find(([field]) => problem.startsWith(field));
  if (found === undefined) return problem;
  const [field, option] = found;
  const rest = problem.slice(field.length).replace(/^\.[^:]*|^\[\d+\]/, '');
  return `${option}${secretOptions.includes(option) ? rest.replace(/, found [\s\S]*$/, '') : rest}`;
}

function labelsOf(entries: string[]): Record<string, string> {
  const labels: [string, string][] = entries.map((entry) => {
    const at = entry.indexOf('=');
    if (at < 1) throw new UsageError(`--label: expected KEY=VALUE, found ${JSON.stringify(entry)}`);
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  return Object.fromEntries(labels);
}

/** Options that mean nothing without another one. */
const needed: Record<string, string> = {
  'wifi-password': 'wifi',
  'wifi-country': 'wifi',
  gateway: 'static-ip',
  dns: 'static-ip',
};

/** Options that name one device, and so go to one only. */
const ofOneDevice = ['name', 'static-ip'];

/**
 * The configuration that the options describe, or undefined when they describe none.
 * @param sshKeys lines of the files that --ssh-key names
 * @throws UsageError naming the option and what was expected
 */
export function readConfiguration(options: Options, sshKeys: string[], targets: number): DeviceConfig | undefined {
  for (const [option, other] of Object.entries(needed))
    if (options.get(option) !== undefined && options.get(other) === undefined)
      throw new UsageError(`--${option}: --${other} is required with it`);
  for (const option of ofOneDevice)
    if (targets > 1 && options.get(option) !== undefined)
      throw new UsageError(`--${option}: is for one device, and ${targets} are to be written`);
  const [hub, token, name] = [options.get('hub'), options.get('token'), options.get('name')];
  const [ssid, password, country] = [options.get('wifi'), options.get('wifi-password'), options.get('wifi-country')];
  const [address, gateway, dns] = [options.get('static-ip'), options.get('gateway'), options.all('dns')];
  const labels = labelsOf(options.all('label'));
  const config: DeviceConfig = {
    ...(hub !== undefined && { hub }),
    ...(token !== undefined && { token }),
    ...(name !== undefined && { name }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(ssid !== undefined && {
      wifi: { ssid, ...(password !== undefined && { password }), ...(country !== undefined && { country }) },
    }),
    ...(address !== undefined && {
      staticAddress: { address, ...(gateway !== undefined && { gateway }), ...(dns.length > 0 && { dns }) },
    }),
    ...(sshKeys.length > 0 && { sshKeys }),
  };
  if (Object.keys(config).length === 0) return undefined;
  const [problem] = readDeviceConfig(writeDeviceConfig(config)).problems;
  if (problem !== undefined) throw new UsageError(optionProblem(problem));
  if (token !== undefined && hub === undefined) throw new UsageError('--token: --hub is required with it');
  return config;
}

/** Why an image for this board is not the one that was asked for, or undefined. */
export function boardProblem(
  expected: string | undefined,
  config: DeviceConfig | undefined,
  board: BoardName | undefined,
): string | undefined {
  if (expected !== undefined && board !== expected)
    return `--board: expected an image for ${expected}, found ${board === undefined ? 'one without a manifest, of which the board is not known' : `one for ${board}`}`;
  const architecture = config?.labels?.['kubernetes.io/arch'];
  if (architecture !== undefined && board !== undefined && architectures[board] !== architecture)
    return `--label kubernetes.io/arch=${architecture}: the image is for ${board}, which is ${architectures[board]}`;
  return undefined;
}
