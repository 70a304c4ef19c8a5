// skerry.yaml: what is written is read again, slips are named, and rubbish never throws.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DeviceConfig, readDeviceConfig, writeDeviceConfig } from './config.ts';

const token = `skerry1.abcdef.0123456789abcdef.${'ab'.repeat(32)}`;
const whole: DeviceConfig = {
  hub: 'mqtts://hub.example.org:8883',
  token,
  name: 'kitchen-1',
  labels: { 'example.org/room': 'kitchen', floor: '2' },
  wifi: { ssid: 'Möwe', password: '12345678', country: 'DE' },
  staticAddress: { address: '192.168.1.5/24', gateway: '192.168.1.1', dns: ['192.168.1.1', '2001:db8::1'] },
  sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@laptop'],
};

describe('the configuration of a device', () => {
  it('is read as it was written', () => {
    assert.deepEqual(readDeviceConfig(writeDeviceConfig(whole)), { config: whole, problems: [] });
    assert.deepEqual(readDeviceConfig(writeDeviceConfig({})), { config: {}, problems: [] });
  });

  it('takes what editors and people make of it', () => {
    const text = '\uFEFFhub: mqtts://10.0.0.1:8883\r\nwifi:\r\n  ssid: 4711\r\n  password: 12345678\r\nname:\r\n';
    assert.deepEqual(readDeviceConfig(text), {
      config: { hub: 'mqtts://10.0.0.1:8883', wifi: { ssid: '4711', password: '12345678' } },
      problems: [],
    });
  });

  it('names the field and what was expected, and keeps the others', () => {
    const { config, problems } = readDeviceConfig(
      'hub: https://hub:6443\ntoken: nonsense\nname: Küche\nlabels: {"a b": c, ok: yes}\nwifi: {ssid: a, password: short}\nstaticAddress: {address: 192.168.1.5}\nsshKeys: [nokey]\ntokne: x\n',
    );
    assert.deepEqual(config, { labels: { ok: 'yes' }, sshKeys: [] });
    for (const field of ['hub', 'token', 'name', 'labels.a b', 'wifi.password', 'staticAddress.address', 'sshKeys[0]'])
      assert.equal(problems.filter((line) => line.startsWith(`${field}: expected `)).length, 1, field);
    assert.match(problems.join('\n'), /^tokne: expected one of hub, token/m);
  });

  it('survives rubbish', () => {
    for (const text of ['[1, 2', '- a', 'a: *b', '\0', '&a [*a]', 'x: &x [*x, *x]', '{'.repeat(5000), '!!js/x 1'])
      assert.ok(readDeviceConfig(text).problems.length > 0, text.slice(0, 20));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        readDeviceConfig(text);
      }),
      { seed: 1 },
    );
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`)
      .join('\n')}`;
    assert.match(readDeviceConfig(bomb).problems.join('\n'), /alias/i);
  });
});
