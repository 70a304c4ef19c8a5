// Which drives may be written: what lsblk says of a laptop, a Pi and odd devices.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Drive, describeContent, readDrives, refusal } from './drives.ts';

const gibibyte = 2 ** 30;

function device(fields: Record<string, unknown>): Record<string, unknown> {
  return {
    type: 'disk',
    size: 32 * gibibyte,
    rm: false,
    hotplug: false,
    ro: false,
    'log-sec': 512,
    mountpoints: [null],
    ...fields,
  };
}

const laptop = device({
  name: 'nvme0n1',
  path: '/dev/nvme0n1',
  tran: 'nvme',
  model: 'Samsung SSD 980',
  children: [
    device({ name: 'nvme0n1p1', path: '/dev/nvme0n1p1', type: 'part', fstype: 'vfat', mountpoints: ['/boot/efi'] }),
    device({
      name: 'nvme0n1p2',
      path: '/dev/nvme0n1p2',
      type: 'part',
      fstype: 'crypto_LUKS',
      children: [
        device({
          name: 'crypt',
          path: '/dev/mapper/crypt',
          type: 'crypt',
          children: [
            device({ name: 'root', path: '/dev/mapper/root', type: 'lvm', fstype: 'ext4', mountpoints: ['/'] }),
            device({ name: 'swap', path: '/dev/mapper/swap', type: 'lvm', fstype: 'swap', mountpoints: ['[SWAP]'] }),
          ],
        }),
      ],
    }),
  ],
});
const stick = device({
  name: 'sdb',
  path: '/dev/sdb',
  tran: 'usb',
  vendor: 'SanDisk ',
  model: 'Ultra',
  serial: 'A1',
  rm: true,
  children: [
    device({ name: 'sdb1', path: '/dev/sdb1', type: 'part', size: 256 * 2 ** 20, fstype: 'vfat', label: 'bootfs' }),
    device({ name: 'sdb2', path: '/dev/sdb2', type: 'part', size: gibibyte, fstype: 'ext4', partlabel: 'root' }),
  ],
});

function driveOf(fields: Record<string, unknown>): Drive {
  const [drive] = readDrives(JSON.stringify({ blockdevices: [fields] }));
  assert.ok(drive !== undefined);
  return drive;
}

function refused(fields: Record<string, unknown>, force = false): string {
  return refusal(driveOf(fields), { force }) ?? 'writable';
}

describe('drives', () => {
  it('are known by what lsblk says', () => {
    const drive = driveOf(stick);
    assert.equal(drive.model, 'SanDisk Ultra');
    assert.equal(drive.removable, true);
    assert.deepEqual(describeContent(drive), [
      '  /dev/sdb1  256 MiB vfat "bootfs"',
      '  /dev/sdb2  1.0 GiB ext4 "root"',
    ]);
  });

  it('are written when they can be taken out and nothing uses them', () => {
    assert.equal(refused(stick), 'writable');
    assert.equal(refused(device({ name: 'mmcblk0', path: '/dev/mmcblk0', hotplug: true })), 'writable');
    // As lsblk before 2.37 writes it.
    assert.equal(refused(device({ name: 'sdc', path: '/dev/sdc', rm: '1', size: '8000000000' })), 'writable');
  });

  it('are never written when they hold the system, however deep', () => {
    for (const force of [false, true]) {
      const message = refused(laptop, force);
      assert.match(message, /^\/dev\/nvme0n1 holds the running system \(\/boot\/efi, \/, swap\): it is never written/);
    }
    const bare = device({ name: 'sda', path: '/dev/sda', mountpoints: ['/'], tran: 'usb', rm: true });
    assert.match(refused(bare, true), /^\/dev\/sda holds the running system \(\/\)/);
  });

  it('are not written when something uses them', () => {
    const mounted = {
      ...stick,
      children: [device({ path: '/dev/sdb1', type: 'part', mountpoints: [null, '/media/card'] })],
    };
    for (const force of [false, true])
      assert.match(refused(mounted, force), /^\/dev\/sdb1 is mounted on \/media\/card: .* \(umount \/dev\/sdb1\)$/);
    const array = { ...stick, children: [device({ path: '/dev/md0', type: 'raid1' })] };
    assert.equal(refused(array, true), '/dev/sdb is in use by /dev/md0 (raid1)');
  });

  it('are refused with the reason', () => {
    const internal = device({ name: 'sda', path: '/dev/sda', tran: 'sata', model: 'Disk' });
    assert.match(refused(internal), /^\/dev\/sda \(Disk, 32\.0 GiB, sata\) is no removable drive; --force/);
    assert.equal(refused(internal, true), 'writable');
    assert.match(refused({ ...stick, size: 0 }), /has no medium in it/);
    assert.match(refused({ ...stick, ro: true }, true), /is write-protected/);
    assert.match(refused({ ...stick, type: 'rom' }, true), /is not a whole drive \(rom\)/);
  });

  it('are not made up from what is no list', () => {
    assert.throws(() => readDrives('{}'), /^Error: lsblk: expected a list of blockdevices$/);
    assert.throws(() => readDrives('oops'), SyntaxError);
  });
});
