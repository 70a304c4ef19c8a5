// What a person says about one device: skerry.yaml on the first partition of its
// card, written by `skerry flash` or by hand on any computer, read by the agent.
// docs/devices.md describes each field.
import { parseDocument, stringify } from 'yaml';
import { labelValueError, qualifiedNameError } from '../meta/labels.ts';
import { dnsSubdomainError, isIpAddress } from '../meta/names.ts';
import { parseJoinToken } from '../wire/join-token.ts';

export type WirelessConfig = {
  ssid: string;
  /** WPA passphrase of 8 to 63 characters; none for an open network. */
  password?: string;
  /** ISO 3166 two-letter country, which decides the channels: `DE`. */
  country?: string;
};

/** Addresses of the wired interface; without it they come by DHCP. */
export type StaticAddress = {
  /** With the length of the prefix: `192.168.1.5/24`. */
  address: string;
  gateway?: string;
  dns?: string[];
};

export type DeviceConfig = {
  /** mqtts://HOST:PORT */
  hub?: string;
  /** Join token from `skerry token create`. */
  token?: string;
  /** Node name; made from the hardware's serial number when it is missing. */
  name?: string;
  labels?: Record<string, string>;
  wifi?: WirelessConfig;
  staticAddress?: StaticAddress;
  /** Lines as in authorized_keys. ssh is off when there are none. */
  sshKeys?: string[];
};

/** Name of the file on the first partition. */
export const deviceConfigName = 'skerry.yaml';
/** Name of the file beside it in which the device tells what it could not do. */
export const deviceReportName = 'skerry-report.txt';

export const maximumConfigBytes = 64 << 10;
const maximumEntries = 64;

export type DeviceConfigReading = {
  /** What could be read: fields with a problem are left out, so that a slip in one does not cost the network. */
  config: DeviceConfig;
  /** A line each: the field and what was expected. */
  problems: string[];
};

type Problems = { add: (field: string, expected: string, found: unknown) => void };

/** Not as JSON: what aliases make can be endless. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields of a mapping that nobody knows are slips of the pen, which would else be ignored in silence. */
function unknownFields(value: Record<string, unknown>, known: string[], prefix: string, problems: Problems): void {
  for (const key of Object.keys(value))
    if (!known.includes(key)) problems.add(`${prefix}${key}`, `one of ${known.join(', ')}`, key);
}

function text(
  value: unknown,
  field: string,
  problems: Problems,
  { expected, test }: { expected: string; test: (value: string) => boolean },
): string | undefined {
  // YAML reads 12345678 as a number; a person meant the text.
  const given = typeof value === 'number' ? String(value) : value;
  if (typeof given === 'string' && given !== '' && !/[\0\r\n]/.test(given) && test(given)) return given;
  problems.add(field, expected, value);
  return undefined;
}

/** A field that may be missing; one without a value is one that a person has emptied. */
function optionalText(...[value, ...rest]: Parameters<typeof text>): string | undefined {
  return value === undefined || value === null ? undefined : text(value, ...rest);
}

/** mqtts://HOST:PORT, of which the port may be missing. */
export function isHubUrl(value: string): boolean {
  return /^mqtts:\/\/[^/?#@\s]+$/.test(value) && URL.canParse(value);
}

function isAddressWithPrefix(value: string): boolean {
  const [address = '', length = '', ...rest] = value.split('/');
  const longest = address.includes(':') ? 128 : 32;
  return rest.length === 0 && isIpAddress(address) && /^\d{1,3}$/.test(length) && Number(length) <= longest;
}

function readWireless(value: unknown, problems: Problems): WirelessConfig | undefined {
  if (!isRecord(value)) {
    problems.add('wifi', 'a mapping with ssid and password', value);
    return undefined;
  }
  unknownFields(value, ['ssid', 'password', 'country'], 'wifi.', problems);
  const ssid = text(value.ssid, 'wifi.ssid', problems, {
    expected: 'the name of a network, 1 to 32 bytes',
    test: (name) => new TextEncoder().encode(name).length <= 32,
  });
  const password = optionalText(value.password, 'wifi.password', problems, {
    expected: 'a passphrase of 8 to 63 printable ASCII characters',
    test: (passphrase) => /^[\x20-\x7e]{8,63}$/.test(passphrase),
  });
  const country = optionalText(value.country, 'wifi.country', problems, {
    expected: 'a country of two capital letters such as DE',
    test: (code) => /^[A-Z]{2}$/.test(code),
  });
  // A network that wants a passphrase is not to be tried without one.
  const broken = value.password !== undefined && value.password !== null && password === undefined;
  if (ssid === undefined || broken) return undefined;
  return { ssid, ...(password === undefined ? {} : { password }), ...(country === undefined ? {} : { country }) };
}

function readStaticAddress(value: unknown, problems: Problems): StaticAddress | undefined {
  if (!isRecord(value)) {
    problems.add('staticAddress', 'a mapping with address, gateway and dns', value);
    return undefined;
  }
  unknownFields(value, ['address', 'gateway', 'dns'], 'staticAddress.', problems);
  const address = text(value.address, 'staticAddress.address', problems, {
    expected: 'an address with its prefix such as 192.168.1.5/24',
    test: isAddressWithPrefix,
  });
  const gateway = optionalText(value.gateway, 'staticAddress.gateway', problems, {
    expected: 'an IP address',
    test: isIpAddress,
  });
  const dns = list(value.dns, 'staticAddress.dns', problems, { expected: 'IP addresses', test: isIpAddress });
  if (address === undefined) return undefined;
  return { address, ...(gateway === undefined ? {} : { gateway }), ...(dns === undefined ? {} : { dns }) };
}

function list(
  value: unknown,
  field: string,
  problems: Problems,
  rule: { expected: string; test: (value: string) => boolean },
): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length > maximumEntries) {
    problems.add(field, `a list of ${rule.expected}, at most ${maximumEntries}`, value);
    return undefined;
  }
  return value.flatMap((item, index) => text(item, `${field}[${index}]`, problems, rule) ?? []);
}

function readLabels(value: unknown, problems: Problems): Record<string, string> | undefined {
  if (!isRecord(value) || Object.keys(value).length > maximumEntries) {
    problems.add('labels', `a mapping of at most ${maximumEntries} labels`, value);
    return undefined;
  }
  const labels: Record<string, string> = {};
  for (const [key, given] of Object.entries(value)) {
    const keyError = qualifiedNameError(key);
    const label = ['string', 'number', 'boolean'].includes(typeof given)
      ? String(given)
      : given === null
        ? ''
        : undefined;
    const valueError = label === undefined ? 'must be a text' : labelValueError(label);
    const problem = keyError ?? valueError;
    if (problem !== undefined) problems.add(`labels.${key}`, `a label (${problem})`, given);
    else if (label !== undefined) labels[key] = label;
  }
  return labels;
}

type Fields = {
  [K in keyof Required<DeviceConfig>]: (value: unknown, problems: Problems) => DeviceConfig[K] | undefined;
};

/** One reader a field; the compiler checks that none is missing. */
const readers: Fields = {
  hub: (value, problems) => text(value, 'hub', problems, { expected: 'mqtts://HOST:PORT', test: isHubUrl }),
  token: (value, problems) =>
    text(value, 'token', problems, {
      expected: 'a token as printed by skerry token create',
      test: (token) => parseJoinToken(token) !== undefined,
    }),
  name: (value, problems) =>
    text(value, 'name', problems, {
      expected: 'a name of lower case letters, digits, - and . (RFC 1123)',
      test: (name) => dnsSubdomainError(name) === undefined,
    }),
  labels: readLabels,
  wifi: readWireless,
  staticAddress: readStaticAddress,
  sshKeys: (value, problems) =>
    list(value, 'sshKeys', problems, {
      expected: 'public keys as in authorized_keys',
      test: (key) => /^(ssh-|ecdsa-|sk-)[\w@.-]+ [A-Za-z0-9+/=]+( .*)?$/.test(key),
    }),
};

/** Reads the text of skerry.yaml. Never throws: a device with a broken file must still come up and say so. */
export function readDeviceConfig(source: string): DeviceConfigReading {
  const problems: string[] = [];
  const sink: Problems = {
    add: (field, expected, found) => problems.push(`${field}: expected ${expected}, found ${shown(found)}`),
  };
  if (source.length > maximumConfigBytes)
    return {
      config: {},
      problems: [`the file has ${source.length} characters, at most ${maximumConfigBytes} are read`],
    };
  let content: unknown;
  try {
    // Files edited on Windows begin with a byte order mark and end their lines with CR LF.
    const document = parseDocument(source.replace(/^\uFEFF/, ''), { prettyErrors: true });
    const [error] = document.errors;
    if (error !== undefined) return { config: {}, problems: [`not YAML: ${error.message.split('\n')[0]}`] };
    content = document.toJS({ maxAliasCount: maximumEntries });
  } catch (error) {
    return { config: {}, problems: [`not YAML: ${(error as Error).message.split('\n')[0]}`] };
  }
  if (content === null || content === undefined) return { config: {}, problems };
  if (!isRecord(content)) {
    sink.add('skerry.yaml', 'a mapping of fields', content);
    return { config: {}, problems };
  }
  unknownFields(content, Object.keys(readers), '', sink);
  const config: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(readers)) {
    const value = content[name];
    // A field without a value is one that a person has emptied.
    if (value === undefined || value === null) continue;
    const result = read(value, sink);
    if (result !== undefined) config[name] = result;
  }
  return { config: config as DeviceConfig, problems };
}

/** The text of skerry.yaml for a configuration, with a line on where it is described. */
export function writeDeviceConfig(config: DeviceConfig): string {
  const body = Object.keys(config).length === 0 ? '' : stringify(config, { lineWidth: 0 });
  return `# This device's configuration: hub, token, name, labels, wifi, staticAddress, sshKeys.\n# Read at each start; what is wrong with it stands in ${deviceReportName}.\n${body}`;
}
