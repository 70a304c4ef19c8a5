// Which device this is: the best that its hardware says, and never what makers leave in its place.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { readHardwareFacts } from '../../platform/hardware.ts';
import { defaultNodeName, distinctNodeName, hardwareIdOf } from './hardware-id.ts';

const nothing = { deviceTreeSerial: '', productUuid: '', macAddresses: [] };

it('takes the serial number before the UUID before the address', () => {
  const all = {
    deviceTreeSerial: '10000000ABCD1234',
    productUuid: '4C4C4544-0051-3010-8052-B4C04F564433',
    macAddresses: ['dc:a6:32:01:02:03', 'dc:a6:32:01:02:04'],
  };
  assert.equal(hardwareIdOf(all), 'serial-10000000abcd1234');
  assert.equal(hardwareIdOf({ ...all, deviceTreeSerial: '' }), 'uuid-4c4c4544-0051-3010-8052-b4c04f564433');
  assert.equal(hardwareIdOf({ ...all, deviceTreeSerial: '', productUuid: '' }), 'mac-dca632010203');
  assert.equal(hardwareIdOf(nothing), undefined);
});

it('does not take what is the same on every board', () => {
  const same = ['0000000000000000', 'ffffffff', 'To be filled by O.E.M.', 'Default string', '123', '\u0007'.repeat(9)];
  for (const deviceTreeSerial of same) assert.equal(hardwareIdOf({ ...nothing, deviceTreeSerial }), undefined);
  for (const productUuid of ['00000000-0000-0000-0000-000000000000', '03000200-0400-0500-0006-000700080009'])
    assert.equal(hardwareIdOf({ ...nothing, productUuid }), undefined);
  assert.equal(hardwareIdOf({ ...nothing, macAddresses: ['00:00:00:00:00:00'] }), undefined);
});

it('makes names that are good for nodes and differ by device', () => {
  const ids = Array.from({ length: 20 }, (_, index) => `serial-1000000000000${index}`);
  assert.equal(new Set(ids.map(defaultNodeName)).size, 20);
  const given = ['kitchen', 'a.b', `${'a'.repeat(239)}.${'b'.repeat(12)}`];
  for (const name of [...ids.map(defaultNodeName), ...given.map((name) => distinctNodeName(name, 'serial-1'))])
    assert.equal(dnsSubdomainError(name), undefined, name);
  assert.equal(new Set(ids.map((id) => distinctNodeName('kitchen', id))).size, 20);
});

it('reads what the kernel shows', (context) => {
  const root = mkdtempSync(join(tmpdir(), 'skerry-hardware-'));
  context.after(() => rmSync(root, { recursive: true }));
  const put = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  assert.deepEqual(readHardwareFacts(root), nothing);
  put('proc/device-tree/serial-number', '10000000abcd1234\0');
  put('sys/class/dmi/id/product_uuid', '4c4c4544-0051-3010-8052-b4c04f564433\n');
  for (const [name, address, assignment] of [
    ['wlan0', 'dc:a6:32:00:00:02', '0'],
    ['eth0', 'dc:a6:32:00:00:01', '0'],
    ['enx1', '02:00:00:00:00:01', '3'],
  ]) {
    put(`sys/class/net/${name}/address`, `${address}\n`);
    put(`sys/class/net/${name}/addr_assign_type`, `${assignment}\n`);
    mkdirSync(join(root, `sys/class/net/${name}/device`));
  }
  put('sys/class/net/br0/address', 'dc:a6:32:00:00:01\n');
  assert.deepEqual(readHardwareFacts(root), {
    deviceTreeSerial: '10000000abcd1234',
    productUuid: '4c4c4544-0051-3010-8052-b4c04f564433',
    macAddresses: ['dc:a6:32:00:00:01', 'dc:a6:32:00:00:02'],
  });
});
