// What apply-config finds for a configuration.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { deviceFiles } from './files.ts';

it('hands over nothing but the name when nothing is configured', () => {
  assert.deepEqual(deviceFiles({}, 'skerry-1.example.org'), [{ name: 'hostname', content: 'skerry-1\n' }]);
  assert.equal(deviceFiles({}, `${'a'.repeat(62)}-b`)[0]?.content, `${'a'.repeat(62)}\n`);
});

it('hands over keys, network and wireless network', () => {
  const config = {
    sshKeys: ['ssh-ed25519 AAAA me', 'ssh-rsa BBBB'],
    staticAddress: { address: '192.168.1.5/24', gateway: '192.168.1.1', dns: ['1.1.1.1', '2001:db8::1'] },
    wifi: { ssid: 'Möwe "1"', password: 'a"b #c\\d', country: 'DE' },
  };
  const files = Object.fromEntries(deviceFiles(config, 'a').map(({ name, content }) => [name, content]));
  assert.equal(files.authorized_keys, 'ssh-ed25519 AAAA me\nssh-rsa BBBB\n');
  assert.equal(files.network, "ADDRESS='192.168.1.5/24'\nGATEWAY='192.168.1.1'\nDNS='1.1.1.1 2001:db8::1'\n");
  const wireless = files['wpa_supplicant.conf'] ?? '';
  assert.match(wireless, /^country=DE$/m);
  assert.match(wireless, /^ {2}ssid=4dc3b6776520223122$/m);
  assert.match(wireless, /^ {2}psk="a"b #c\\d"$/m);
  assert.doesNotMatch(wireless, /NONE/);
});

it('joins an open wireless network without a key', () => {
  const [, wireless] = deviceFiles({ wifi: { ssid: 'open' } }, 'a');
  assert.match(wireless?.content ?? '', /key_mgmt=NONE/);
  assert.doesNotMatch(wireless?.content ?? '', /psk|country/);
});
