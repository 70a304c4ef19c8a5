// From options to skerry.yaml: what the device would refuse names the option, and secrets are not repeated.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeviceConfig } from '../../api/device/config.ts';
import { flashCommand } from '../commands/flash.ts';
import { UsageError } from '../errors.ts';
import { Options } from '../options.ts';
import { boardProblem, readConfiguration } from './configuration.ts';

const token = `skerry1.abcdef.0123456789abcdef.${'ab'.repeat(32)}`;
const hub = ['--hub', 'mqtts://hub:8883'];

function read(args: string[], keys: string[] = [], targets = 1): DeviceConfig | undefined {
  return readConfiguration(Options.parse(args, flashCommand.options, {}), keys, targets);
}

function refused(...args: string[]): string {
  try {
    read(args);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return 'taken';
}

describe('the configuration of a flash', () => {
  it('is what the options say', () => {
    const args = [...hub, '--token', token, '--name', 'kit-1', '--label', 'a=b=c', '--label', 'e=', '--wifi', 'Möwe'];
    const more = [
      '--wifi-password',
      '12345678',
      '--wifi-country',
      'DE',
      '--static-ip',
      '10.0.0.2/24',
      '--dns',
      '10.0.0.1',
    ];
    // A value with `=` in it is no label's; the device would refuse it.
    assert.match(refused(...args), /^--label: expected a label/);
    const good = args.map((arg) => (arg === 'a=b=c' ? 'a=b' : arg));
    assert.deepEqual(read([...good, ...more, '--gateway', '10.0.0.1'], ['ssh-ed25519 AAAA me']), {
      hub: 'mqtts://hub:8883',
      token,
      name: 'kit-1',
      labels: { a: 'b', e: '' },
      wifi: { ssid: 'Möwe', password: '12345678', country: 'DE' },
      staticAddress: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: ['10.0.0.1'] },
      sshKeys: ['ssh-ed25519 AAAA me'],
    });
    assert.equal(read([]), undefined);
  });

  it('is refused with the option that is wrong', () => {
    assert.match(refused('--hub', 'https://hub'), /^--hub: expected mqtts:\/\/HOST:PORT, found "https:\/\/hub"$/);
    assert.match(refused('--name', 'Küche'), /^--name: expected a name/);
    assert.match(refused('--label', 'novalue'), /^--label: expected KEY=VALUE, found "novalue"$/);
    assert.match(refused('--label', 'a b=c'), /^--label: expected a label/);
    assert.match(refused('--wifi', 'x'.repeat(33)), /^--wifi: expected the name of a network/);
    assert.match(refused('--wifi', 'x', '--wifi-country', 'de'), /^--wifi-country: expected/);
    assert.match(refused('--static-ip', '10.0.0.2'), /^--static-ip: expected an address with its prefix/);
    assert.match(refused('--static-ip', '10.0.0.2/24', '--gateway', 'x'), /^--gateway: expected an IP address/);
    assert.match(refused('--static-ip', '10.0.0.2/24', '--dns', 'x'), /^--dns: expected IP addresses, found "x"/);
    assert.throws(() => read([], ['rubbish']), /^Error: --ssh-key: expected public keys/);
  });

  it('wants options that belong together', () => {
    assert.equal(refused('--wifi-password', '12345678'), '--wifi-password: --wifi is required with it');
    assert.equal(refused('--gateway', '10.0.0.1'), '--gateway: --static-ip is required with it');
    assert.equal(refused('--token', token), '--token: --hub is required with it');
  });

  it('does not repeat secrets', () => {
    const messages = [refused(...hub, '--token', 'tell-nobody'), refused('--wifi', 'x', '--wifi-password', 'secret!')];
    assert.deepEqual(messages, [
      '--token: expected a token as printed by skerry token create',
      '--wifi-password: expected a passphrase of 8 to 63 printable ASCII characters',
    ]);
  });

  it('gives the name and the address of a device to one only', () => {
    assert.throws(() => read(['--name', 'a'], [], 2), /^Error: --name: is for one device, and 2 are to be written$/);
    assert.throws(() => read(['--static-ip', '10.0.0.2/24'], [], 3), /^Error: --static-ip: is for one device/);
    assert.deepEqual(read(['--label', 'a=b'], [], 2), { labels: { a: 'b' } });
  });
});

describe('the board', () => {
  it('is the one that was asked for, or the image is refused', () => {
    assert.equal(boardProblem('rpi-arm64', undefined, 'rpi-arm64'), undefined);
    assert.equal(boardProblem(undefined, {}, undefined), undefined);
    assert.match(
      boardProblem('rpi-arm64', {}, 'generic-amd64') ?? '',
      /^--board: expected .* rpi-arm64, found one for generic-amd64$/,
    );
    assert.match(boardProblem('rpi-arm64', {}, undefined) ?? '', /without a manifest/);
    const labels = { 'kubernetes.io/arch': 'arm64' };
    assert.match(boardProblem(undefined, { labels }, 'rpi-armhf') ?? '', /is for rpi-armhf, which is arm$/);
    assert.equal(boardProblem(undefined, { labels }, 'qemu-arm64'), undefined);
  });
});
