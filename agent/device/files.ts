// What a device's configuration means for its system: the files that the
// firmware's `apply-config` reads. Pure.
import type { DeviceConfig, StaticAddress, WirelessConfig } from '../../api/device/config.ts';

export type DeviceFile = { name: string; content: string };

/** A system's name is one label of at most 63 bytes, a node's may be a whole domain name. */
function hostName(nodeName: string): string {
  return (nodeName.split('.')[0] ?? '').slice(0, 63).replace(/-+$/, '');
}

/**
 * https://w1.fi/cgit/hostap/plain/wpa_supplicant/wpa_supplicant.conf. The name of the network stands in hexadecimal;
 * a passphrase ends with the line's last quote, so that it may contain some itself.
 */
function wirelessFile({ ssid, password, country }: WirelessConfig): string {
  const network = [
    `ssid=${Buffer.from(ssid).toString('hex')}`,
    'scan_ssid=1',
    ...(password === undefined
      ? ['key_mgmt=NONE']
      : [`psk="${password}"`, 'key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE', 'ieee80211w=1']),
  ];
  const head = ['ctrl_interface=/run/wpa_supplicant', ...(country === undefined ? [] : [`country=${country}`])];
  return `${head.join('\n')}\nnetwork={\n${network.map((line) => `  ${line}\n`).join('')}}\n`;
}

/** Variables of a shell; what the configuration's reader lets through has no quotes in it. */
function networkFile({ address, gateway = '', dns = [] }: StaticAddress): string {
  return `ADDRESS='${address}'\nGATEWAY='${gateway}'\nDNS='${dns.join(' ')}'\n`;
}

/** Names of all files that may be there: what is not configured must not stay from before. */
export const deviceFileNames = ['hostname', 'authorized_keys', 'wpa_supplicant.conf', 'network'];

/** The files of a configuration. */
export function deviceFiles(config: DeviceConfig, nodeName: string): DeviceFile[] {
  const { sshKeys = [], wifi, staticAddress } = config;
  return [
    { name: 'hostname', content: `${hostName(nodeName)}\n` },
    ...(sshKeys.length === 0 ? [] : [{ name: 'authorized_keys', content: `${sshKeys.join('\n')}\n` }]),
    ...(wifi === undefined ? [] : [{ name: 'wpa_supplicant.conf', content: wirelessFile(wifi) }]),
    ...(staticAddress === undefined ? [] : [{ name: 'network', content: networkFile(staticAddress) }]),
  ];
}
